// Two sides without a server in common, whose users carry the descriptions, in virtual time.
#include "natkit/link/by_hand.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "catch.hpp"
#include "link/encounter.hpp"

using namespace natkit;
using namespace natkit::test;
using link::ByHand;
using link::Link;

namespace {
/// One side, and what it has said.
class User {
 public:
  User(ByHand::Config config, Rng& rng) : by_hand(std::move(config), rng) {}

  void start(Instant now) {
    by_hand.start(now);
    hear(now);
  }
  void handle_datagram(Instant now, const Datagram& in) {
    by_hand.handle_datagram(now, in);
    hear(now);
  }
  void handle_timeout(Instant now) {
    by_hand.handle_timeout(now);
    hear(now);
  }
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
    by_hand.handle_socket_opened(now, socket, local);
    hear(now);
  }
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
    by_hand.handle_socket_failure(now, socket, why);
    hear(now);
  }
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return by_hand.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit() { return by_hand.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return by_hand.poll_timeout(); }

  void hear(Instant now) {
    while (auto event = by_hand.poll_event(now)) {
      if (const auto* described = std::get_if<ByHand::Described>(&*event)) {
        text = described->text;
        described_at = now;
      } else if (const auto* peer = std::get_if<ByHand::PeerFound>(&*event)) {
        roles.push_back(peer->role);
      } else if (const auto* said = std::get_if<link::Hub::LinkEvent>(&*event)) {
        is_connected |= std::holds_alternative<Link::Connected>(said->event);
        is_secured |= std::holds_alternative<Link::Secured>(said->event);
        if (const auto* end = std::get_if<Link::Ended>(&said->event)) ended = *end;
      }
    }
    by_hand.flush(now);
  }

  ByHand by_hand;
  std::string text;
  std::optional<Instant> described_at;
  std::vector<ice::Role> roles;
  bool is_connected = false, is_secured = false;
  std::optional<Link::Ended> ended;
};

struct Fixture {
  explicit Fixture(Box box_a = Box::drop, Box box_b = Box::drop)
      : server(net.add_host({.link = {.delay = 12500us}})),
        host_a(net.add_host({}, box(box_a))),
        host_b(net.add_host({}, box(box_b))),
        responder({.listeners = {{.socket = SocketId{0}, .endpoint = {server.addresses().front(), 3478}}}}, net.rng()),
        a(config_of(host_a, "a"), net.rng()),
        b(config_of(host_b, "b"), net.rng()) {
    set_virtual_time(net.now());
    server.attach(responder, {{SocketId{0}, {server.addresses().front(), 3478}}});
    host_a.attach(a);
    host_b.attach(b);
  }

  sim::Gateway& box(Box kind) {
    auto& gateway = make_box(net, kind);
    gateway.set_link({.delay = 12500us});
    return gateway;
  }
  ByHand::Config config_of(const sim::Host& host, std::string_view name) const {
    link::Hub::Config hub{.gathering = {}, .agent = {}, .channel = {}, .identity = identity_of(name)};
    hub.gathering.addresses = host.addresses();
    hub.gathering.stun = {{server.addresses().front(), 3478}};
    return {.hub = std::move(hub)};
  }
  template <class IsOver>
  void run(Duration time, IsOver is_over) {
    for (const auto end = net.now() + time; net.now() < end && !is_over();) {
      set_virtual_time(net.now());
      net.run_for(1ms);
    }
  }
  Result<void> carry(const std::string& text, User& to, sim::Host& host) {
    auto heard = to.by_hand.hear_description(net.now(), text);
    to.hear(net.now());
    host.wake();
    return heard;
  }
  void describe() {
    run(2s, [&] { return a.described_at && b.described_at; });
    REQUIRE(a.described_at);
    REQUIRE(b.described_at);
  }

  sim::Network net{1};
  sim::Host& server;
  sim::Host& host_a;
  sim::Host& host_b;
  stun::Responder responder;
  User a, b;
};
}  // namespace

TEST_CASE("Descriptions carried by hand connect two, however long the second user takes", "[by_hand][sim]") {
  const auto [box_a, box_b] = GENERATE(table<Box, Box>(
      {{Box::open, Box::open}, {Box::drop, Box::drop}, {Box::accept, Box::drop}, {Box::full_cone, Box::symmetric}}));
  const auto later = GENERATE(values<Duration>({0ms, 3s, 40s}));
  CAPTURE(to_text(box_a), to_text(box_b), later / 1s);
  Fixture two{box_a, box_b};
  two.describe();
  REQUIRE(two.carry(two.a.text, two.b, two.host_b));
  two.run(later, [] { return false; });
  REQUIRE(two.carry(two.b.text, two.a, two.host_a));
  two.run(15s, [&] { return two.a.is_secured && two.b.is_secured; });
  CHECK(two.a.is_secured);
  CHECK(two.b.is_secured);
  // One of the two leads, and which one both know from the descriptions.
  REQUIRE(two.a.roles.size() == 1);
  REQUIRE(two.b.roles.size() == 1);
  CHECK(two.a.roles[0] != two.b.roles[0]);
}

TEST_CASE("A description is told when all is gathered, and after a second at the latest", "[by_hand][sim]") {
  Fixture two;
  const auto begun = two.net.now();
  two.describe();
  CHECK(*two.a.described_at - begun < 100ms);
  CHECK(two.a.text.contains("typ srflx"));
  CHECK(two.a.text.contains("end-of-candidates"));

  Fixture alone;
  alone.server.detach_last();  // the server is gone
  const auto start = alone.net.now();
  alone.describe();
  CHECK(*alone.a.described_at - start <= 1001ms);
  CHECK_FALSE(alone.a.text.contains("typ srflx"));
}

TEST_CASE("What cannot be used is refused with a reason, and the next description is taken", "[by_hand][sim]") {
  Fixture two;
  two.describe();
  for (const auto& text : {std::string{}, std::string{"hello"}, two.a.text.substr(0, 40), two.a.text}) {
    const auto refused = two.carry(text, two.a, two.host_a);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().reason == "bad-description");
  }
  CHECK(two.carry(two.b.text, two.a, two.host_a));
  const auto second = two.carry(two.b.text, two.a, two.host_a);
  REQUIRE_FALSE(second);
  CHECK(second.error().detail.contains("there is one already"));
}

TEST_CASE("A peer who never comes is given up after the time that was given", "[by_hand][sim]") {
  const auto box = GENERATE(Box::drop, Box::open);  // open: its program answers checks all the same
  Fixture two{box, box};
  two.describe();
  REQUIRE(two.carry(two.b.text, two.a, two.host_a));
  two.run(59s, [&] { return two.a.ended.has_value(); });
  CHECK_FALSE(two.a.ended);
  two.run(2s, [&] { return two.a.ended.has_value(); });
  REQUIRE(two.a.ended);
  using enum link::EndReason;
  CHECK(two.a.ended->reason == (box == Box::open ? connection_lost : punch_failed));
  CHECK_FALSE(two.a.is_secured);
}
