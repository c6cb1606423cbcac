#pragma once
/// What travels through the virtual network: one IP packet reduced to the fields that a NAT, a firewall or a router
/// looks at. Numbers are in host byte order; checksums and lengths exist only in a capture (pcap.hpp).
#include <cstdint>
#include <optional>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"
#include "natkit/base/packet_size.hpp"

namespace natkit::sim {
/// The ICMP errors that matter to a NAT traverser (RFC 792; RFC 4443 has the same under other numbers).
enum class IcmpKind : std::uint8_t {
  port_unreachable,  ///< type 3 code 3: the host is there, nobody listens
  admin_prohibited,  ///< type 3 code 13: a firewall says no
  time_exceeded,     ///< type 11 code 0: the hop limit ran out on the way
  too_big,           ///< type 3 code 4: the next link does not take a packet of this size in one piece
};

/// An ICMP error and the tuple of the packet that caused it, as that packet looked where the error was made.
struct IcmpError {
  IcmpKind kind{};
  Protocol protocol = Protocol::udp;
  Endpoint source{};
  Endpoint destination{};
  std::uint16_t mtu = 0;  ///< of `too_big`: the size of IP packet that the link takes (RFC 1191 §4)
  bool operator==(const IcmpError&) const = default;
};

/// How far a TCP connection has come. There are no sequence numbers: TCP is lossless and in order here.
enum class TcpSegment : std::uint8_t {
  data,
  syn,
  syn_ack,
  reset,  ///< the end, by whichever side: what is on its way is lost
};

struct Packet {
  Protocol protocol = Protocol::udp;
  Endpoint source{};       ///< of an ICMP error: the address that sends it, port 0
  Endpoint destination{};  ///< of an ICMP error: the address it is sent to, port 0
  std::uint8_t hop_limit = 64;
  bool must_stay_whole = false;           ///< "don't fragment" (RFC 791)
  TcpSegment segment = TcpSegment::data;  ///< only meaningful over TCP
  std::optional<IcmpError> error{};       ///< set: this is an ICMP error, and `protocol` and `payload` mean nothing
  Bytes payload{};
  bool operator==(const Packet&) const = default;
};

/// Of the whole UDP packet, headers included; the others are never large here.
[[nodiscard]] inline std::size_t ip_bytes(const Packet& packet) {
  return packet.payload.size() + udp_overhead_bytes(packet.source.address.family());
}

/// The ICMP error that answers `cause`, sent by `reporter`. An ICMP error must never be its own cause (RFC 1122
/// §3.2.2): callers check `cause.error` first.
[[nodiscard]] inline Packet make_error(IcmpKind kind, const IpAddress& reporter, const Packet& cause) {
  return {.protocol = cause.protocol,
          .source = {reporter, 0},
          .destination = {cause.source.address, 0},
          .error = IcmpError{kind, cause.protocol, cause.source, cause.destination}};
}

/// What a middlebox did with a packet.
enum class Verdict : std::uint8_t {
  forwarded,   ///< emit `packet` on the other side
  hairpinned,  ///< emit `packet` on the inside, where it came from
  rejected,    ///< emit `packet`, an ICMP error, on the side the cause came from
  dropped,     ///< emit nothing; `packet` is what was dropped
};
struct Outcome {
  Verdict verdict = Verdict::dropped;
  Packet packet{};
};
}  // namespace natkit::sim
