#include "front_door.hpp"

#include "catch.hpp"
#include "natkit/rendezvous/store.hpp"
#include "turn/relay_bench.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
/// All services behind one door; the relay's sockets open at once.
struct House {
  RelayBench bench;
  SeededRng rng{3};
  stun::Service service{{}, std::nullopt, rng};
  rendezvous::MemoryStore store;
  rendezvous::Server meeting{{}, store, rng};
  rendezvousd::FrontDoor door{service, &bench.relay, &meeting};

  void enter(Bytes payload) {
    door.handle_datagram(
        bench.now, {.protocol = Protocol::tcp, .local = listener, .remote = somebody, .payload = std::move(payload)});
    bench.settle();
  }
  /// Of a new allocation over TCP.
  void open_channel(std::uint16_t number) {
    REQUIRE(is_success(bench.ask(bench.allocate_request(), somebody, "alice", Protocol::tcp)));
    auto writer = bench.request(Method::channel_bind);
    writer.add_u16(AttributeType::channel_number, number).add_endpoint(AttributeType::xor_peer_address, a_peer);
    REQUIRE(is_success(bench.ask(std::move(writer), somebody, "alice", Protocol::tcp)));
  }
};
}  // namespace

TEST_CASE("A channel whose number begins as JSON does is relayed all the same", "[front_door]") {
  const auto number = GENERATE(as<std::uint16_t>{}, 0x4000, 0x7AFF, 0x7B00, 0x7B22, 0x7BFF, 0x7C00, 0x7FFF);
  House house;
  house.open_channel(number);
  const Bytes hello{'h', 'e', 'l', 'l', 'o'};

  house.enter(turn::write_channel_data(number, hello, Protocol::tcp));

  REQUIRE(house.bench.out.size() == 1);
  CHECK(house.bench.out[0].remote == a_peer);
  CHECK(house.bench.out[0].payload == hello);
  CHECK(house.meeting.connections() == 0);
}

TEST_CASE("A plain STUN request is not the relay's, even of a client that has a relayed address", "[front_door]") {
  House house;
  house.open_channel(0x4000);

  house.enter(house.bench.request(Method::binding).finish());

  CHECK(house.bench.out.empty());
}

TEST_CASE("A connection without a relayed address that begins as JSON does is for the meeting place", "[front_door]") {
  House house;
  const auto hello = rendezvous::write_message(rendezvous::Hello{});

  house.enter(Bytes(hello.begin(), hello.end()));

  CHECK(house.meeting.connections() == 1);
  const auto answer = house.door.poll_transmit();
  REQUIRE(answer);
  CHECK(answer->remote == somebody);
  CHECK(answer->payload.front() == '{');
}
