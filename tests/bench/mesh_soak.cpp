// A great many random lives of a session in virtual time (mesh/schedule.hpp), and long calm ones: scripts/soak mesh.
//   mesh_soak lives FIRST COUNT JOBS   every invariant holds in each; the seeds of those where one does not
//   mesh_soak calm FIRST HOURS JOBS    eight members at 5 % loss for so many hours: how often they change their host
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <vector>

#include "mesh/parallel.hpp"
#include "mesh/schedule.hpp"
#include "mesh/world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
struct Slowest {
  Duration time{};
  std::uint64_t seed = 0;
  void consider(const std::optional<Duration>& other, std::uint64_t its_seed) {
    if (other && *other > time) *this = {*other, its_seed};
  }
};

struct Lives {
  std::uint64_t lived = 0, with_quorum = 0, handovers = 0, steps = 0, faults = 0;
  Slowest host, agreement;

  void add(const Verdict& verdict, std::uint64_t seed) {
    ++lived;
    with_quorum += verdict.had_quorum ? 1 : 0;
    handovers += verdict.handovers;
    steps += verdict.steps;
    if (verdict.had_quorum) {
      host.consider(verdict.until_host, seed);
      agreement.consider(verdict.until_agreed, seed);
    }
    if (verdict.fault.empty()) return;
    ++faults;
    fmt::print("{}\n", verdict.fault);
    std::fflush(stdout);
  }
};

int live(std::uint64_t first, std::uint64_t count, unsigned jobs) {
  std::mutex mutex;
  Lives all;
  const auto tell_each = std::max<std::uint64_t>(count / 20, 1);
  for_each_seed(first, count, jobs, [&](std::uint64_t seed) {
    const auto verdict = live_through(seed, {});
    const std::scoped_lock lock{mutex};
    all.add(verdict, seed);
    if (all.lived % tell_each == 0 && all.lived < count)
      fmt::print(stderr, "{} of {} lives, {} failed\n", all.lived, count, all.faults);
  });
  fmt::print(
      "{} lives from seed {}: {} failed; {} with a quorum in the end, {} times a host began to act, {} steps\n"
      "after the trouble, at the longest: {:.1f} s to a host (seed {}), {:.1f} s to one view (seed {})\n",
      all.lived, first, all.faults, all.with_quorum, all.handovers, all.steps, to_ms(all.host.time) / 1000,
      all.host.seed, to_ms(all.agreement.time) / 1000, all.agreement.seed);
  return all.faults == 0 ? 0 : 1;
}

constexpr unsigned members = 8;
constexpr double loss = 0.05;
/// Each seed lives for an hour, so that a few hours are already lived under several networks.
int rest(std::uint64_t first, std::uint64_t hours, unsigned jobs) {
  std::mutex mutex;
  std::uint64_t changes = 0, faults = 0, lived = 0;
  for_each_seed(first, hours, jobs, [&](std::uint64_t seed) {
    World world{{.seed = seed, .loss = loss, .drift = 0.01}};
    world.gather(members);
    const auto before = world.at(0).view()->version.epoch;
    world.run_for(1h);
    const auto after = world.at(0).view() ? world.at(0).view()->version.epoch : before + 1;
    const std::scoped_lock lock{mutex};
    ++lived;
    if (after != before) fmt::print("seed {}: {} changes of host\n", seed, after - before);
    if (!world.fault().empty()) ++faults, fmt::print("seed {}: {}\n", seed, world.fault());
    changes += after - before;
    if (lived % 10 == 0 && lived < hours) fmt::print(stderr, "{} of {} hours\n", lived, hours);
  });
  fmt::print("{} hours of {} members at {:.0f} % loss: {} false handovers\n", lived, members, 100 * loss, changes);
  // What is expected is fewer than one in 1000 hours.
  return faults == 0 && changes <= hours / 1000 ? 0 : 1;
}
}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int place) { return std::strtoull(argv[place], nullptr, 10); };
  if (argc != 5) return 2;
  const auto jobs = static_cast<unsigned>(number(4));
  return argv[1] == std::string_view{"calm"} ? rest(number(2), number(3), jobs) : live(number(2), number(3), jobs);
}
