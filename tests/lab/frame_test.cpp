#include "router/frame.hpp"

#include "catch.hpp"
#include "frames.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::lab;
using namespace natkit::test;

namespace {
const Flow outbound{"192.168.1.2:5000"_ep, "198.51.100.1:3478"_ep};
const Flow translated{"203.0.113.10:61001"_ep, "198.51.100.1:3478"_ep};
constexpr std::uint16_t more_fragments = 0x2000;

Ipv4Packet parsed(const Bytes& frame) {
  const auto packet = parse_ipv4(frame);
  REQUIRE(packet);
  return *packet;
}
}  // namespace

TEST_CASE("A frame's flow is read from UDP and TCP alike", "[frame]") {
  CHECK(parsed(udp_frame(outbound)).kind == PacketKind::udp);
  CHECK(parsed(udp_frame(outbound)).flow == outbound);
  CHECK(parsed(tcp_frame(outbound)).kind == PacketKind::tcp);
  CHECK(parsed(tcp_frame(outbound)).flow == outbound);
}

TEST_CASE("A rewritten packet carries the new flow and right checksums", "[frame]") {
  Bytes frame = GENERATE(udp_frame(outbound), udp_frame(outbound, "odd"), udp_frame(outbound, ""), tcp_frame(outbound));
  REQUIRE(transport_checksum_right(frame));
  rewrite(frame, parsed(frame), translated);
  CHECK(parsed(frame).flow == translated);
  CHECK(ip_checksum_right(frame));
  CHECK(transport_checksum_right(frame));
}

TEST_CASE("Every port survives translation with a right checksum", "[frame]") {
  // Incremental updates go wrong at few values (RFC 1624 §3), so all of them are tried.
  const Bytes frame = udp_frame(outbound);
  const auto packet = parsed(frame);
  int wrong = 0;
  for (std::uint32_t port = 1; port <= 65535; ++port) {
    Bytes copy = frame;
    rewrite(copy, packet, {{translated.source.address, static_cast<std::uint16_t>(port)}, outbound.destination});
    const bool marked_absent = copy[34 + 6] == 0 && copy[34 + 7] == 0;
    if (!transport_checksum_right(copy) || marked_absent) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("UDP without a checksum stays without", "[frame]") {
  Bytes frame = udp_frame(outbound);
  frame[34 + 6] = frame[34 + 7] = 0;
  rewrite(frame, parsed(frame), translated);
  CHECK(frame[34 + 6] == 0);
  CHECK(frame[34 + 7] == 0);
}

TEST_CASE("An echo's identifier is the port of the side that asks", "[frame]") {
  Bytes request = echo_frame(Echo::request, outbound, 7);
  CHECK(parsed(request).flow == Flow{{outbound.source.address, 7}, {outbound.destination.address, 0}});
  rewrite(request, parsed(request), {"203.0.113.10:9"_ep, {outbound.destination.address, 0}});
  CHECK(parsed(request).flow.source == "203.0.113.10:9"_ep);
  CHECK(ip_checksum_right(request));
  CHECK(icmp_checksum_right(request));

  const Bytes reply = echo_frame(Echo::reply, {"198.51.100.1:0"_ep, "203.0.113.10:0"_ep}, 9);
  CHECK(parsed(reply).flow == Flow{"198.51.100.1:0"_ep, "203.0.113.10:9"_ep});
}

TEST_CASE("An ICMP error is rewritten outside and in what it quotes", "[frame]") {
  Bytes frame = time_exceeded_frame({"192.0.2.1:0"_ep, "203.0.113.10:0"_ep}, udp_frame(translated));
  const auto packet = parsed(frame);
  REQUIRE(packet.kind == PacketKind::error);
  const auto quoted = parse_quoted(frame, packet);
  REQUIRE(quoted);
  CHECK(quoted->flow == translated);
  rewrite_error(frame, packet, {"192.0.2.1:0"_ep, "192.168.1.2:0"_ep}, *quoted, outbound);
  CHECK(ip_checksum_right(frame));
  CHECK(icmp_checksum_right(frame));
  const auto after = parse_quoted(frame, parsed(frame));
  REQUIRE(after);
  CHECK(after->flow == outbound);
  // What is quoted is a whole packet here, so that it can be held against the one that was sent.
  CHECK(to_hex(ByteView{frame}.subspan(14 + 20 + 8)) == to_hex(ip_of(udp_frame(outbound))));
}

TEST_CASE("A later fragment has addresses and no ports", "[frame]") {
  Bytes frame = ip_frame(Transport::udp, outbound, as_bytes("not a header"), 185);
  REQUIRE(parsed(frame).kind == PacketKind::later_fragment);
  rewrite(frame, parsed(frame), translated);
  CHECK(parsed(frame).flow.source == Endpoint{translated.source.address, 0});
  CHECK(as_text(transport_of(frame)) == "not a header");
  CHECK(ip_checksum_right(frame));
  CHECK(parsed(udp_frame(outbound, "first", more_fragments)).fragments == Ipv4Packet::Fragments::first);
}

TEST_CASE("Port unreachable quotes the packet it answers and goes back to its sender", "[frame]") {
  const Bytes cause = udp_frame(outbound, std::string(1400, 'x'));
  const Bytes frame = make_port_unreachable(cause, parsed(cause), "203.0.113.10"_ip);
  CHECK(frame.size() <= 14 + 576);
  CHECK(parsed(frame).flow == Flow{"203.0.113.10:0"_ep, {outbound.source.address, 0}});
  CHECK(ip_checksum_right(frame));
  CHECK(icmp_checksum_right(frame));
  const auto quoted = parse_quoted(frame, parsed(frame));
  REQUIRE(quoted);
  CHECK(quoted->flow == outbound);
}

TEST_CASE("A frame cut anywhere or claiming any length is refused or handled within its bytes", "[frame]") {
  const Bytes whole = GENERATE(udp_frame(outbound), tcp_frame(outbound), echo_frame(Echo::request, outbound, 1),
                               time_exceeded_frame(outbound, udp_frame(translated)));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK_FALSE(parse_ipv4(cut));
  }
  for (std::size_t at = 14; at < whole.size(); ++at) {
    for (const int value : {0x00, 0x4F, 0x7F, 0xFF}) {
      Bytes spoilt = whole;
      spoilt[at] = static_cast<std::uint8_t>(value);
      const auto packet = parse_ipv4(spoilt);
      if (!packet) continue;
      const auto quoted = packet->kind == PacketKind::error ? parse_quoted(spoilt, *packet) : std::nullopt;
      if (quoted) rewrite_error(spoilt, *packet, translated, *quoted, translated);
      if (packet->kind != PacketKind::error) rewrite(spoilt, *packet, translated);
      CHECK(spoilt.size() == whole.size());
    }
  }
}
