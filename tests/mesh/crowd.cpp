#include "crowd.hpp"

#include <algorithm>

#include "handover.hpp"
#include "world.hpp"

namespace natkit::test {
namespace {
constexpr Duration patience = 30s;
constexpr Duration idle = 2s;

struct Said {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
};

Said said_by_all(const World& world) {
  Said said;
  for (unsigned member = 0; member < world.size(); ++member) {
    said.messages += world.messages_sent(member);
    said.bytes += world.bytes_sent(member);
  }
  return said;
}

void measure_idle(World& world, Crowd& crowd) {
  const auto before = said_by_all(world);
  world.run_for(idle);
  const auto after = said_by_all(world);
  const auto member_seconds = to_ms(idle) / 1000 * world.size();
  crowd.messages_per_second = static_cast<double>(after.messages - before.messages) / member_seconds;
  crowd.bytes_per_second = static_cast<double>(after.bytes - before.bytes) / member_seconds;
}
}  // namespace

Crowd make_crowd(std::uint64_t seed, unsigned members, unsigned at_once) {
  World world{{.seed = seed, .drift = 0.01}};
  Crowd crowd;
  world.add();
  world.run_until([&] { return world.acting_host().has_value(); }, patience);
  while (world.size() < members) {
    const auto since = world.now();
    auto next = world.size();
    while (world.size() < std::min(members, next + at_once)) world.add(0U);
    for (; next < world.size(); ++next) {
      if (!world.run_until([&] { return world.at(next).is_member(); }, patience)) break;
      crowd.joins.push_back(world.now() - since);
    }
  }
  const auto in_at = world.now();
  const auto may_all_vote = [&] { return world.is_of_one_mind() && world.at(0).view()->voters() == members; };
  if (world.run_until(may_all_vote, patience)) crowd.voting = world.now() - in_at;
  measure_idle(world, crowd);
  for (unsigned a = 0; a < world.size(); ++a)
    for (unsigned b = 0; b < a; ++b) crowd.longest_rtt = std::max(crowd.longest_rtt, world.rtt(a, b));

  const auto died_at = world.now();
  world.kill(0, World::Death::process_killed);
  if (world.run_until([&] { return named_by_all(world, 0).has_value(); }, patience))
    crowd.named = world.now() - died_at;
  if (world.run_until([&] { return world.acting_host().has_value(); }, patience)) crowd.acting = world.now() - died_at;
  crowd.fault = world.fault();
  return crowd;
}
}  // namespace natkit::test
