// The TCP sockets of a host, and what strangers can do to them.
#include "natkit/link/stream_bases.hpp"

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace std::chrono_literals;
using link::StreamBases;

namespace {
constexpr SocketId active{512}, passive{513}, meeting{514};
const Endpoint peer = "203.0.113.7:40000"_ep;
const Endpoint server = "198.51.100.1:3478"_ep;

struct Fixture {
  explicit Fixture(StreamBases::Config config = {}) : bases{filled(std::move(config))} {
    bases.start();
    for (const auto& change : changes()) {
      const auto& wish = std::get<SocketWish>(change);
      wishes.push_back(wish);
      const std::uint16_t port = wish.local.port != 0 ? wish.local.port : std::uint16_t{5000};
      bases.handle_socket_opened(wish.socket, {wish.local.address, port});
    }
    while (const auto candidate = bases.poll_candidate()) candidates.push_back(*candidate);
  }
  static StreamBases::Config filled(StreamBases::Config config) {
    config.addresses = {"192.168.1.10"_ip, "10.0.0.1"_ip};
    config.first_socket = active;
    return config;
  }
  std::vector<SocketChange> changes() {
    std::vector<SocketChange> all;
    while (auto change = bases.poll_socket()) all.push_back(*change);
    return all;
  }
  /// The connections that were ended.
  std::vector<Endpoint> ended() {
    std::vector<Endpoint> all;
    for (const auto& change : changes())
      if (const auto* end = std::get_if<ConnectionEnd>(&change)) all.push_back(end->remote);
    return all;
  }
  void hear(SocketId socket, const Endpoint& from, Bytes piece) {
    bases.handle_datagram(now,
                          {.socket = socket, .protocol = Protocol::tcp, .remote = from, .payload = std::move(piece)});
  }
  void pass(Duration time) {
    now += time;
    bases.handle_timeout(now);
  }
  std::vector<Bytes> received() {
    std::vector<Bytes> all;
    while (auto in = bases.poll_received()) all.push_back(std::move(in->payload));
    return all;
  }
  void send(SocketId socket, const Endpoint& to, Bytes packet) {
    bases.send({.socket = socket, .protocol = Protocol::tcp, .remote = to, .payload = std::move(packet)});
  }

  StreamBases bases;
  Instant now{1h};
  std::vector<SocketWish> wishes;
  std::vector<ice::LocalCandidate> candidates;
};
}  // namespace

TEST_CASE("Each address is known by a candidate that connects, one that waits and one that meets", "[stream_bases]") {
  Fixture f{{.port = 7000}};
  REQUIRE(f.wishes.size() == 3);
  CHECK(f.wishes[0].role == TcpRole::connects);
  CHECK(f.wishes[1].role == TcpRole::meets);
  CHECK(f.wishes[1].local.port == 7000);
  CHECK(f.wishes[2].role == TcpRole::meets);
  CHECK(f.wishes[2].local.port == 0);
  REQUIRE(f.candidates.size() == 6);
  CHECK(f.candidates[0].candidate.transport == ice::Transport::tcp_active);
  CHECK(f.candidates[0].candidate.endpoint == "192.168.1.10:9"_ep);
  CHECK(f.candidates[2].candidate.endpoint == "192.168.1.10:7000"_ep);
  CHECK(f.candidates[5].candidate.endpoint == "10.0.0.1:5000"_ep);
  CHECK(f.candidates[4].candidate.priority > f.candidates[5].candidate.priority);
}

TEST_CASE("A port that somebody has is replaced by another", "[stream_bases]") {
  StreamBases bases{{.addresses = {"192.168.1.10"_ip}, .port = 7000, .first_socket = active}};
  bases.start();
  while (bases.poll_socket()) {
  }
  bases.handle_socket_failure(passive);
  const auto again = bases.poll_socket();
  REQUIRE(again);
  CHECK(std::get<SocketWish>(*again).local.port == 0);
  bases.handle_socket_failure(passive);
  CHECK_FALSE(bases.poll_socket());
}

TEST_CASE("Packets travel in frames, and what a STUN server says as it is", "[stream_bases]") {
  Fixture f;
  f.send(meeting, peer, {1, 2, 3});
  CHECK(f.bases.poll_transmit()->payload == Bytes{0, 3, 1, 2, 3});
  f.hear(meeting, peer, {0, 2, 7});
  CHECK(f.received().empty());
  f.hear(meeting, peer, {8, 0, 1, 9});
  CHECK(f.received() == std::vector<Bytes>{{7, 8}, {9}});

  const Bytes question{0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  f.bases.send_question({.socket = meeting, .protocol = Protocol::tcp, .remote = server, .payload = question});
  CHECK(f.bases.poll_transmit()->payload == question);
  f.hear(meeting, server, Bytes(question.begin(), question.begin() + 7));
  CHECK(f.received().empty());
  f.hear(meeting, server, Bytes(question.begin() + 7, question.end()));
  CHECK(f.received() == std::vector<Bytes>{question});
}

TEST_CASE("Who waits sends nothing but by connections that were made to it", "[stream_bases]") {
  Fixture f;
  f.send(passive, peer, {1});
  CHECK_FALSE(f.bases.poll_transmit());
  f.hear(passive, peer, {0, 1, 7});
  f.send(passive, peer, {1});
  CHECK(f.bases.poll_transmit());
}

TEST_CASE("A stranger's connection is ended: at once for no packets, soon for packets of no use", "[stream_bases]") {
  Fixture f;
  const auto socket = GENERATE(passive, meeting);
  SECTION("HTTP") {
    f.hear(socket, peer, Bytes{'G', 'E', 'T', ' ', '/'});
    CHECK(f.ended() == std::vector<Endpoint>{peer});
  }
  SECTION("a byte now and then") {
    f.hear(socket, peer, {0});
    f.pass(4s);
    f.hear(socket, peer, {9});
    CHECK(f.ended().empty());
    f.pass(1s);
    CHECK(f.ended() == std::vector<Endpoint>{peer});
  }
  SECTION("packets that no agent takes") {
    for (int n = 0; n < 5; ++n) {
      f.hear(socket, peer, {0, 1, 7});
      f.pass(1s);
    }
    CHECK(f.ended() == std::vector<Endpoint>{peer});
  }
  CHECK(f.bases.connections() == 0);
  CHECK_FALSE(f.bases.poll_timeout());
}

TEST_CASE("A peer's connection lasts while it is used, and half a minute longer", "[stream_bases]") {
  Fixture f;
  f.hear(passive, peer, {0, 1, 7});
  f.bases.approve(passive, peer);
  f.pass(29s);
  f.hear(passive, peer, {0, 1, 7});
  f.pass(29s);
  CHECK(f.ended().empty());
  f.pass(1s);
  CHECK(f.ended() == std::vector<Endpoint>{peer});
}

TEST_CASE("Whoever connects from everywhere gets no further than the bound, and takes none of the others' places",
          "[stream_bases]") {
  Fixture f{{.most_connections = 10}};
  f.send(meeting, peer, {1});
  for (std::uint16_t n = 0; n < 1000; ++n) f.hear(passive, {peer.address, static_cast<std::uint16_t>(1000 + n)}, {0});
  CHECK(f.bases.connections() == 10);
  CHECK(f.ended().size() == 991);
  f.hear(meeting, peer, {0, 1, 7});
  CHECK(f.received() == std::vector<Bytes>{{7}});
}

TEST_CASE("At the end all sockets are closed and nothing is waited for", "[stream_bases]") {
  Fixture f;
  f.hear(passive, peer, {0, 1, 7});
  f.bases.close();
  CHECK(f.changes().size() == 3);
  CHECK_FALSE(f.bases.poll_timeout());
  f.hear(passive, peer, {0, 1, 7});
  CHECK(f.bases.connections() == 0);
}
