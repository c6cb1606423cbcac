// The largest packet that gets through: what links take, routers that say so and routers that do not, and servers that
// would not answer a large packet at all.
#include "catch.hpp"
#include "probe/world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
constexpr probe::Timing full{.extent = probe::Timing::Extent::full};
using TooBig = sim::LinkConfig::TooBig;
using Fragments = sim::LinkConfig::Fragments;

probe::Report measure(World& world, const sim::LinkConfig& beyond_the_nat) {
  auto& home = world.net.add_nat();
  home.set_link(beyond_the_nat);
  return world.measure(world.net.add_host(home), full);
}

std::size_t bytes_of_large_packets(const probe::Trace& trace) {
  std::size_t bytes = 0;
  for (const auto& event : trace.events)
    if (const auto* sent = std::get_if<probe::Sent>(&event)) bytes += sent->size;
  return bytes;
}

probe::Evidence evidence_of(const probe::Report& report) {
  for (const auto& item : report.evidence)
    if (item.about == "mtu_bytes") return item;
  return {};
}
}  // namespace

TEST_CASE("A way that takes whatever Ethernet takes", "[probe][mtu][sim]") {
  World world{1};
  const auto report = measure(world, {.delay = 25ms});
  CHECK(report.mtu_bytes == 1500);
  CHECK_FALSE(report.fragments);  // nobody needed any
  CHECK(evidence_of(report).reason == "largest-got-through");
}

TEST_CASE("The largest size that a link takes is found", "[probe][mtu][sim]") {
  const auto [mtu, found] = GENERATE(table<std::uint16_t, unsigned>({{1500, 1500},
                                                                     {1499, 1492},
                                                                     {1492, 1492},
                                                                     {1491, 1480},
                                                                     {1454, 1452},
                                                                     {1420, 1420},
                                                                     {1399, 1380},
                                                                     {1280, 1280}}));
  const auto too_big = GENERATE(TooBig::told, TooBig::dropped_silently);
  CAPTURE(mtu, too_big == TooBig::told);
  World world{1};
  const auto report = measure(world, {.delay = 25ms, .mtu = mtu, .too_big = too_big});
  CHECK(report.mtu_bytes == found);
  CHECK(report.elapsed <= 500ms);
  CHECK(report.packets_sent <= 120);
  if (found == 1500) return;
  CHECK(report.fragments == true);
  CHECK(evidence_of(report).reason == (too_big == TooBig::told ? "refused-by-the-system" : "lost-in-one-piece"));
}

TEST_CASE("The link of this host itself takes less", "[probe][mtu][sim]") {
  World world{1};
  auto& host = world.net.add_host();
  host.set_link({.delay = 25ms, .mtu = 1420});
  const auto report = world.measure(host, full);
  CHECK(report.mtu_bytes == 1420);
  CHECK(evidence_of(report).reason == "refused-by-the-system");
}

TEST_CASE("Where not even fragments of a large packet arrive, it may be the server", "[probe][mtu][sim]") {
  World world{1};
  const auto report =
      measure(world, {.delay = 25ms, .mtu = 1400, .too_big = TooBig::dropped_silently, .fragments = Fragments::lost});
  CHECK_FALSE(report.mtu_bytes);
  CHECK_FALSE(report.fragments);
  CHECK(evidence_of(report).reason == "server-may-refuse-it");
  CHECK(evidence_of(report).detail.find("1400 bytes in one piece") != std::string::npos);
}

TEST_CASE("A way that takes less than IPv6 demands is not guessed at", "[probe][mtu][sim]") {
  World world{1};
  const auto report = measure(world, {.delay = 25ms, .mtu = 1000, .too_big = TooBig::dropped_silently});
  CHECK_FALSE(report.mtu_bytes);
  CHECK(evidence_of(report).reason == "large-packets-unanswered");
  CHECK(bytes_of_large_packets(world.trace) <= 1500 + 9 * 1280);  // nobody sends all sizes in vain
}

TEST_CASE("The large packets stay within their budget, whatever the way does", "[probe][mtu][sim]") {
  const auto mtu = GENERATE(as<std::uint16_t>{}, 1000, 1280, 1285, 1492);
  const auto fragments = GENERATE(Fragments::pass, Fragments::lost);
  const auto loss = GENERATE(0.0, 0.1, 0.3);
  const auto seed = GENERATE(range(1U, 20U));
  World world{seed};
  const auto report = measure(
      world, {.delay = 25ms, .loss = loss, .mtu = mtu, .too_big = TooBig::dropped_silently, .fragments = fragments});
  CHECK(bytes_of_large_packets(world.trace) <= 40'000);
  if (loss > 0) return;
  constexpr std::size_t small_packet = 210;  // the largest of them, a question that asks for a receipt
  CHECK(bytes_of_large_packets(world.trace) + small_packet * report.packets_sent <= 60'000);
  CHECK(report.packets_sent <= 120);
}

TEST_CASE("Under loss no size is taken for too large", "[probe][mtu][sim]") {
  int known = 0;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    World world{seed};
    constexpr std::array<std::uint16_t, 4> mtus{1500, 1492, 1420, 1280};
    const auto mtu = mtus.at(seed % mtus.size());
    const auto report = measure(world, {.delay = 25ms,
                                        .jitter = 30ms,
                                        .loss = 0.1,
                                        .reorder = 0.05,
                                        .mtu = mtu,
                                        .too_big = seed % 3 == 0 ? TooBig::told : TooBig::dropped_silently});
    INFO("seed " << seed << ", " << mtu);
    if (!report.mtu_bytes) continue;
    ++known;
    CHECK(report.mtu_bytes == mtu);
  }
  CHECK(known > 1200);
}
