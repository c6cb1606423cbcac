// How long mappings live: sockets that rest, against NATs that forget.
#include <fmt/format.h>

#include <array>
#include <functional>
#include <utility>

#include "catch.hpp"
#include "probe/world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
constexpr std::array behaviors{Behavior::endpoint_independent, Behavior::address_dependent,
                               Behavior::address_and_port_dependent};
constexpr std::array refreshes{sim::Refresh::outbound, sim::Refresh::outbound_and_inbound};

probe::Timing up_to(Duration longest) {
  probe::Timing timing;
  timing.longest_lifetime = longest;
  return timing;
}

probe::Refresh word_of(sim::Refresh refresh) {
  return refresh == sim::Refresh::outbound ? probe::Refresh::outbound : probe::Refresh::both;
}

std::string reason_of(const probe::Report& report) {
  for (const auto& item : report.evidence)
    if (item.about == "ipv4.mapping_lifetime_ms") return item.reason;
  return {};
}

/// Does something after a while.
class Alarm {
 public:
  Alarm(Duration after, std::function<void()> act) : after_(after), act_(std::move(act)) {}
  void start(Instant now) { due_ = now + after_; }
  void handle_datagram(Instant /*now*/, const Datagram& /*in*/) {}
  void handle_timeout(Instant now) {
    if (!due_ || now < *due_) return;
    due_.reset();
    act_();
  }
  static std::optional<Datagram> poll_transmit() { return std::nullopt; }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return due_; }

 private:
  Duration after_;
  std::function<void()> act_;
  std::optional<Instant> due_{};
};

sim::Host& home_behind(World& world, const sim::NatConfig& nat, const sim::LinkConfig& link) {
  auto& home = world.net.add_nat(nat);
  home.set_link(link);
  return world.net.add_host(home);
}
}  // namespace

TEST_CASE("The lifetime of mappings, and what prolongs it, is told within five seconds, in hardly more than it takes",
          "[probe][lifetime][sim]") {
  const auto lifetime = GENERATE(17s, 30s, 60s, 180s);
  const double loss = GENERATE(0.0, 0.1);
  int told = 0, all = 0;
  std::string untold;
  for (const auto mapping : behaviors)
    for (const auto filtering : behaviors)
      for (const auto refresh : refreshes)
        for (const std::uint64_t seed : {1U, 2U, 3U}) {
          CAPTURE(lifetime / 1s, loss, to_text(mapping), to_text(filtering), static_cast<int>(refresh), seed);
          World world{seed};
          auto& host = home_behind(
              world, {.mapping = mapping, .filtering = filtering, .mapping_lifetime = lifetime, .refresh = refresh},
              {.delay = 25ms, .loss = loss});
          const auto report = world.measure(host, up_to(300s));
          REQUIRE(report.ipv4);
          const auto& found = report.ipv4->mapping_lifetime;
          CAPTURE(reason_of(report));
          ++all;
          if (!found.estimate()) {
            untold += fmt::format("{}, {}, {}, seed {}: {}\n", to_text(mapping), to_text(filtering),
                                  static_cast<int>(refresh), seed, reason_of(report));
            continue;
          }
          ++told;
          CHECK(std::chrono::abs(*found.estimate() - lifetime) <= 5s);
          CHECK(*found.shortest <= lifetime);
          if (found.refresh) CHECK(*found.refresh == word_of(refresh));
          CHECK(report.elapsed <= lifetime + 12s);
          if (loss == 0) CHECK(found.refresh);
        }
  CAPTURE(lifetime / 1s, loss, untold);
  CHECK(told >= all - (loss > 0 ? 2 : 0));
}

TEST_CASE("A mapping that outlives the longest rest is said to live longer", "[probe][lifetime][sim]") {
  World world{1};
  auto& host = home_behind(world, {.mapping_lifetime = 10min}, {.delay = 25ms});
  const auto report = world.measure(host, up_to(60s));
  const auto& found = report.ipv4->mapping_lifetime;
  CHECK_FALSE(found.estimate());
  REQUIRE(found.shortest);
  CHECK(*found.shortest >= 60s);
  CHECK(reason_of(report) == "longer-than-measured");
  CHECK(report.elapsed <= 63s);
}

TEST_CASE("Of mappings that are not measured it is said why", "[probe][lifetime][sim]") {
  const auto reason_with = [](Server kind, const sim::NatConfig& nat) {
    World world{1, kind};
    auto& host = home_behind(world, nat, {.delay = 25ms});
    const auto report = world.measure(host, up_to(60s));
    CHECK_FALSE(report.ipv4->mapping_lifetime.estimate());
    CHECK(report.elapsed <= 5s);
    return reason_of(report);
  };
  SECTION("nobody asked") {
    World world{1};
    CHECK(reason_of(world.measure(home_behind(world, {}, {.delay = 25ms}))) == "not-asked");
  }
  SECTION("no NAT") {
    World world{1};
    CHECK(reason_of(world.measure(world.net.add_host({}), up_to(60s))) == "no-nat");
  }
  SECTION("different public addresses") {
    sim::NatConfig nat{.pooling = sim::AddressPooling::arbitrary};
    for (std::uint32_t i = 0; i < 4; ++i) nat.external_addresses.push_back(IpAddress::v4(0xC0000210 + i));
    const auto reason = reason_with(Server::two_addresses, nat);
    CAPTURE(reason);
    CHECK(reason == "different-public-addresses");
  }
}

TEST_CASE("A server that dies while sockets rest is not taken for a NAT that forgets", "[probe][lifetime][sim]") {
  World world{1};
  auto& home = world.net.add_nat({.mapping_lifetime = 10min});
  home.set_link({.delay = 25ms});
  auto& host = world.net.add_host(home);
  probe::Probe machine{{.servers = {{.name = "server", .address = {world.first, port1}}}, .timing = up_to(60s)},
                       world.net.rng()};
  Alarm end_of_server{20s, [&] { home.set_link({.delay = 25ms, .loss = 1.0}); }};
  world.net.add_host().attach(end_of_server, {});
  world.net.run(machine, host);
  const auto report = probe::classify(machine.trace());
  CHECK_FALSE(report.ipv4->mapping_lifetime.estimate());
  CHECK(reason_of(report) == "server-went-silent");
}
