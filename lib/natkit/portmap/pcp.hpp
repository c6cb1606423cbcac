#pragma once
/// The Port Control Protocol on the wire (RFC 6887), version 2, both directions.
///
///    0                   1                   2                   3
///   +-------------------------------------------------------------+
///   | version = 2 |R| opcode    | reserved    | result (responses) |
///   | lifetime in seconds: wished, granted, or "do not ask again"   |
///   | request: the client's address (16 bytes)                      |
///   | response: the server's epoch time (4), reserved (12)          |
///   | opcode's own fields, then options                             |
///   +-------------------------------------------------------------+
///
/// IPv4 addresses travel as ::ffff:a.b.c.d (§5). Any bytes may be parsed: what is wrong with a datagram comes back as a
/// value. A message is at most 1100 bytes and a multiple of four (§7).
#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <variant>
#include <vector>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"

namespace natkit::portmap::pcp {
inline constexpr std::uint8_t version = 2;
inline constexpr std::uint16_t server_port = 5351;  ///< §19.1
inline constexpr std::uint16_t client_port = 5350;  ///< where announcements go (§14.1.1)
inline constexpr std::size_t longest_message = 1100;

/// §7.4. A number that is not here is kept as it came.
enum class ResultCode : std::uint8_t {
  success,
  unsupported_version,
  not_authorized,
  malformed_request,
  unsupported_opcode,
  unsupported_option,
  malformed_option,
  network_failure,
  no_resources,
  unsupported_protocol,
  user_exceeded_quota,
  cannot_provide_external,
  address_mismatch,
  excessive_remote_peers,
};

using Nonce = std::array<std::uint8_t, 12>;

/// Ask for, or answer, an inbound mapping (§11.1). In a request `external` is a suggestion.
struct Map {
  Nonce nonce{};
  std::uint8_t protocol = 0;  ///< as IANA numbers it; 0: all
  std::uint16_t internal_port = 0;
  Endpoint external{};
  bool operator==(const Map&) const = default;
};

/// An outbound mapping towards one peer (§12.1).
struct Peer {
  Map map{};
  Endpoint peer{};
  bool operator==(const Peer&) const = default;
};

/// Are you there? Also what a server says unasked, to everybody, when it lost its state (§14.1).
struct Announce {
  bool operator==(const Announce&) const = default;
};

using Operation = std::variant<Announce, Map, Peer>;

/// Map for another host (§13.1); allowed by few servers.
struct ThirdParty {
  IpAddress internal{};
  bool operator==(const ThirdParty&) const = default;
};
/// The suggested external port, or nothing (§13.2).
struct PreferFailure {
  bool operator==(const PreferFailure&) const = default;
};
/// Let only these peers in (§13.3). A prefix length is counted in 128 bits: 120 is an IPv4 /24.
struct Filter {
  std::uint8_t prefix_length = 128;
  Endpoint peer{};  ///< port 0: all ports
  bool operator==(const Filter&) const = default;
};
using Option = std::variant<ThirdParty, PreferFailure, Filter>;

struct Request {
  std::chrono::seconds lifetime{};  ///< 0 deletes (§15)
  IpAddress client{};               ///< whom the server should see as the source
  Operation operation{};
  std::vector<Option> options{};
  bool operator==(const Request&) const = default;
};

struct Response {
  ResultCode result{};
  std::chrono::seconds lifetime{};  ///< of the mapping, or of the error
  std::chrono::seconds epoch{};     ///< since the server last lost its state (§8.5)
  Operation operation{};
  std::vector<Option> options{};
  bool operator==(const Response&) const = default;
};

enum class ParseError : std::uint8_t {
  truncated,        ///< shorter than its header, its opcode or one of its options says
  not_pcp,          ///< another version, so perhaps NAT-PMP
  wrong_direction,  ///< a request where a response is due, or the other way round
  bad_length,       ///< over 1100 bytes, or no multiple of four
  unknown_opcode,
  unknown_option,  ///< one that must be understood (§7.3: numbers below 128)
  malformed_option,
};

[[nodiscard]] Bytes write_request(const Request& request);
[[nodiscard]] Bytes write_response(const Response& response);
[[nodiscard]] std::expected<Request, ParseError> parse_request(ByteView datagram);
/// An error response may end after the header: some servers copy nothing of the request (§8.3 lets the client match by
/// nonce only where there is one). Its operation is then `Announce`. `UNSUPP_VERSION` may carry any version number.
[[nodiscard]] std::expected<Response, ParseError> parse_response(ByteView datagram);

/// 17 and 6 (IANA).
[[nodiscard]] std::uint8_t number_of(Protocol protocol);
[[nodiscard]] std::optional<Protocol> protocol_of(std::uint8_t number);
}  // namespace natkit::portmap::pcp
