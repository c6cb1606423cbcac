#include "frame.hpp"

#include <algorithm>
#include <array>

namespace natkit::lab {
namespace {
constexpr std::size_t ethernet_size = 14;
constexpr std::size_t min_ipv4_size = 20;
constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint8_t protocol_icmp = 1, protocol_tcp = 6, protocol_udp = 17;  // IANA protocol numbers
// Offsets in the IPv4 header (RFC 791 §3.1).
constexpr std::size_t at_total_size = 2, at_identification = 4, at_fragment = 6, at_protocol = 9, at_checksum = 10,
                      at_source = 12, at_destination = 16;
constexpr std::uint16_t more_fragments = 0x2000, fragment_offset = 0x1FFF;
// ICMP types (RFC 792) and offsets.
constexpr std::uint8_t echo_reply = 0, unreachable = 3, echo_request = 8, time_exceeded = 11, parameter_problem = 12;
constexpr std::uint8_t port_unreachable_code = 3;
constexpr std::size_t icmp_checksum = 2, icmp_identifier = 4, icmp_header = 8;
constexpr std::size_t udp_checksum = 6, tcp_checksum = 16;
constexpr std::size_t max_error_size = 576;  // RFC 1812 §4.3.2.3: an error quotes as much as fits into this

std::uint16_t load16(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>((bytes[at] << 8) | bytes[at + 1]);
}
void store16(Frame bytes, std::size_t at, std::uint16_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value & 0xFF);
}
IpAddress load_address(ByteView bytes, std::size_t at) { return *IpAddress::from_bytes(bytes.subspan(at, 4)); }

/// The Internet checksum (RFC 1071) of bytes whose checksum field holds 0.
std::uint16_t internet_checksum(ByteView bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += load16(bytes, i);
  if (bytes.size() % 2 != 0) sum += static_cast<std::uint32_t>(bytes.back() << 8);
  while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

/// The checksums that cover a word which changes, adjusted with it (RFC 1624 equation 3).
class Checksums {
 public:
  explicit Checksums(Frame packet) : packet_(packet) {}
  void cover(std::size_t at) { covering_.at(count_++) = at; }
  void set16(std::size_t at, std::uint16_t value) {
    const std::uint16_t before = load16(packet_, at);
    for (std::size_t i = 0; i < count_; ++i) adjust(covering_.at(i), before, value);
    store16(packet_, at, value);
  }
  void set_address(std::size_t at, const IpAddress& address) {
    set16(at, load16(address.bytes(), 0));
    set16(at + 2, load16(address.bytes(), 2));
  }

 private:
  void adjust(std::size_t at, std::uint16_t before, std::uint16_t after) {
    std::uint32_t sum = static_cast<std::uint16_t>(~load16(packet_, at));
    sum += static_cast<std::uint16_t>(~before);
    sum += after;
    while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
    store16(packet_, at, static_cast<std::uint16_t>(~sum));
  }
  Frame packet_;
  std::array<std::size_t, 2> covering_{};
  std::size_t count_ = 0;
};

bool is_error_type(std::uint8_t type) {
  return type == unreachable || type == time_exceeded || type == parameter_problem;
}

/// Kind and ports, from what follows the IPv4 header. False: nothing a NAT could carry.
bool parse_transport(ByteView payload, Ipv4Packet& packet) {
  if (packet.fragments == Ipv4Packet::Fragments::later) {
    packet.kind = PacketKind::later_fragment;
    return true;
  }
  if (payload.size() < icmp_header) return false;  // also the least of UDP, and all that an ICMP error must quote
  if (packet.protocol == protocol_udp || packet.protocol == protocol_tcp) {
    packet.kind = packet.protocol == protocol_udp ? PacketKind::udp : PacketKind::tcp;
    packet.flow.source.port = load16(payload, 0);
    packet.flow.destination.port = load16(payload, 2);
    return true;
  }
  if (packet.protocol != protocol_icmp) return false;
  const std::uint8_t type = payload[0];
  if (type == echo_request || type == echo_reply) {
    packet.kind = PacketKind::echo;
    auto& asker = type == echo_request ? packet.flow.source : packet.flow.destination;
    asker.port = load16(payload, icmp_identifier);
    return true;
  }
  packet.kind = PacketKind::error;
  return is_error_type(type);
}

enum class Extent : std::uint8_t { complete, quoted };  // a quoted packet may be cut short

std::optional<Ipv4Packet> parse_header(ByteView bytes, Extent extent) {
  if (bytes.size() < min_ipv4_size || bytes[0] >> 4 != 4) return std::nullopt;
  Ipv4Packet packet;
  packet.header_size = static_cast<std::size_t>(bytes[0] & 0xF) * 4;
  packet.total_size = load16(bytes, at_total_size);
  if (extent == Extent::quoted) packet.total_size = std::min(packet.total_size, bytes.size());
  if (packet.header_size < min_ipv4_size || packet.total_size < packet.header_size || packet.total_size > bytes.size())
    return std::nullopt;
  packet.protocol = bytes[at_protocol];
  packet.identification = load16(bytes, at_identification);
  packet.flow = {{load_address(bytes, at_source), 0}, {load_address(bytes, at_destination), 0}};
  const std::uint16_t fragment = load16(bytes, at_fragment);
  if (fragment & fragment_offset)
    packet.fragments = Ipv4Packet::Fragments::later;
  else if (fragment & more_fragments)
    packet.fragments = Ipv4Packet::Fragments::first;
  if (!parse_transport(bytes.first(packet.total_size).subspan(packet.header_size), packet)) return std::nullopt;
  return packet;
}

/// Where the transport's checksum stands, counted from the IPv4 header; none where there is no such field to keep
/// right: in later fragments, in ICMP (no pseudo-header; handled apart), in UDP without checksum, and cut off in a
/// quotation.
std::optional<std::size_t> transport_checksum(ByteView ip, const Ipv4Packet& packet) {
  std::size_t at = packet.header_size;
  if (packet.kind == PacketKind::udp)
    at += udp_checksum;
  else if (packet.kind == PacketKind::tcp)
    at += tcp_checksum;
  else
    return std::nullopt;
  if (at + 2 > packet.total_size) return std::nullopt;
  if (packet.kind == PacketKind::udp && load16(ip, at) == 0) return std::nullopt;
  return at;
}

void rewrite_addresses(Frame ip, std::optional<std::size_t> transport, const Flow& flow) {
  Checksums sums{ip};
  sums.cover(at_checksum);
  if (transport) sums.cover(*transport);
  sums.set_address(at_source, flow.source.address);
  sums.set_address(at_destination, flow.destination.address);
}

void rewrite_ports(Frame ip, const Ipv4Packet& packet, std::optional<std::size_t> transport, const Flow& flow) {
  Checksums sums{ip};
  if (transport) sums.cover(*transport);
  if (packet.kind == PacketKind::udp || packet.kind == PacketKind::tcp) {
    sums.set16(packet.header_size, flow.source.port);
    sums.set16(packet.header_size + 2, flow.destination.port);
  } else if (packet.kind == PacketKind::echo) {
    sums.cover(packet.header_size + icmp_checksum);
    const bool request = ip[packet.header_size] == echo_request;
    sums.set16(packet.header_size + icmp_identifier, request ? flow.source.port : flow.destination.port);
  }
  // RFC 768: a sum of zero is sent as all ones, since zero says that there is none.
  if (transport && packet.kind == PacketKind::udp && load16(ip, *transport) == 0) store16(ip, *transport, 0xFFFF);
}

void rewrite_ip(Frame ip, const Ipv4Packet& packet, const Flow& flow) {
  const auto transport = transport_checksum(ip, packet);
  rewrite_addresses(ip, transport, flow);
  rewrite_ports(ip, packet, transport, flow);
}
}  // namespace

bool is_ipv4(ByteView frame) { return frame.size() >= ethernet_size && load16(frame, 12) == ethertype_ipv4; }

std::optional<Ipv4Packet> parse_ipv4(ByteView frame) {
  if (!is_ipv4(frame)) return std::nullopt;
  return parse_header(frame.subspan(ethernet_size), Extent::complete);
}

std::optional<Ipv4Packet> parse_quoted(ByteView frame, const Ipv4Packet& packet) {
  const auto ip = frame.subspan(ethernet_size, packet.total_size);
  return parse_header(ip.subspan(packet.header_size + icmp_header), Extent::quoted);
}

void rewrite(Frame frame, const Ipv4Packet& packet, const Flow& flow) {
  rewrite_ip(frame.subspan(ethernet_size, packet.total_size), packet, flow);
}

void rewrite_error(Frame frame, const Ipv4Packet& packet, const Flow& flow, const Ipv4Packet& quoted,
                   const Flow& quoted_flow) {
  const Frame ip = frame.subspan(ethernet_size, packet.total_size);
  rewrite_addresses(ip, std::nullopt, flow);
  const Frame icmp = ip.subspan(packet.header_size);
  rewrite_ip(icmp.subspan(icmp_header), quoted, quoted_flow);
  store16(icmp, icmp_checksum, 0);
  store16(icmp, icmp_checksum, internet_checksum(icmp));
}

Bytes make_port_unreachable(ByteView frame, const Ipv4Packet& packet, const IpAddress& reporter) {
  const std::size_t quoted = std::min(packet.total_size, max_error_size - min_ipv4_size - icmp_header);
  Bytes out;
  out.reserve(ethernet_size + min_ipv4_size + icmp_header + quoted);
  ByteWriter writer{out};
  writer.write_bytes(frame.subspan(6, 6));  // back to where it came from
  writer.write_bytes(frame.first(6));
  writer.write_u16(ethertype_ipv4);
  writer.write_u16(0x4500);
  writer.write_u16(static_cast<std::uint16_t>(min_ipv4_size + icmp_header + quoted));
  writer.write_u32(0);
  writer.write_u8(64);
  writer.write_u8(protocol_icmp);
  writer.write_u16(0);
  writer.write_bytes(reporter.bytes());
  writer.write_bytes(packet.flow.source.address.bytes());
  writer.write_u8(unreachable);
  writer.write_u8(port_unreachable_code);
  writer.write_zeros(6);
  writer.write_bytes(frame.subspan(ethernet_size, quoted));
  const Frame ip = Frame{out}.subspan(ethernet_size);
  store16(ip, at_checksum, internet_checksum(ip.first(min_ipv4_size)));
  const Frame icmp = ip.subspan(min_ipv4_size);
  store16(icmp, icmp_checksum, internet_checksum(icmp));
  return out;
}
}  // namespace natkit::lab
