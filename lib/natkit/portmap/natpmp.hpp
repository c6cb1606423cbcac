#pragma once
/// NAT-PMP on the wire (RFC 6886), version 0, both directions; the port is PCP's (5351), so is that of announcements.
/// Any bytes may be parsed: a malformed datagram is ordinary weather, so it comes back as a value. Ports are in host
/// byte order; lifetimes are whole seconds, because that is all the wire can carry.
#include <chrono>
#include <cstdint>
#include <expected>
#include <variant>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"

namespace natkit::portmap::natpmp {
/// The gateway's verdict (§3.5). A refusal is an answer, not a ParseError.
enum class ResultCode : std::uint16_t {
  success,
  unsupported_version,
  not_authorized,
  network_failure,  ///< no WAN address now
  out_of_resources,
  unsupported_opcode,
};

struct AddressRequest {
  bool operator==(const AddressRequest&) const = default;
};
struct MappingRequest {
  Protocol protocol = Protocol::udp;
  std::uint16_t internal_port = 0;
  std::uint16_t external_port = 0;  ///< suggested; some gateways refuse 0
  std::chrono::seconds lifetime{};  ///< 0 deletes; with internal port 0 all of this host's (§3.4)
  bool operator==(const MappingRequest&) const = default;
};
using Request = std::variant<AddressRequest, MappingRequest>;

struct AddressResponse {
  IpAddress external{};
  bool operator==(const AddressResponse&) const = default;
};
struct MappingResponse {
  Protocol protocol = Protocol::udp;
  std::uint16_t internal_port = 0;
  std::uint16_t external_port = 0;  ///< as granted, which may differ from what was asked
  std::chrono::seconds lifetime{};  ///< as granted; renew halfway (§3.3); zero confirms a deletion (§3.4)
  bool operator==(const MappingResponse&) const = default;
};
/// A refusal of a version or opcode that ends after the result (§3.5).
struct BareResponse {
  std::uint8_t opcode = 0;  ///< of the request
  bool operator==(const BareResponse&) const = default;
};
struct Response {
  ResultCode result{};
  std::chrono::seconds epoch{};  ///< since the gateway last lost its state; a step back means: map again (§3.6)
  std::variant<AddressResponse, MappingResponse, BareResponse> body{};
  bool operator==(const Response&) const = default;
};

/// `not_natpmp` lets a demultiplexer offer the datagram to PCP next; the others are faults.
enum class ParseError : std::uint8_t { not_natpmp, truncated, wrong_direction, unknown_opcode };

[[nodiscard]] Bytes write_request(const Request& request);
[[nodiscard]] Bytes write_response(const Response& response);
[[nodiscard]] std::expected<Request, ParseError> parse_request(ByteView datagram);
[[nodiscard]] std::expected<Response, ParseError> parse_response(ByteView datagram);
}  // namespace natkit::portmap::natpmp
