#pragma once
/// Candidates as text (RFC 8839 §5.1; RFC 6544 §4.5 for TCP):
///
///   candidate:a9f3c1d2 1 UDP 1694498815 203.0.113.7 40000 typ srflx raddr 192.168.1.10 rport 5000
///             `foundation   `priority   `address    `port         `kind  `related
///
/// A line that this agent has no use for is not a fault of the peer's: mDNS names (`….local`), kinds, transports and
/// extensions that came after us are told apart from garbage, so that the owner can say what was passed over.
/// Extensions are ignored.
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "natkit/ice/candidate.hpp"

namespace natkit::ice {
inline constexpr std::size_t longest_candidate_line = 512;  ///< those of browsers are below 200 bytes

enum class LineError : std::uint8_t {
  not_a_candidate,    ///< some other line
  malformed,          ///< or longer than `longest_candidate_line`
  unknown_kind,       ///< `typ` names nothing that we know
  unknown_transport,  ///< neither UDP nor TCP, or a `tcptype` that we do not know
  host_name,          ///< a name instead of an address, mostly an mDNS one; nothing here resolves names
};
/// "its address is a name": completes "passed over a candidate: …".
[[nodiscard]] std::string_view to_text(LineError error);

/// With or without "a=" before it and a line end behind it.
[[nodiscard]] std::expected<Candidate, LineError> parse_candidate(std::string_view line);
/// Without "a=" and line end. A mapped candidate becomes `srflx`.
[[nodiscard]] std::string write_candidate(const Candidate& candidate);
}  // namespace natkit::ice
