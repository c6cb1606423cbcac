#pragma once
/// What one agent must know of another before it can check paths to it, and its text (RFC 8839 §5.4–5.6, RFC 8840 §4):
///
///   a=ice-ufrag:x7Kq
///   a=ice-pwd:0lC9dbGcQpoEkqYHV1rWNj
///   a=ice-options:trickle ice2 natkit
///   a=candidate:…                        none, some or all of them; the others trickle in later
///   a=end-of-candidates                  only when there will be no more
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/rng.hpp"
#include "natkit/ice/candidate.hpp"
#include "natkit/ice/candidate_line.hpp"

namespace natkit::ice {
/// The short-term credential of one agent in one session (RFC 8445 §5.3). The user name fragment is public, the
/// password is what proves a check.
struct Credentials {
  std::string ufrag;     ///< 4–256 letters, digits, '+' or '/'
  std::string password;  ///< 22–256 of them
  bool operator==(const Credentials&) const = default;
};
/// 48 and 144 bits of chance, more than the 24 and 128 that §5.3 asks for.
[[nodiscard]] Credentials make_credentials(Rng& rng);

/// How the other agent keeps time. `natkit` is one of ours: it says so with an ICE option and with an attribute in
/// every check, both of which a foreign agent passes over.
enum class Dialect : std::uint8_t { rfc, natkit };

/// Whether the candidates at hand are all that there will be.
enum class Gathering : std::uint8_t { going_on, complete };

struct Description {
  Credentials credentials;
  Dialect dialect = Dialect::rfc;
  Gathering gathering = Gathering::going_on;
  std::vector<Candidate> candidates{};
};

inline constexpr std::size_t longest_description = 65536;
inline constexpr std::size_t most_candidates = 64;  ///< of one agent; browsers with many networks have some twenty

enum class DescriptionError : std::uint8_t {
  too_long,
  no_credentials,   ///< no ice-ufrag or no ice-pwd
  bad_credentials,  ///< too short, too long, or with foreign characters
};
struct ParsedDescription {
  Description description;
  /// Candidates that were passed over and why, as their lines stood: escape them before printing.
  struct Skipped {
    std::string line;
    LineError why{};
  };
  std::vector<Skipped> skipped{};  ///< at most `most_candidates`
};
/// Any SDP, whole or a fragment; of several media sections the first counts, lines of other concern are ignored.
/// Without an ice-options line naming `trickle` the candidates are complete.
[[nodiscard]] std::expected<ParsedDescription, DescriptionError> parse_description(std::string_view text);
/// The lines above, each ended by "\r\n".
[[nodiscard]] std::string write_description(const Description& description);
[[nodiscard]] std::string_view to_text(DescriptionError error);
}  // namespace natkit::ice
