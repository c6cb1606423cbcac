#include "natkit/ice/candidate.hpp"

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::ice;
using namespace natkit::test;

TEST_CASE("Priorities are those of RFC 8445 and order the kinds", "[candidate]") {
  CHECK(priority(Kind::host, Transport::udp, 65535) == (126U << 24U) + (65535U << 8U) + 255);
  CHECK(priority(Kind::server_reflexive, Transport::udp, 65535) == 1694498815);  // the example of RFC 8839 §5.1
  CHECK(priority(Kind::host, Transport::udp, 1) > priority(Kind::peer_reflexive, Transport::udp, 65535));
  CHECK(priority(Kind::peer_reflexive, Transport::udp, 1) > priority(Kind::server_reflexive, Transport::udp, 65535));
  CHECK(priority(Kind::mapped, Transport::udp, 7) == priority(Kind::server_reflexive, Transport::udp, 7));
  CHECK(priority(Kind::server_reflexive, Transport::udp, 1) > priority(Kind::relayed, Transport::udp, 65535));
  CHECK(priority(Kind::host, Transport::tcp_so, 65535) < priority(Kind::server_reflexive, Transport::udp, 0));
  CHECK(local_preference(priority(Kind::host, Transport::udp, 4711)) == 4711);
}

TEST_CASE("Over TCP the direction counts before the address", "[candidate]") {
  const auto preference = [](Kind kind, Transport transport, std::uint16_t other) {
    return local_preference(
        make_candidate(kind, transport, "192.0.2.1:7"_ep, {.base = "10.0.0.1:7"_ep, .local_preference = other})
            .priority);
  };
  CHECK(preference(Kind::host, Transport::tcp_active, 65535) == 6 * 8192 + 8191);
  CHECK(preference(Kind::host, Transport::tcp_passive, 65534) == 4 * 8192 + 8190);
  CHECK(preference(Kind::host, Transport::tcp_so, 65535) == 2 * 8192 + 8191);
  CHECK(preference(Kind::server_reflexive, Transport::tcp_so, 65535) == 6 * 8192 + 8191);
  CHECK(preference(Kind::server_reflexive, Transport::tcp_passive, 65535) == 2 * 8192 + 8191);
  // As a gatherer makes it from the host candidate's.
  CHECK(preference(Kind::server_reflexive, Transport::tcp_so, preference(Kind::host, Transport::tcp_so, 65533)) ==
        6 * 8192 + 8189);
}

TEST_CASE("A pair is worth the same to both sides", "[candidate]") {
  const std::uint32_t mine = 1000;
  const std::uint32_t theirs = 2000;
  CHECK(pair_priority(mine, theirs) == (1000ULL << 32U) + 4000);
  CHECK(pair_priority(theirs, mine) == pair_priority(mine, theirs) + 1);
}

TEST_CASE("A foundation is shared by candidates that will fare alike", "[candidate]") {
  const auto base = "192.168.1.10"_ip;
  const auto server = "198.51.100.1"_ip;
  const auto first = foundation(Kind::server_reflexive, Transport::udp, base, server);
  CHECK(first == foundation(Kind::server_reflexive, Transport::udp, base, server));
  CHECK(first != foundation(Kind::host, Transport::udp, base, std::nullopt));
  CHECK(first != foundation(Kind::server_reflexive, Transport::tcp_so, base, server));
  CHECK(first != foundation(Kind::server_reflexive, Transport::udp, server, server));
  CHECK(first != foundation(Kind::server_reflexive, Transport::udp, base, base));
  CHECK(first.size() <= 32);
}

TEST_CASE("A gathered candidate says where it came from", "[candidate]") {
  const auto made =
      make_candidate(Kind::server_reflexive, Transport::udp, "203.0.113.7:40000"_ep, {.base = "10.0.0.1:5000"_ep});
  CHECK(made.related == "10.0.0.1:5000"_ep);
  CHECK_FALSE(make_candidate(Kind::host, Transport::udp, "10.0.0.1:5000"_ep, {.base = "10.0.0.1:5000"_ep}).related);
}

TEST_CASE("TCP candidates go together as RFC 6544 says", "[candidate]") {
  CHECK(can_pair(Transport::udp, Transport::udp));
  CHECK(can_pair(Transport::tcp_active, Transport::tcp_passive));
  CHECK(can_pair(Transport::tcp_passive, Transport::tcp_active));
  CHECK(can_pair(Transport::tcp_so, Transport::tcp_so));
  CHECK_FALSE(can_pair(Transport::tcp_active, Transport::tcp_active));
  CHECK_FALSE(can_pair(Transport::tcp_so, Transport::tcp_passive));
  CHECK_FALSE(can_pair(Transport::udp, Transport::tcp_so));
}
