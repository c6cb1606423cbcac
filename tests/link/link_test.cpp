// Links over simulated NATs: gathering, ICE, TURN and the channel together, in virtual time.
#include <fmt/format.h>

#include <cstdio>

#include "catch.hpp"
#include "link/encounter.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
double ms_after(const Encounter& encounter, const std::optional<Instant>& at) {
  REQUIRE(at);
  return std::chrono::duration<double, std::milli>(*at - encounter.told).count();
}

Bytes numbered(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>((i * 131 + (i >> 8) * 29) & 0xFF);
  return bytes;
}

/// Sends as much of `bytes` as there is room for; how much was sent before is kept in `sent`.
void pour(Party& party, Instant now, channel::StreamId stream, const Bytes& bytes, std::size_t& sent) {
  while (sent < bytes.size()) {
    const auto piece = ByteView{bytes}.subspan(sent, std::min<std::size_t>(16384, bytes.size() - sent));
    if (!party.link().send(now, stream, channel::MessageKind::binary, piece)) break;
    sent += piece.size();
  }
  party.hub.flush(now);
}
}  // namespace

TEST_CASE("Two homes are connected after one round trip, secured soon after, and talk", "[link][sim]") {
  Encounter encounter{{}};
  encounter.tell();
  encounter.run(1s, [&] { return encounter.are_secured(); });
  REQUIRE(encounter.are_secured());
  CHECK(encounter.connected_after() <= 60);
  CHECK(encounter.a.direct_at);
  CHECK(ms_after(encounter, encounter.b.secured_at) <= 200);

  const auto now = encounter.net.now();
  const auto stream = encounter.a.link().open_stream(now, {.label = "talk"});
  REQUIRE(stream);
  REQUIRE(encounter.a.link().send(now, *stream, channel::MessageKind::text, Bytes{'h', 'i'}));
  encounter.a.hub.flush(now);
  encounter.host_a.wake();
  encounter.run(200ms, [&] { return !encounter.b.heard.empty(); });
  CHECK(encounter.b.heard == Bytes{'h', 'i'});
  CHECK(ms_after(encounter, encounter.b.message_at) <= 250);
}

namespace {
struct RoundTrips {
  double secured_a = 0, secured_b = 0;        ///< until this side knows who the other is
  double first_byte_a = 0, first_byte_b = 0;  ///< until the other's first byte is here, sent as soon as it could be
};

/// Of the path that is used, counted from when both are told.
RoundTrips count_round_trips(const EncounterConfig& config) {
  Encounter encounter{config};
  encounter.tell();
  constexpr channel::StreamId greetings{0};
  const auto greet = [&](Party& party, sim::Host& host, bool& has_greeted) {
    if (party.link().has_channel()) static_cast<void>(party.link().open_agreed_stream(greetings, {}));
    if (has_greeted || !party.secured_at) return;
    const auto now = encounter.net.now();
    has_greeted = party.link().send(now, greetings, channel::MessageKind::text, Bytes{'h', 'i'}).has_value();
    party.hub.flush(now);
    host.wake();
  };
  bool has_a_greeted = false, has_b_greeted = false;
  encounter.run(2s, [&] {
    greet(encounter.a, encounter.host_a, has_a_greeted);
    greet(encounter.b, encounter.host_b, has_b_greeted);
    return encounter.a.message_at && encounter.b.message_at;
  });
  const double round_trip = encounter.a.link().path()->is_relayed() ? 100 : 50;
  const auto trips = [&](const std::optional<Instant>& at) { return ms_after(encounter, at) / round_trip; };
  return {trips(encounter.a.secured_at), trips(encounter.b.secured_at), trips(encounter.a.message_at),
          trips(encounter.b.message_at)};
}
}  // namespace

TEST_CASE("The channel's handshake costs one round trip on top of finding the path, and none is lost to anything else",
          "[link][sim]") {
  const auto boxes_of_both = GENERATE(Box::drop, Box::open, Box::symmetric);
  CAPTURE(to_text(boxes_of_both));
  const auto trips = count_round_trips({.box_a = boxes_of_both, .box_b = boxes_of_both});
  constexpr double slack = 0.15;          // permissions asked of the relay, and milliseconds in which the test looks
  CHECK(trips.secured_b <= 1.5 + slack);  // it only has to hear the client's last flight
  CHECK(trips.secured_a <= 2 + slack);
  CHECK(trips.first_byte_a <= 2 + slack);  // SCTP has met meanwhile: the data go with its cookie
  CHECK(trips.first_byte_b <= 2.5 + slack);
}

TEST_CASE("Every pair of NATs is connected: directly where no port has to be guessed, by the relay otherwise",
          "[link][sim]") {
  std::string table = "ms to connected, (r)elayed\n             ";
  for (const auto column : boxes) table += fmt::format("{:>12}", to_text(column));
  for (const auto box_a : boxes) {
    table += fmt::format("\n{:<13}", to_text(box_a));
    for (const auto box_b : boxes) {
      Encounter encounter{{.box_a = box_a, .box_b = box_b}};
      INFO(to_text(box_a) << " x " << to_text(box_b));
      encounter.tell();
      encounter.run(3s, [&] { return encounter.are_secured(); });
      REQUIRE(encounter.are_secured());
      encounter.run(500ms);
      const bool is_direct = encounter.a.direct_at && encounter.b.direct_at;
      CHECK(is_direct == !needs_guessing(box_a, box_b));
      CHECK(encounter.connected_after() <= (is_direct ? 110 : 170));
      CHECK(encounter.a.link().path()->is_relayed() != is_direct);
      table += fmt::format("{:>10.1f}{:<2}", encounter.connected_after(), is_direct ? "" : " r");
    }
  }
  std::puts(table.c_str());
}

TEST_CASE("Who is told later is connected at once all the same, whatever its router did with what came too early",
          "[link][sim]") {
  for (const auto box_a : {Box::drop, Box::reject, Box::accept}) {
    for (const auto box_b : {Box::drop, Box::reject, Box::accept}) {
      CAPTURE(to_text(box_a), to_text(box_b));
      Encounter encounter{{.box_a = box_a, .box_b = box_b, .skew_b = 60ms, .relaying = EncounterConfig::Relaying::no}};
      encounter.tell();
      encounter.run(5s, [&] { return encounter.are_connected(); });
      REQUIRE(encounter.are_connected());
      CHECK(encounter.connected_after() <= 90);  // a round trip, and half of one for its first answer
    }
  }
}

TEST_CASE("Hosts on one network use their own addresses", "[link][sim]") {
  Encounter encounter{{.place = EncounterConfig::Place::same_lan}};
  encounter.tell();
  encounter.run(1s, [&] { return encounter.are_secured(); });
  REQUIRE(encounter.are_secured());
  CHECK(encounter.a.link().path()->remote_kind == ice::Kind::host);
  CHECK(encounter.connected_after() <= 5);
}

TEST_CASE("Who shows another certificate than the announced one gets no session, and both are told", "[link][sim]") {
  Encounter encounter{{.certificate_of_b = "an impostor"}};
  encounter.tell();
  encounter.run(5s, [&] { return encounter.a.ended && encounter.b.ended; });
  REQUIRE(encounter.a.ended);
  REQUIRE(encounter.b.ended);
  CHECK(encounter.a.ended->reason == link::EndReason::authentication_failed);
  CHECK(encounter.b.ended->reason == link::EndReason::authentication_failed);
  CHECK(encounter.a.count<link::Link::Secured>() == 0);
}

TEST_CASE("A relayed session outlives the name that its relayed address was asked for with", "[link][sim]") {
  Encounter encounter{{.box_a = Box::symmetric, .box_b = Box::symmetric, .relay_names_for = 5min}};
  encounter.tell();
  encounter.run(1s, [&] { return encounter.are_secured(); });
  REQUIRE(encounter.are_secured());
  // The name ends after 5 minutes, permissions are renewed every 4 and the address itself after 9.
  encounter.rest(11min);
  CHECK_FALSE(encounter.a.ended);
  CHECK(encounter.a.count<link::Link::PathLost>() == 0);
  CHECK(encounter.b.count<link::Link::PathLost>() == 0);
  REQUIRE(encounter.a.link().path());
  CHECK(encounter.a.link().path()->is_relayed());
  const auto now = encounter.net.now();
  const auto stream = encounter.a.link().open_stream(now, {.label = "still here"});
  REQUIRE(stream);
  REQUIRE(encounter.a.link().send(now, *stream, channel::MessageKind::text, Bytes{'h', 'i'}));
  encounter.a.hub.flush(now);
  encounter.host_a.wake();
  encounter.run(500ms, [&] { return !encounter.b.heard.empty(); });
  CHECK(encounter.b.heard == Bytes{'h', 'i'});
}

TEST_CASE("Without a relay an impossible pair is told so within two seconds", "[link][sim]") {
  Encounter encounter{{.box_a = Box::symmetric, .box_b = Box::symmetric, .relaying = EncounterConfig::Relaying::no}};
  encounter.tell();
  encounter.run(3s, [&] { return encounter.a.ended && encounter.b.ended; });
  REQUIRE(encounter.a.ended);
  CHECK(encounter.a.ended->reason == link::EndReason::punch_failed);
  CHECK(ms_after(encounter, encounter.a.ended_at) <= 2000);
  CHECK(ms_after(encounter, encounter.b.ended_at) <= 2000);
}

TEST_CASE("A stream goes on by the relay when the direct path is cut, and back, without a byte lost or changed",
          "[link][sim]") {
  Encounter encounter{{}};
  encounter.tell();
  encounter.run(1s, [&] { return encounter.are_secured(); });
  REQUIRE(encounter.are_secured());
  encounter.run(500ms);
  const auto bytes = numbered(4'000'000);
  std::size_t sent = 0;
  const auto stream = encounter.a.link().open_stream(encounter.net.now(), {.label = "bulk"});
  REQUIRE(stream);
  const auto pour_for = [&](Duration time) {
    for (const auto end = encounter.net.now() + time;
         encounter.net.now() < end && encounter.b.heard.size() < bytes.size();) {
      pour(encounter.a, encounter.net.now(), *stream, bytes, sent);
      encounter.host_a.wake();
      encounter.step();
    }
  };
  pour_for(300ms);
  const auto before = encounter.b.heard.size();
  CHECK(before > 0);
  encounter.a.cut = {encounter.home_b.addresses().front()};
  encounter.b.cut = {encounter.home_a.addresses().front()};
  pour_for(4s);
  CHECK(encounter.a.link().path()->is_relayed());
  CHECK(encounter.b.heard.size() > before);
  encounter.a.cut.clear();
  encounter.b.cut.clear();
  pour_for(20s);
  encounter.run(500ms);
  CHECK_FALSE(encounter.a.link().path()->is_relayed());
  REQUIRE(encounter.b.heard.size() == bytes.size());
  CHECK(encounter.b.heard == bytes);
}

TEST_CASE("A link that is closed tells its peer", "[link][sim]") {
  Encounter encounter{{}};
  encounter.tell();
  encounter.run(1s, [&] { return encounter.are_secured(); });
  encounter.a.link().close(encounter.net.now());
  encounter.a.hub.flush(encounter.net.now());
  encounter.host_a.wake();
  encounter.run(2s, [&] { return encounter.a.ended && encounter.b.ended; });
  REQUIRE(encounter.a.ended);
  REQUIRE(encounter.b.ended);
  CHECK(encounter.a.ended->reason == link::EndReason::closed);
  CHECK(encounter.b.ended->reason == link::EndReason::closed_by_peer);
}

TEST_CASE("Who closes everything keeps its relay until the peer has heard of it, and then gives it back",
          "[link][sim]") {
  Encounter encounter{{.box_a = Box::symmetric, .box_b = Box::firewall}};
  encounter.tell();
  encounter.run(1s, [&] { return encounter.are_secured(); });
  REQUIRE(encounter.are_secured());
  REQUIRE_FALSE(encounter.a.direct_at);
  encounter.a.hub.close(encounter.net.now());
  encounter.host_a.wake();
  encounter.run(2s, [&] { return encounter.a.ended && encounter.b.ended; });
  REQUIRE(encounter.b.ended);
  CHECK(encounter.b.ended->reason == link::EndReason::closed_by_peer);
  encounter.run(1s, [&] { return !encounter.a.hub.poll_timeout(); });
  CHECK_FALSE(encounter.a.hub.poll_timeout());
}

TEST_CASE("When the relay dies and there is no other way, both are told within six seconds", "[link][sim]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Encounter encounter{{.box_a = Box::symmetric, .box_b = Box::symmetric, .seed = seed}};
    encounter.tell();
    encounter.run(1s, [&] { return encounter.are_secured(); });
    REQUIRE(encounter.are_secured());
    for (auto* party : {&encounter.a, &encounter.b}) party->cut = encounter.server.addresses();
    encounter.run(6s, [&] { return encounter.a.ended && encounter.b.ended; });
    for (const auto* party : {&encounter.a, &encounter.b}) {
      REQUIRE(party->ended);
      CHECK(party->ended->reason == link::EndReason::connection_lost);
    }
  }
}
