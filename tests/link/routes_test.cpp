// Links that go through a third member, in virtual time.
#include "catch.hpp"
#include "link/encounter.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
const auto router_x = Bytes(32, 'x');
const auto router_y = Bytes(32, 'y');
const auto by_x = link::Gathering::route_socket(0);
const auto by_y = link::Gathering::route_socket(1);

Bytes numbered(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>((i * 131 + (i >> 8) * 29) & 0xFF);
  return bytes;
}

/// Two hosts who can only meet by guessing, and members who forward between them: 20 ms on each way.
class RoutedEncounter {
 public:
  explicit RoutedEncounter(EncounterConfig::Relaying relaying)
      : encounter{{.box_a = Box::symmetric, .box_b = Box::symmetric, .relaying = relaying}} {}

  void add(SocketId route, const Bytes& router, std::uint16_t preference) {
    add_at(encounter.a, route, router, preference, "a");
    add_at(encounter.b, route, router, preference, "b");
  }
  /// Whoever it was forwards no more; nobody has been told.
  void kill(SocketId route) { dead_.push_back(route); }
  void tell_of_death(SocketId route) {
    for (auto* party : {&encounter.a, &encounter.b}) {
      party->hub.remove_route(encounter.net.now(), *party->id, route);
      party->hear(encounter.net.now());
    }
  }
  void run(Duration time, const std::function<bool()>& is_over = [] { return false; }) {
    for (const auto end = encounter.net.now() + time; encounter.net.now() < end && !is_over();) step();
  }
  void step() {
    carry(encounter.a, to_b_);
    carry(encounter.b, to_a_);
    deliver(to_a_, encounter.a);
    deliver(to_b_, encounter.b);
    encounter.host_a.wake();
    encounter.host_b.wake();
    encounter.step();
  }
  [[nodiscard]] bool are_routed() {
    const auto& a = encounter.a.link().path();
    const auto& b = encounter.b.link().path();
    return a && b && a->is_routed() && b->is_routed();
  }

  Encounter encounter;
  std::size_t carried = 0;

 private:
  struct Parcel {
    Instant at;
    link::Hub::Routed routed;
  };
  static constexpr Duration way = 20ms;

  void add_at(Party& party, SocketId route, const Bytes& router, std::uint16_t preference, std::string_view name) {
    const auto now = encounter.net.now();
    const auto own = ice::virtual_endpoint(router, identity_of(name).fingerprint().digest);
    REQUIRE(party.hub.add_route(now, *party.id, route, own, preference));
    const auto& peer = identity_of(name == "a" ? "b" : "a").fingerprint();
    party.hub.add_remote(now, *party.id, ice::make_routed(ice::virtual_endpoint(router, peer.digest), preference));
    party.hear(now);
  }
  void carry(Party& from, std::vector<Parcel>& parcels) {
    while (auto out = from.hub.poll_routed()) {
      if (std::ranges::find(dead_, out->route) != dead_.end()) continue;
      ++carried;
      parcels.push_back({encounter.net.now() + way, std::move(*out)});
    }
  }
  /// As who forwards knows the sender: by its virtual endpoint there.
  void deliver(std::vector<Parcel>& parcels, Party& to) {
    const auto now = encounter.net.now();
    const std::string_view name = &to == &encounter.a ? "b" : "a";
    for (auto& parcel : parcels) {
      if (parcel.at > now) continue;
      auto in = std::move(parcel.routed.datagram);
      const auto& router = parcel.routed.route == by_x ? router_x : router_y;
      in.remote = ice::virtual_endpoint(router, identity_of(name).fingerprint().digest);
      to.hub.handle_routed(now, *to.id, in);
      to.hear(now);
    }
    std::erase_if(parcels, [&](const Parcel& parcel) { return parcel.at <= now; });
  }

  std::vector<SocketId> dead_;
  std::vector<Parcel> to_a_, to_b_;
};

/// Sends `bytes` from A to B while things happen.
class Pouring {
 public:
  Pouring(RoutedEncounter& routed, const Bytes& bytes) : routed_(routed), bytes_(bytes) {
    const auto stream = routed.encounter.a.link().open_stream(routed.encounter.net.now(), {.label = "bulk"});
    REQUIRE(stream);
    stream_ = *stream;
  }
  void run(Duration time) {
    routed_.run(time, [&] {
      auto& a = routed_.encounter.a;
      while (sent_ < bytes_.size()) {
        const auto piece = ByteView{bytes_}.subspan(sent_, std::min<std::size_t>(16384, bytes_.size() - sent_));
        if (!a.link().send(routed_.encounter.net.now(), stream_, channel::MessageKind::binary, piece)) break;
        sent_ += piece.size();
      }
      a.hub.flush(routed_.encounter.net.now());
      return routed_.encounter.b.heard.size() >= bytes_.size();
    });
  }

 private:
  RoutedEncounter& routed_;
  const Bytes& bytes_;
  channel::StreamId stream_{};
  std::size_t sent_ = 0;
};
}  // namespace

TEST_CASE("Two who cannot meet directly are secured through a third member", "[link][routes][sim]") {
  RoutedEncounter routed{EncounterConfig::Relaying::no};
  routed.add(by_x, router_x, 100);
  routed.encounter.tell();
  routed.run(2s, [&] { return routed.encounter.are_secured(); });
  REQUIRE(routed.encounter.are_secured());
  CHECK(routed.are_routed());
  CHECK(routed.encounter.a.link().path()->remote ==
        ice::virtual_endpoint(router_x, identity_of("b").fingerprint().digest));
  CHECK(routed.carried > 0);
}

TEST_CASE("A route that comes up while there is a direct path changes nothing, and is better than a relay",
          "[link][routes][sim]") {
  RoutedEncounter routed{EncounterConfig::Relaying::yes};
  routed.encounter.tell();
  routed.run(1s);
  REQUIRE(routed.encounter.a.link().path()->is_relayed());
  routed.add(by_x, router_x, 100);
  routed.run(500ms);
  CHECK(routed.are_routed());
}

TEST_CASE(
    "When the router leaves, the next one or the relay goes on in the same moment, and no byte is lost or changed",
    "[link][routes][sim]") {
  const auto relaying = GENERATE(EncounterConfig::Relaying::yes, EncounterConfig::Relaying::no);
  RoutedEncounter routed{relaying};
  routed.add(by_x, router_x, 200);
  const bool has_backup = relaying == EncounterConfig::Relaying::no;
  if (has_backup) routed.add(by_y, router_y, 100);
  routed.encounter.tell();
  routed.run(2s, [&] { return routed.encounter.are_secured(); });
  REQUIRE(routed.encounter.are_secured());
  routed.run(1s);
  REQUIRE(routed.are_routed());
  REQUIRE(routed.encounter.a.link().path()->socket == by_x);
  const auto bytes = numbered(2'000'000);
  Pouring pouring{routed, bytes};
  pouring.run(200ms);
  const auto before = routed.encounter.b.heard.size();
  REQUIRE(before > 0);
  REQUIRE(before < bytes.size());

  routed.kill(by_x);
  routed.tell_of_death(by_x);
  for (auto* party : {&routed.encounter.a, &routed.encounter.b}) {
    REQUIRE(party->link().path());
    CHECK(party->link().path()->is_routed() == has_backup);
    CHECK(party->link().path()->is_relayed() != has_backup);
  }
  pouring.run(20s);
  CHECK(routed.encounter.b.heard == bytes);
  CHECK_FALSE(routed.encounter.a.ended);
}

TEST_CASE("A router that falls silent is noticed by the two, and they go on by the other", "[link][routes][sim]") {
  RoutedEncounter routed{EncounterConfig::Relaying::no};
  routed.add(by_x, router_x, 200);
  routed.add(by_y, router_y, 100);
  routed.encounter.tell();
  routed.run(2s, [&] { return routed.encounter.are_secured(); });
  REQUIRE(routed.encounter.are_secured());
  const auto bytes = numbered(1'000'000);
  Pouring pouring{routed, bytes};
  pouring.run(100ms);
  routed.kill(by_x);
  pouring.run(2s);
  REQUIRE(routed.encounter.a.link().path());
  CHECK(routed.encounter.a.link().path()->socket == by_y);
  pouring.run(20s);
  CHECK(routed.encounter.b.heard == bytes);
}

TEST_CASE("A route is of one link: what comes by it under another name, or from elsewhere, is passed over",
          "[link][routes][sim]") {
  RoutedEncounter routed{EncounterConfig::Relaying::no};
  routed.add(by_x, router_x, 100);
  routed.encounter.tell();
  routed.run(2s, [&] { return routed.encounter.are_secured(); });
  auto& a = routed.encounter.a;
  const auto now = routed.encounter.net.now();
  const auto peer = identity_of("b").fingerprint().digest;
  const auto add = [&](link::LinkId link, SocketId route, const Endpoint& own) {
    return a.hub.add_route(now, link, route, own).has_value();
  };
  const auto own = ice::virtual_endpoint(router_y, identity_of("a").fingerprint().digest);
  CHECK_FALSE(add(link::LinkId{99}, by_y, own));
  CHECK_FALSE(add(*a.id, SocketId{0}, own));
  CHECK_FALSE(add(*a.id, by_y, "192.0.2.1:1"_ep));
  CHECK_FALSE(add(*a.id, by_x, own));
  CHECK_FALSE(add(*a.id, by_y, ice::virtual_endpoint(router_x, peer)));
  // No route of that number, and an address that is another router's.
  for (const auto& [route, router] : {std::pair{by_y, router_y}, std::pair{by_x, router_y}})
    a.hub.handle_routed(now, *a.id,
                        {.socket = route, .remote = ice::virtual_endpoint(router, peer), .payload = Bytes(20, 1)});
  CHECK_FALSE(a.hub.poll_routed());
  for (std::uint16_t number = 10; number < 30; ++number) {
    const Bytes router(32, static_cast<std::uint8_t>(number));
    static_cast<void>(add(*a.id, link::Gathering::route_socket(number), ice::virtual_endpoint(router, peer)));
  }
  const auto description = a.hub.describe(*a.id);
  CHECK(std::ranges::count(description.ice.candidates, ice::Kind::routed, &ice::Candidate::kind) ==
        link::Hub::most_routes);
}
