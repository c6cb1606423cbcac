#include "natkit/sim/pcap.hpp"

#include "catch.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
/// The Internet checksum (RFC 1071) over bytes that contain their own checksum is zero when that is right.
std::uint16_t checksum(ByteView bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  if (bytes.size() % 2 != 0) sum += static_cast<std::uint32_t>(bytes.back() << 8);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

/// What a transport checksum covers: the pseudo-header (RFC 768, RFC 8200 §8.1) and the segment.
Bytes covered(const Packet& packet, std::uint8_t number, ByteView segment) {
  Bytes bytes;
  ByteWriter writer{bytes};
  writer.write_bytes(packet.source.address.bytes());
  writer.write_bytes(packet.destination.address.bytes());
  writer.write_u32(static_cast<std::uint32_t>(segment.size()));
  writer.write_u32(number);
  writer.write_bytes(segment);
  return bytes;
}

const Packet over_ipv4{
    .source = "192.0.2.1:5000"_ep, .destination = "198.51.100.1:3478"_ep, .hop_limit = 7, .payload = {1, 2, 3}};
const Packet over_ipv6{.source = "[2001:db8::1]:5000"_ep, .destination = "[2001:db8::2]:3478"_ep, .payload = {1, 2, 3}};
}  // namespace

TEST_CASE("A captured IPv4 datagram has the fields it was sent with, and right checksums", "[pcap]") {
  const Bytes bytes = write_ip_packet(over_ipv4);
  CHECK(to_hex(ByteView(bytes).first(10)) ==
        "4500001f0000400007"
        "11");
  CHECK(to_hex(ByteView(bytes).subspan(12, 8)) == "c0000201c6336401");
  CHECK(checksum(ByteView(bytes).first(20)) == 0);
  const auto segment = ByteView(bytes).subspan(20);
  CHECK(to_hex(segment.first(6)) == "13880d96000b");
  CHECK(to_hex(segment.subspan(8)) == "010203");
  CHECK(checksum(covered(over_ipv4, 17, segment)) == 0);
}

TEST_CASE("A captured IPv6 datagram has the fields it was sent with, and a right checksum", "[pcap]") {
  const Bytes bytes = write_ip_packet(over_ipv6);
  CHECK(to_hex(ByteView(bytes).first(8)) == "60000000000b1140");
  CHECK(checksum(covered(over_ipv6, 17, ByteView(bytes).subspan(40))) == 0);
}

TEST_CASE("A captured ICMP error names its kind and quotes the datagram that caused it", "[pcap]") {
  const auto error = make_error(IcmpKind::port_unreachable, over_ipv4.destination.address, over_ipv4);
  const Bytes bytes = write_ip_packet(error);
  CHECK(bytes[9] == 1);
  const auto icmp = ByteView(bytes).subspan(20);
  CHECK(to_hex(icmp.first(2)) == "0303");
  CHECK(checksum(icmp) == 0);
  CHECK(to_hex(icmp.subspan(8 + 12, 12)) ==
        "c0000201c6336401"
        "13880d96");

  const auto error6 = make_error(IcmpKind::time_exceeded, over_ipv6.destination.address, over_ipv6);
  const Bytes bytes6 = write_ip_packet(error6);
  CHECK(bytes6[6] == 58);
  CHECK(to_hex(ByteView(bytes6).subspan(40, 2)) == "0300");
  CHECK(checksum(covered(error6, 58, ByteView(bytes6).subspan(40))) == 0);
}

TEST_CASE("A captured TCP segment shows its flags", "[pcap]") {
  const auto [segment, flags] = GENERATE(table<TcpSegment, int>(
      {{TcpSegment::syn, 0x02}, {TcpSegment::syn_ack, 0x12}, {TcpSegment::data, 0x18}, {TcpSegment::reset, 0x04}}));
  const Packet packet{
      .protocol = Protocol::tcp, .source = over_ipv4.source, .destination = over_ipv4.destination, .segment = segment};
  const Bytes bytes = write_ip_packet(packet);
  CHECK(bytes[20 + 13] == flags);
  CHECK(checksum(covered(packet, 6, ByteView(bytes).subspan(20))) == 0);
}

TEST_CASE("A capture holds each packet once per uplink, or those of one node, with the virtual time", "[pcap]") {
  World world;
  world.net.packets().keep(100);
  auto& home = world.net.add_nat();
  home.set_link({.delay = 25ms});
  auto& host = world.net.add_host(home);
  Asker asker{{{one, ip1_port1}}};
  world.net.run(asker, host);

  const auto records = [&](const Bytes& pcap) {
    ByteReader reader{pcap};
    CHECK(reader.read_u32() == 0xa1b23c4dU);
    REQUIRE(reader.read_bytes(16));
    CHECK(reader.read_u32() == 101U);
    std::vector<std::uint64_t> times;
    while (reader.remaining() > 0) {
      const std::uint64_t seconds = reader.read_u32().value();
      times.push_back(seconds * 1'000'000'000 + reader.read_u32().value());
      const auto length = reader.read_u32().value();
      CHECK(reader.read_u32() == length);
      REQUIRE(reader.read_bytes(length));
    }
    return times;
  };
  CHECK(records(write_pcap(world.net.packets())).size() == 6);  // host, NAT and server, there and back
  const auto at_home = records(write_pcap(world.net.packets(), home.id()));
  REQUIRE(at_home.size() == 2);
  CHECK(at_home[1] - at_home[0] == 50'000'000);
  CHECK(records(write_pcap(world.net.packets(), world.server.id())).size() == 2);
}
