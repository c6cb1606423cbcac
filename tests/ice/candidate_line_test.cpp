#include "natkit/ice/candidate_line.hpp"

#include "catch.hpp"

using namespace natkit;
using namespace natkit::ice;

TEST_CASE("The example of RFC 8839 is read and written", "[candidate_line]") {
  const auto read =
      parse_candidate("a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998\r\n");
  REQUIRE(read);
  CHECK(read->kind == Kind::server_reflexive);
  CHECK(read->foundation == "2");
  CHECK(read->priority == 1694498815);
  CHECK(read->endpoint == *parse_endpoint("192.0.2.3:45664"));
  CHECK(read->related == parse_endpoint("203.0.113.141:8998"));
  CHECK(write_candidate(*read) ==
        "candidate:2 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998");
}

TEST_CASE("Whatever is written is read again", "[candidate_line]") {
  const auto kind = GENERATE(Kind::host, Kind::server_reflexive, Kind::peer_reflexive, Kind::relayed);
  const auto transport = GENERATE(Transport::udp, Transport::tcp_active, Transport::tcp_passive, Transport::tcp_so);
  const auto* const where = GENERATE("192.0.2.1:5000", "[2001:db8::1]:9", "[fe80::1]:65535");
  const auto made = make_candidate(kind, transport, *parse_endpoint(where), {.base = *parse_endpoint("10.0.0.1:7")});
  const auto read = parse_candidate(write_candidate(made));
  REQUIRE(read);
  CHECK(*read == made);
}

TEST_CASE("A mapped candidate is server-reflexive to others", "[candidate_line]") {
  const auto made = make_candidate(Kind::mapped, Transport::udp, *parse_endpoint("203.0.113.7:40000"), {});
  CHECK(parse_candidate(write_candidate(made))->kind == Kind::server_reflexive);
}

TEST_CASE("Extensions of other agents are passed over", "[candidate_line]") {
  const auto read = parse_candidate(
      "candidate:842163049 1 udp 1677729535 203.0.113.7 40000 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag EEtu "
      "network-id 3 network-cost 10");
  REQUIRE(read);
  CHECK(read->endpoint.port == 40000);
}

TEST_CASE("A candidate of no use is told from garbage", "[candidate_line]") {
  const auto [line, why] = GENERATE(table<const char*, LineError>({
      {"a=candidate:1 1 udp 2113937151 4f5c9a0e-1c4e-4e7b-9d4b-6a4c.local 54321 typ host", LineError::host_name},
      {"candidate:1 1 udp 1 peer.example.net 1 typ host", LineError::host_name},
      {"candidate:1 1 udp 1 192.0.2.1 1 typ teleport", LineError::unknown_kind},
      {"candidate:1 1 dccp 1 192.0.2.1 1 typ host", LineError::unknown_transport},
      {"candidate:1 1 tcp 1 192.0.2.1 9 typ host", LineError::unknown_transport},
      {"candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype sideways", LineError::unknown_transport},
      {"a=rtpmap:0 PCMU/8000", LineError::not_a_candidate},
      {"", LineError::not_a_candidate},
      {"candidate:", LineError::malformed},
      {"candidate:1 0 udp 1 192.0.2.1 1 typ host", LineError::malformed},
      {"candidate:1 257 udp 1 192.0.2.1 1 typ host", LineError::malformed},
      {"candidate:1 1 udp 0 192.0.2.1 1 typ host", LineError::malformed},
      {"candidate:1 1 udp 2147483648 192.0.2.1 1 typ host", LineError::malformed},
      {"candidate:1 1 udp 1 192.0.2.1 65536 typ host", LineError::malformed},
      {"candidate:1 1 udp 1 192.0.2.1 -1 typ host", LineError::malformed},
      {"candidate:1 1 udp 1 192.0.2 1 typ host", LineError::malformed},
      {"candidate:1 1 udp 1 192.0.2.1 1 typ", LineError::malformed},
      {"candidate:1 1 udp 1 192.0.2.1 1 host", LineError::malformed},
      {"candidate:1-2 1 udp 1 192.0.2.1 1 typ host", LineError::malformed},
      {"candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 1 typ host", LineError::malformed},
      {"candidate:1 1 udp 1 192.0.2.1 1 typ host dangling", LineError::malformed},
  }));
  INFO(line);
  const auto read = parse_candidate(line);
  REQUIRE_FALSE(read);
  CHECK(read.error() == why);
}

TEST_CASE("A candidate line may not be endless", "[candidate_line]") {
  const auto line = "candidate:1 1 udp 1 192.0.2.1 1 typ host" + std::string(600, ' ') + "x y";
  CHECK(parse_candidate(line).error() == LineError::malformed);
}

TEST_CASE("A zone means nothing to others", "[candidate_line]") {
  CHECK(parse_candidate("candidate:1 1 udp 1 fe80::1%eth0 1 typ host")->endpoint == *parse_endpoint("[fe80::1]:1"));
}
