#include "natkit/turn/relay.hpp"

#include "relay_bench.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
const Bytes hello{'h', 'e', 'l', 'l', 'o'};
}  // namespace

TEST_CASE("A relay gives a client an address and carries data both ways", "[relay]") {
  RelayBench bench;
  const auto answer = bench.ask(bench.allocate_request());
  REQUIRE(is_success(answer));
  const auto relayed = *answer.endpoint(AttributeType::xor_relayed_address);
  CHECK(relayed.address == "198.51.100.1"_ip);
  CHECK(relayed.port >= 49152);
  CHECK(answer.endpoint(AttributeType::xor_mapped_address) == somebody);
  CHECK(answer.u32(AttributeType::lifetime) == 600U);
  REQUIRE(is_success(bench.permit({a_peer})));
  const auto socket = bench.socket_of(relayed);

  bench.receive(somebody, bench.send_indication(a_peer, hello));
  REQUIRE(bench.out.size() == 1);
  CHECK(bench.out[0].socket == socket);
  CHECK(bench.out[0].remote == a_peer);
  CHECK(bench.out[0].payload == hello);

  bench.receive(a_peer, hello, socket);
  REQUIRE(bench.out.size() == 1);
  CHECK(bench.out[0].remote == somebody);
  CHECK(bench.out[0].local == listener);
  const auto data = bench.answer_in(bench.out[0]);
  CHECK(data.method() == Method::data);
  CHECK(data.endpoint(AttributeType::xor_peer_address) == a_peer);
  CHECK(data.find(AttributeType::data)->size() == hello.size());
}

TEST_CASE("A bound channel carries data both ways in the short form, over a stream with filler", "[relay]") {
  const auto protocol = GENERATE(Protocol::udp, Protocol::tcp);
  RelayBench bench;
  const auto answer = bench.ask(bench.allocate_request(), somebody, "alice", protocol);
  const auto relayed = *answer.endpoint(AttributeType::xor_relayed_address);
  auto writer = bench.request(Method::channel_bind);
  writer.add_u16(AttributeType::channel_number, 0x4001).add_endpoint(AttributeType::xor_peer_address, a_peer);
  REQUIRE(is_success(bench.ask(std::move(writer), somebody, "alice", protocol)));

  bench.receive(somebody, turn::write_channel_data(0x4001, hello, Protocol::udp), {}, protocol);
  REQUIRE(bench.out.size() == 1);
  CHECK(bench.out[0].remote == a_peer);
  CHECK(bench.out[0].payload == hello);
  bench.receive(a_peer, hello, bench.socket_of(relayed));
  REQUIRE(bench.out.size() == 1);
  CHECK(bench.out[0].protocol == protocol);
  CHECK(bench.out[0].payload == turn::write_channel_data(0x4001, hello, protocol));
}

TEST_CASE("What has no permission goes nowhere, in either direction", "[relay]") {
  RelayBench bench;
  const auto relayed = bench.allocate();
  const auto socket = bench.socket_of(relayed);
  bench.receive(a_peer, hello, socket);
  CHECK(bench.out.empty());
  bench.receive(somebody, bench.send_indication(a_peer, hello));
  CHECK(bench.out.empty());
  REQUIRE(is_success(bench.permit({a_peer})));
  bench.receive("192.0.2.10:4000"_ep, hello, socket);  // another address
  CHECK(bench.out.empty());
  bench.receive("192.0.2.9:4999"_ep, hello, socket);  // ports do not matter (RFC 8656 §9)
  CHECK(bench.out.size() == 1);
  bench.receive(somebody, turn::write_channel_data(0x4001, hello, Protocol::udp));  // not bound
  CHECK(bench.out.empty());
  bench.receive("203.0.113.8:5000"_ep, bench.send_indication(a_peer, hello));  // somebody else's
  CHECK(bench.out.empty());
  CHECK(bench.relay.counters().not_permitted == 5);
}

TEST_CASE("A permission ends after 300 s and a channel after 600 s, unless renewed", "[relay]") {
  RelayBench bench;
  const auto socket = bench.socket_of(bench.allocate());
  REQUIRE(is_success(bench.permit({"192.0.2.8:0"_ep})));
  REQUIRE(is_success(bench.bind(0x4001, a_peer)));
  const auto is_heard = [&](const Endpoint& from) {
    bench.receive(from, hello, socket);
    return bench.out.size() == 1;
  };
  bench.pass(299s);
  CHECK(is_heard("192.0.2.8:1"_ep));
  CHECK(is_heard(a_peer));
  bench.pass(1s);
  CHECK_FALSE(is_heard("192.0.2.8:1"_ep));
  CHECK_FALSE(is_heard(a_peer));  // the channel is there, its permission is not
  REQUIRE(is_success(bench.permit({a_peer})));
  CHECK(is_heard(a_peer));
  CHECK(turn::parse_channel_data(bench.out[0].payload));
  bench.ask(bench.request(Method::refresh));
  bench.pass(299s);
  CHECK(is_heard(a_peer));
  CHECK(turn::parse_channel_data(bench.out[0].payload));
  REQUIRE(is_success(bench.permit({a_peer})));
  bench.pass(1s);
  CHECK(is_heard(a_peer));
  CHECK_FALSE(turn::parse_channel_data(bench.out[0].payload));  // the channel is over, the permission is not
}

TEST_CASE("A channel is bound to one peer and a peer to one channel, until its time is over", "[relay]") {
  RelayBench bench;
  bench.allocate();
  REQUIRE(is_success(bench.bind(0x4001, a_peer)));
  CHECK(is_success(bench.bind(0x4001, a_peer)));
  CHECK(bench.bind(0x4001, "192.0.2.9:4001"_ep).error_code() == 400);
  CHECK(bench.bind(0x4002, a_peer).error_code() == 400);
  CHECK(bench.bind(0x3FFF, "192.0.2.9:4001"_ep).error_code() == 400);
  CHECK(bench.bind(0x8000, "192.0.2.9:4001"_ep).error_code() == 400);
  CHECK(is_success(bench.bind(0x7FFF, "192.0.2.9:4002"_ep)));  // of RFC 5766
  bench.ask(bench.request(Method::refresh).add_u32(AttributeType::lifetime, 3600));
  bench.pass(600s);
  CHECK(is_success(bench.bind(0x4001, "192.0.2.9:4001"_ep)));
}

TEST_CASE("An allocation lives as long as it was granted, and its socket with it", "[relay]") {
  RelayBench bench;
  bench.allocate();
  CHECK(bench.open.size() == 1);
  bench.pass(500s);
  const auto renewed = bench.ask(bench.request(Method::refresh).add_u32(AttributeType::lifetime, 1000));
  CHECK(renewed.u32(AttributeType::lifetime) == 1000U);
  bench.pass(999s);
  CHECK(bench.relay.allocations() == 1);
  bench.pass(1s);
  CHECK(bench.relay.allocations() == 0);
  CHECK(bench.open.empty());
  CHECK_FALSE(bench.relay.poll_timeout());
  CHECK(bench.ask(bench.request(Method::refresh)).error_code() == 437);
  CHECK(bench.permit({a_peer}).error_code() == 437);
}

TEST_CASE("Nobody is granted more than an hour, nor less than the usual ten minutes", "[relay]") {
  RelayBench bench;
  const auto [asked, granted] =
      GENERATE(table<std::uint32_t, std::uint32_t>({{1, 600}, {900, 900}, {0xFFFFFFFF, 3600}}));
  const auto answer = bench.ask(bench.allocate_request().add_u32(AttributeType::lifetime, asked));
  CHECK(answer.u32(AttributeType::lifetime) == granted);
}

TEST_CASE("A lifetime of zero gives the address back at once", "[relay]") {
  RelayBench bench;
  bench.allocate();
  const auto answer = bench.ask(bench.request(Method::refresh).add_u32(AttributeType::lifetime, 0));
  CHECK(is_success(answer));
  CHECK(answer.u32(AttributeType::lifetime) == 0U);
  CHECK(bench.relay.allocations() == 0);
  CHECK(bench.open.empty());
  bench.allocate();
}

TEST_CASE("An Allocate that comes twice is answered twice the same, a second one is refused", "[relay]") {
  RelayBench bench;
  const auto who = bench.user();
  const auto request = bench.sign(bench.allocate_request(), who, somebody);
  bench.receive(somebody, request);
  REQUIRE(bench.out.size() == 1);
  const auto first = bench.out[0].payload;
  bench.receive(somebody, request);
  REQUIRE(bench.out.size() == 1);
  CHECK(bench.out[0].payload == first);
  CHECK(bench.relay.allocations() == 1);
  CHECK(bench.ask(bench.allocate_request()).error_code() == 437);
}

TEST_CASE("Permissions and data may follow the Allocate before its socket is open", "[relay]") {
  RelayBench bench;
  const auto who = bench.user();
  const auto from = somebody;
  const auto hand_in = [&](Bytes payload) {
    bench.relay.handle_datagram(bench.now, {.local = listener, .remote = from, .payload = std::move(payload)});
  };
  hand_in(bench.sign(bench.allocate_request(), who, from));
  hand_in(bench.sign(bench.request(Method::create_permission).add_endpoint(AttributeType::xor_peer_address, a_peer),
                     who, from));
  bench.settle();
  REQUIRE(bench.out.size() == 2);
  for (const auto& datagram : bench.out) CHECK(is_success(bench.answer_in(datagram)));
}

TEST_CASE("An IPv4 client meets IPv6 peers, and the other way round", "[relay]") {
  RelayBench bench;
  const auto six = Endpoint{"2001:db8:7::9"_ip, 4000};
  SECTION("IPv6 is asked for by name") {
    const auto answer = bench.ask(bench.allocate_request().add_u32(AttributeType::requested_address_family, 2U << 24U));
    const auto relayed = *answer.endpoint(AttributeType::xor_relayed_address);
    CHECK(relayed.address == "2001:db8::1"_ip);
    CHECK(bench.permit({a_peer}).error_code() == 443);
    REQUIRE(is_success(bench.permit({six})));
    bench.receive(somebody, bench.send_indication(six, hello));
    REQUIRE(bench.out.size() == 1);
    CHECK(bench.out[0].remote == six);
    bench.receive(six, hello, bench.socket_of(relayed));
    REQUIRE(bench.out.size() == 1);
    CHECK(bench.out[0].remote == somebody);
  }
  SECTION("both at once") {
    const auto answer =
        bench.ask(bench.allocate_request().add_u32(AttributeType::additional_address_family, 2U << 24U));
    std::vector<Family> families;
    for (auto cursor = answer.attributes(); const auto attribute = cursor.next();)
      if (attribute->type == AttributeType::xor_relayed_address)
        families.push_back(parse_address_value(attribute->value, answer.datagram().subspan(4, 16))->address.family());
    CHECK(families == std::vector{Family::ipv4, Family::ipv6});
    CHECK(is_success(bench.permit({a_peer, six})));
    CHECK(bench.open.size() == 2);
  }
}

TEST_CASE("A family that the relay has not is refused, or told beside the one that it has", "[relay]") {
  auto config = plain_relay();
  config.addresses.pop_back();
  RelayBench bench{std::move(config)};
  CHECK(bench.ask(bench.allocate_request().add_u32(AttributeType::requested_address_family, 2U << 24U)).error_code() ==
        440);
  CHECK(bench.ask(bench.allocate_request().add_u32(AttributeType::requested_address_family, 7U << 24U)).error_code() ==
        440);
  const auto answer = bench.ask(bench.allocate_request().add_u32(AttributeType::additional_address_family, 2U << 24U));
  CHECK(is_success(answer));
  CHECK(to_hex(*answer.find(AttributeType::address_error_code)) == "02000428");
}

TEST_CASE("Requests that make no sense are refused with their code", "[relay]") {
  RelayBench bench;
  CHECK(bench.ask(bench.request(Method::allocate)).error_code() == 400);  // no transport
  CHECK(
      bench.ask(bench.request(Method::allocate).add_u32(AttributeType::requested_transport, 6U << 24U)).error_code() ==
      442);
  CHECK(bench.ask(bench.allocate_request().add(AttributeType::dont_fragment, {})).error_code() == 420);
  CHECK(bench.ask(bench.allocate_request().add(AttributeType::even_port, Bytes{0x80})).error_code() == 508);
  CHECK(bench.ask(bench.allocate_request().add_u64(AttributeType::reservation_token, 1)).error_code() == 508);
  bench.allocate();
  CHECK(bench.ask(bench.request(Method::create_permission)).error_code() == 400);  // no peer
  CHECK(bench.ask(bench.request(Method::channel_bind)).error_code() == 400);
  CHECK(bench.relay.counters().refused == 7);
}

TEST_CASE("A port that somebody else has is passed over, and a machine without any is told as full", "[relay]") {
  RelayBench bench;
  bench.failures = 3;
  bench.allocate();
  CHECK(bench.open.size() == 1);
  bench.failures = 100;
  CHECK(bench.ask(bench.allocate_request(), "203.0.113.8:1"_ep).error_code() == 508);
  CHECK(bench.relay.allocations() == 1);
}

TEST_CASE("Who asks for an even port gets one", "[relay]") {
  RelayBench bench;
  for (std::uint16_t i = 0; i < 10; ++i) {
    bench.failures = i % 3;
    const auto answer = bench.ask(bench.allocate_request().add(AttributeType::even_port, Bytes{0x00}),
                                  {somebody.address, static_cast<std::uint16_t>(1 + i)});
    REQUIRE(is_success(answer));
    CHECK(answer.endpoint(AttributeType::xor_relayed_address)->port % 2 == 0);
  }
}

TEST_CASE("Ports are given out within the range, none twice, and none when all are gone", "[relay]") {
  auto config = plain_relay();
  config.first_port = 50000;
  config.last_port = 50003;
  config.most_per_address = 100;
  RelayBench bench{std::move(config)};
  std::vector<std::uint16_t> ports;
  for (std::uint16_t i = 0; i < 4; ++i)
    ports.push_back(bench.allocate({somebody.address, static_cast<std::uint16_t>(1 + i)}).port);
  std::ranges::sort(ports);
  CHECK(ports == std::vector<std::uint16_t>{50000, 50001, 50002, 50003});
  CHECK(bench.ask(bench.allocate_request(), {somebody.address, 9}).error_code() == 508);
  bench.pass(600s);
  bench.allocate();
}

TEST_CASE("Two clients of one relay meet in memory, at their relayed addresses", "[relay]") {
  RelayBench bench;
  const Endpoint bob{"203.0.113.8"_ip, 6000};
  const auto at_alice = bench.allocate();
  const auto at_bob = bench.allocate(bob, "bob");
  REQUIRE(is_success(bench.permit({at_bob})));
  bench.receive(somebody, bench.send_indication(at_bob, hello));
  CHECK(bench.out.empty());  // bob has not let alice in yet
  REQUIRE(is_success(bench.permit({at_alice}, bob, "bob")));
  bench.receive(somebody, bench.send_indication(at_bob, hello));
  REQUIRE(bench.out.size() == 1);
  CHECK(bench.out[0].remote == bob);
  CHECK(bench.answer_in(bench.out[0]).endpoint(AttributeType::xor_peer_address) == at_alice);
  bench.receive(somebody, bench.send_indication({at_bob.address, 3478}, hello));  // another service of this machine
  CHECK(bench.out.empty());
}

TEST_CASE("The end of a TCP connection is the end of its allocation", "[relay]") {
  RelayBench bench;
  REQUIRE(is_success(bench.ask(bench.allocate_request(), somebody, "alice", Protocol::tcp)));
  CHECK(bench.relay.needs_connection({}, listener, somebody));
  CHECK_FALSE(bench.relay.needs_connection({}, listener, a_peer));
  bench.relay.handle_send_failure(bench.now, {.protocol = Protocol::tcp, .local = listener, .remote = somebody},
                                  "gone");
  bench.settle();
  CHECK(bench.relay.allocations() == 0);
  CHECK(bench.open.empty());
}

TEST_CASE("An allocation carries so many bytes a second and no more", "[relay]") {
  auto config = plain_relay();
  config.bytes = {.burst = 2000, .per_second = 1000};
  RelayBench bench{std::move(config)};
  bench.allocate();
  REQUIRE(is_success(bench.permit({a_peer})));
  const auto sent = [&] {
    int count = 0;
    for (int i = 0; i < 5; ++i) {
      bench.receive(somebody, bench.send_indication(a_peer, Bytes(1000)));
      count += static_cast<int>(bench.out.size());
    }
    return count;
  };
  CHECK(sent() == 2);
  bench.pass(1s);
  CHECK(sent() == 1);
  CHECK(bench.relay.counters().over_rate == 7);
}

TEST_CASE("The relay wants TURN and its own sockets, and leaves STUN to others", "[relay]") {
  RelayBench bench;
  const auto wants = [&](Bytes payload, SocketId socket = {}) {
    return bench.relay.wants({.socket = socket, .local = listener, .remote = somebody, .payload = std::move(payload)});
  };
  CHECK(wants(bench.allocate_request().finish()));
  CHECK(wants(bench.send_indication(a_peer, hello)));
  CHECK(wants(turn::write_channel_data(0x4001, hello, Protocol::udp)));
  CHECK_FALSE(wants(bench.request(Method::binding).finish()));
  CHECK_FALSE(wants({}));
  CHECK_FALSE(wants({0x80, 0x22}));
  CHECK(wants(hello, bench.socket_of(bench.allocate())));
}
