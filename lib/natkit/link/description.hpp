#pragma once
/// What a host must know of its peer before it can reach it and know it again: the ICE description, and the fingerprint
/// of the certificate that the peer will show. As text it is a media section's worth of SDP lines (RFC 8839, RFC 8122,
/// RFC 8842), so that any WebRTC program understands it:
///
///   a=fingerprint:sha-256 4A:AD:…
///   a=setup:actpass
///   a=ice-ufrag:x7Kq
///   a=ice-pwd:0lC9dbGcQpoEkqYHV1rWNj
///   a=ice-options:trickle ice2 natkit
///   a=candidate:…
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/channel/channel.hpp"
#include "natkit/crypto/fingerprint.hpp"
#include "natkit/ice/description.hpp"

namespace natkit::link {
/// RFC 4145 §4.1: who opens the DTLS session.
enum class Setup : std::uint8_t {
  either,   ///< `actpass`, what an offer says
  active,   ///< will speak first
  passive,  ///< will wait
};

struct Description {
  ice::Description ice;
  std::optional<crypto::Fingerprint> fingerprint{};
  Setup setup = Setup::either;
};

enum class DescriptionError : std::uint8_t {
  no_ice,           ///< too long, or the credentials are missing or wrong
  no_fingerprint,   ///< none, so that nobody could be known again
  bad_fingerprint,  ///< none that is SHA-256
};
[[nodiscard]] std::string_view to_text(DescriptionError error);

struct ParsedDescription {
  Description description;
  std::vector<ice::ParsedDescription::Skipped> skipped{};
};
/// Whether a peer may be one that shows no certificate: another program's agent, which connects and no more.
enum class Fingerprints : std::uint8_t { required, optional };
[[nodiscard]] std::expected<ParsedDescription, DescriptionError> parse_description(
    std::string_view text, Fingerprints fingerprints = Fingerprints::required);
[[nodiscard]] std::string write_description(const Description& description);
}  // namespace natkit::link
