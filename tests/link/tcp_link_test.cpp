// Links where UDP does not pass: directly over TCP where a NAT allows it, by the relay otherwise (RFC 6544).
#include <fmt/format.h>

#include <cstdio>

#include "catch.hpp"
#include "environment.hpp"
#include "link/encounter.hpp"

using namespace natkit;
using namespace natkit::test;
using Directly = link::Gathering::Directly;

namespace {
constexpr std::array without_udp{Box::no_udp, Box::no_udp_drop, Box::no_udp_reject, Box::no_udp_cone,
                                 Box::no_udp_symmetric};

/// Whether its NAT lets in a SYN that nobody inside has asked for.
bool lets_in(Box box) {
  return box == Box::open || box == Box::full_cone || box == Box::no_udp || box == Box::no_udp_cone;
}
bool is_symmetric(Box box) { return box == Box::symmetric || box == Box::no_udp_symmetric; }

/// Whether one of two may come to the other, or both can meet.
bool is_direct_over_tcp(Box a, Box b) { return lets_in(a) || lets_in(b) || (!is_symmetric(a) && !is_symmetric(b)); }

bool goes_by(const Party& party, Protocol protocol) {
  const auto* link = party.hub.find(*party.id);
  return link && link->path() && link->path()->protocol == protocol && !link->path()->is_relayed();
}

std::string replay(const EncounterConfig& config) {
  return fmt::format("{} x {}, seed {}, B {} ms later", to_text(config.box_a), to_text(config.box_b), config.seed,
                     std::chrono::duration<double, std::milli>(config.skew_b).count());
}
}  // namespace

TEST_CASE("Where one side has no UDP, TCP goes directly where a NAT lets it, and by the relay otherwise",
          "[link][tcp]") {
  std::string table = "ms to direct over TCP\n                  ";
  constexpr std::array others{
      Box::open,   Box::full_cone,   Box::drop,          Box::reject,      Box::accept,          Box::symmetric,
      Box::no_udp, Box::no_udp_drop, Box::no_udp_reject, Box::no_udp_cone, Box::no_udp_symmetric};
  for (const auto b : others) table += fmt::format("{:>17}", to_text(b));
  for (const auto a : without_udp) {
    table += fmt::format("\n{:<17} ", to_text(a));
    for (const auto b : others) {
      const EncounterConfig config{.box_a = a, .box_b = b, .directly = Directly::by_any};
      Encounter encounter{config};
      INFO(replay(config));
      encounter.tell();
      const auto are_direct = [&] {
        return encounter.are_secured() && goes_by(encounter.a, Protocol::tcp) && goes_by(encounter.b, Protocol::tcp);
      };
      encounter.run(3s, are_direct);
      CHECK(encounter.are_secured());
      CHECK(are_direct() == is_direct_over_tcp(a, b));
      CHECK(encounter.connected_after() <= 200);  // by the relay at first
      if (!are_direct()) {
        table += fmt::format("{:>17}", "-");
        continue;
      }
      const auto later = std::max(*encounter.a.direct_at, *encounter.b.direct_at) - encounter.told;
      table += fmt::format("{:>17.1f}", std::chrono::duration<double, std::milli>(later).count());
    }
  }
  std::puts(table.c_str());
}

TEST_CASE("Where UDP works nobody connects by TCP, and it takes no longer", "[link][tcp]") {
  for (const auto a : boxes)
    for (const auto b : boxes) {
      if (needs_guessing(a, b)) continue;
      const EncounterConfig config{.box_a = a, .box_b = b, .directly = Directly::by_any};
      Encounter encounter{config};
      INFO(replay(config));
      encounter.net.packets().keep(20000);
      encounter.tell();
      encounter.run(2s);
      CHECK(encounter.are_secured());
      CHECK(goes_by(encounter.a, Protocol::udp));
      CHECK(encounter.connected_after() <= 110);
      std::size_t between_hosts = 0;
      const auto server = encounter.server.addresses().front();
      for (const auto& noted : encounter.net.packets().packets())
        if (noted.packet.protocol == Protocol::tcp && noted.packet.source.address != server &&
            noted.packet.destination.address != server)
          ++between_hosts;
      CHECK(between_hosts == 0);
    }
}

TEST_CASE("Without a relay two homes without UDP meet within half a second, and carry bytes both ways", "[link][tcp]") {
  Encounter encounter{{.box_a = Box::no_udp_drop,
                       .box_b = Box::no_udp_drop,
                       .relaying = EncounterConfig::Relaying::no,
                       .directly = Directly::by_any}};
  encounter.tell();
  encounter.run(2s, [&] { return encounter.are_secured(); });
  REQUIRE(encounter.are_secured());
  CHECK(encounter.connected_after() <= 500);
  CHECK(encounter.a.link().path()->protocol == Protocol::tcp);
  const auto now = encounter.net.now();
  Bytes bytes(50000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 >> 3U);
  for (auto* party : {&encounter.a, &encounter.b}) {
    const auto stream = party->link().open_stream(now, {.label = "bytes"});
    REQUIRE(stream);
    REQUIRE(party->link().send(now, *stream, channel::MessageKind::binary, bytes));
    party->hub.flush(now);
  }
  encounter.host_a.wake();
  encounter.host_b.wake();
  encounter.run(5s, [&] { return encounter.a.heard.size() + encounter.b.heard.size() == 2 * bytes.size(); });
  CHECK(encounter.a.heard == bytes);
  CHECK(encounter.b.heard == bytes);
}

TEST_CASE("Whoever wants no UDP offers none, and begins at once", "[link][tcp]") {
  Encounter encounter{{.box_a = Box::drop,
                       .box_b = Box::open,
                       .relaying = EncounterConfig::Relaying::no,
                       .directly = Directly::by_tcp}};
  encounter.tell();
  for (const auto& local : encounter.a.hub.gathering().candidates())
    CHECK(protocol_of(local.candidate.transport) == Protocol::tcp);
  encounter.run(1s, [&] { return encounter.are_secured(); });
  REQUIRE(encounter.are_secured());
  CHECK(encounter.connected_after() <= 120);  // a SYN and a check, both there and back
  CHECK(encounter.a.link().path()->protocol == Protocol::tcp);
}

TEST_CASE("When it ends, so do its connections", "[link][tcp]") {
  Encounter encounter{{.box_a = Box::no_udp,
                       .box_b = Box::open,
                       .relaying = EncounterConfig::Relaying::no,
                       .directly = Directly::by_any}};
  encounter.tell();
  encounter.run(1s, [&] { return encounter.are_secured(); });
  REQUIRE(encounter.are_secured());
  encounter.a.hub.close(encounter.net.now());
  encounter.host_a.wake();
  encounter.run(3s);
  CHECK_FALSE(encounter.a.hub.poll_timeout());
  encounter.net.packets().keep(100);
  encounter.run(1s);
  CHECK(encounter.b.ended);
}

/// NATKIT_RUNS: how often each pair of boxes is tried; seeds count from NATKIT_SEED.
TEST_CASE("No pair without UDP is left without a session, whoever is told when", "[link][tcp][many]") {
  constexpr std::array others{Box::open,   Box::drop,        Box::reject,        Box::symmetric,
                              Box::no_udp, Box::no_udp_drop, Box::no_udp_reject, Box::no_udp_symmetric};
  const auto first = number_from("NATKIT_SEED", 1);
  const auto last = first + number_from("NATKIT_RUNS", 3);
  std::size_t direct = 0, all = 0;
  for (const auto a : without_udp)
    for (const auto b : others)
      for (auto seed = first; seed < last; ++seed) {
        SeededRng chance{seed * 977 + all};
        const EncounterConfig config{.box_a = a,
                                     .box_b = b,
                                     .seed = seed,
                                     .skew_b = std::chrono::milliseconds{chance.below(seed % 2 == 0 ? 100 : 1000)},
                                     .loss = seed % 3 == 0 ? 0.05 : 0.0,
                                     .jitter = seed % 3 == 0 ? 20ms : 0ms,
                                     .directly = Directly::by_any};
        Encounter encounter{config};
        INFO(replay(config));
        encounter.tell();
        encounter.run(15s, [&] { return encounter.are_secured(); });
        REQUIRE(encounter.are_secured());
        ++all;
        encounter.run(5s, [&] { return goes_by(encounter.a, Protocol::tcp); });
        CHECK(goes_by(encounter.a, Protocol::tcp) == is_direct_over_tcp(a, b));
        if (goes_by(encounter.a, Protocol::tcp)) ++direct;
      }
  fmt::print("{} pairs of which one has no UDP: {} directly over TCP in the end\n", all, direct);
}
