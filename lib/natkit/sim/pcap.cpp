#include "natkit/sim/pcap.hpp"

#include <chrono>
#include <utility>

namespace natkit::sim {
namespace {
// IANA protocol numbers.
constexpr std::uint8_t ip_icmp = 1;
constexpr std::uint8_t ip_tcp = 6;
constexpr std::uint8_t ip_udp = 17;
constexpr std::uint8_t ip_icmp6 = 58;

constexpr std::uint16_t dont_fragment = 0x4000;
constexpr std::size_t ipv4_header = 20;
constexpr std::size_t ipv4_checksum_at = 10;
constexpr std::size_t udp_checksum_at = 6;
constexpr std::size_t tcp_checksum_at = 16;
constexpr std::size_t icmp_checksum_at = 2;

std::uint32_t sum_words(ByteView bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? std::uint32_t{bytes[i]} << 8U : bytes[i];
  return sum;
}

/// RFC 1071.
std::uint16_t fold(std::uint32_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

std::uint16_t transport_checksum(const Packet& packet, std::uint8_t number, ByteView segment) {
  std::uint32_t sum = sum_words(packet.source.address.bytes());
  sum = sum_words(packet.destination.address.bytes(), sum);
  sum += number + static_cast<std::uint32_t>(segment.size());
  const std::uint16_t checksum = fold(sum_words(segment, sum));
  return checksum == 0 && number == ip_udp ? 0xffff : checksum;  // over UDP zero means "none" (RFC 768)
}

Bytes write_udp(const Packet& packet) {
  Bytes out;
  ByteWriter writer{out};
  writer.write_u16(packet.source.port);
  writer.write_u16(packet.destination.port);
  writer.write_u16(static_cast<std::uint16_t>(8 + packet.payload.size()));
  writer.write_u16(0);
  writer.write_bytes(packet.payload);
  writer.patch_u16(udp_checksum_at, transport_checksum(packet, ip_udp, out));
  return out;
}

std::uint16_t flags_of(TcpSegment segment) {
  constexpr std::uint16_t syn = 0x02, reset = 0x04, syn_ack = 0x12, push_ack = 0x18;
  switch (segment) {
    case TcpSegment::data:
      return push_ack;
    case TcpSegment::syn:
      return syn;
    case TcpSegment::syn_ack:
      return syn_ack;
    case TcpSegment::reset:
      return reset;
  }
  return 0;
}

Bytes write_tcp(const Packet& packet) {
  constexpr std::uint16_t words_and_flags = 5U << 12U;  // header length in 32-bit words
  Bytes out;
  ByteWriter writer{out};
  writer.write_u16(packet.source.port);
  writer.write_u16(packet.destination.port);
  writer.write_u32(0);
  writer.write_u32(0);
  writer.write_u16(static_cast<std::uint16_t>(words_and_flags | flags_of(packet.segment)));
  writer.write_u16(0xffff);  // window
  writer.write_u32(0);       // checksum, urgent pointer
  writer.write_bytes(packet.payload);
  writer.patch_u16(tcp_checksum_at, transport_checksum(packet, ip_tcp, out));
  return out;
}

void write_ip_header(ByteWriter& writer, Bytes& out, const Packet& packet, std::uint8_t number, std::size_t length) {
  const auto from = packet.source.address.bytes();
  const auto to = packet.destination.address.bytes();
  if (packet.source.address.is_v6()) {
    writer.write_u32(6U << 28U);
    writer.write_u16(static_cast<std::uint16_t>(length));
    writer.write_u8(number);
    writer.write_u8(packet.hop_limit);
  } else {
    writer.write_u16(0x4500);
    writer.write_u16(static_cast<std::uint16_t>(ipv4_header + length));
    writer.write_u16(0);
    writer.write_u16(dont_fragment);
    writer.write_u8(packet.hop_limit);
    writer.write_u8(number);
    writer.write_u16(0);
  }
  writer.write_bytes(from);
  writer.write_bytes(to);
  if (packet.source.address.is_v4()) writer.patch_u16(ipv4_checksum_at, fold(sum_words(out)));
}

Bytes write_segment(const Packet& packet) {
  return packet.protocol == Protocol::udp ? write_udp(packet) : write_tcp(packet);
}

std::pair<std::uint8_t, std::uint8_t> type_and_code(IcmpKind kind, Family family) {
  const bool v4 = family == Family::ipv4;
  switch (kind) {
    case IcmpKind::port_unreachable:
      return v4 ? std::pair{3, 3} : std::pair{1, 4};
    case IcmpKind::admin_prohibited:
      return v4 ? std::pair{3, 13} : std::pair{1, 1};
    case IcmpKind::too_big:
      return v4 ? std::pair{3, 4} : std::pair{2, 0};
    case IcmpKind::time_exceeded:
      break;
  }
  return v4 ? std::pair{11, 0} : std::pair{3, 0};
}

/// The error quotes the packet that caused it, of which only the tuple is known: headers with an empty payload.
Bytes write_icmp(const Packet& packet) {
  const auto& error = *packet.error;
  const auto [type, code] = type_and_code(error.kind, packet.source.address.family());
  Bytes out;
  ByteWriter writer{out};
  writer.write_u8(type);
  writer.write_u8(code);
  writer.write_u16(0);
  writer.write_u32(0);
  writer.write_bytes(
      write_ip_packet({.protocol = error.protocol, .source = error.source, .destination = error.destination}));
  const bool v4 = packet.source.address.is_v4();
  writer.patch_u16(icmp_checksum_at, v4 ? fold(sum_words(out)) : transport_checksum(packet, ip_icmp6, out));
  return out;
}
}  // namespace

Bytes write_ip_packet(const Packet& packet) {
  const Bytes content = packet.error ? write_icmp(packet) : write_segment(packet);
  const std::uint8_t number = packet.error                       ? (packet.source.address.is_v4() ? ip_icmp : ip_icmp6)
                              : packet.protocol == Protocol::udp ? ip_udp
                                                                 : ip_tcp;
  Bytes out;
  out.reserve(40 + content.size());
  ByteWriter writer{out};
  write_ip_header(writer, out, packet, number, content.size());
  writer.write_bytes(content);
  return out;
}

Bytes write_pcap(const PacketLog& log, std::optional<NodeId> where) {
  Bytes out;
  ByteWriter writer{out};
  writer.write_u32(0xa1b23c4d);  // big-endian, nanoseconds
  writer.write_u16(2);
  writer.write_u16(4);
  writer.write_u32(0);
  writer.write_u32(0);
  writer.write_u32(65535);  // the longest record
  writer.write_u32(101);    // LINKTYPE_RAW
  for (const auto& seen : log.packets()) {
    if (where && seen.where != *where) continue;
    const Bytes bytes = write_ip_packet(seen.packet);
    const auto since = seen.at.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
    writer.write_u32(static_cast<std::uint32_t>(seconds.count()));
    writer.write_u32(static_cast<std::uint32_t>((since - seconds).count()));
    writer.write_u32(static_cast<std::uint32_t>(bytes.size()));
    writer.write_u32(static_cast<std::uint32_t>(bytes.size()));
    writer.write_bytes(bytes);
  }
  return out;
}
}  // namespace natkit::sim
