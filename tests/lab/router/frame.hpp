#pragma once
/// IPv4 packets in Ethernet frames, as far as a NAT must understand them: which flow a packet belongs to, and how to
/// give it other addresses and ports with every checksum right (RFC 791, 792, 768, 9293; incremental update by RFC
/// 1624). Any bytes may be passed in. All frames begin with a 14-byte Ethernet header without VLAN tag.
#include <cstdint>
#include <optional>
#include <span>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"

namespace natkit::lab {
using Frame = std::span<std::uint8_t>;

enum class PacketKind : std::uint8_t {
  udp,
  tcp,
  echo,            ///< ICMP echo request or reply; the identifier stands for the port of the side that asked
  error,           ///< ICMP destination unreachable, time exceeded or parameter problem
  later_fragment,  ///< it has no ports; which flow it belongs to, only its first fragment knows
};

/// Source and destination of one packet. Over ICMP echo, one of the ports is the identifier and the other 0.
struct Flow {
  Endpoint source{};
  Endpoint destination{};
  bool operator==(const Flow&) const = default;
};

/// What stands where in a frame.
struct Ipv4Packet {
  PacketKind kind{};
  Flow flow{};
  std::size_t header_size = 0;  ///< of the IPv4 header
  std::size_t total_size = 0;   ///< header and payload, without padding of the frame
  std::uint8_t protocol = 0;    ///< as in the header
  std::uint16_t identification = 0;
  enum class Fragments : std::uint8_t { whole, first, later } fragments = Fragments::whole;
};

/// `nullopt`: no IPv4, malformed, or a protocol that has no flows (for a NAT: to be dropped, or passed if it is IPv6).
[[nodiscard]] std::optional<Ipv4Packet> parse_ipv4(ByteView frame);
[[nodiscard]] bool is_ipv4(ByteView frame);

/// The packet that an ICMP error quotes, with its own flow. `packet.kind` must be `error`; `nullopt` when too little of
/// it is quoted. Offsets in the result count from the quoted header.
[[nodiscard]] std::optional<Ipv4Packet> parse_quoted(ByteView frame, const Ipv4Packet& packet);

/// Gives the packet another flow. `packet` must be the parse of `frame`; for later fragments only addresses change.
void rewrite(Frame frame, const Ipv4Packet& packet, const Flow& flow);
/// Gives an ICMP error other addresses, and the packet it quotes another flow.
void rewrite_error(Frame frame, const Ipv4Packet& packet, const Flow& flow, const Ipv4Packet& quoted,
                   const Flow& quoted_flow);

/// ICMP port unreachable about this frame, sent by `reporter`, as a frame for the way back.
[[nodiscard]] Bytes make_port_unreachable(ByteView frame, const Ipv4Packet& packet, const IpAddress& reporter);
}  // namespace natkit::lab
