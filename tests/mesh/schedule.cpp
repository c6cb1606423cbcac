#include "schedule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "world.hpp"

namespace natkit::test {
namespace {
constexpr unsigned most_lives = 20;

class Fate {
 public:
  Fate(World& world, std::string* story) : world_(world), rng_(world.rng()), story_(story) {}

  void strike() {
    const auto someone = static_cast<unsigned>(rng_.below(world_.size()));
    const auto other = static_cast<unsigned>(rng_.below(world_.size()));
    switch (rng_.below(world_.has_server_at_times() ? 19 : 16)) {
      case 0:
      case 1:
        return kill(someone, World::Death::power_cut);
      case 2:
      case 3:
        return kill(world_.acting_host().value_or(someone), World::Death::process_killed);
      case 4:
      case 5:
        tell("m{} is started again", someone);
        return world_.restart(someone);
      case 6:
        if (world_.size() >= most_lives) return;
        tell("m{} joins", world_.size());
        world_.add();
        return;
      case 7:
        if (living() < 3) return;
        tell("m{} leaves", world_.acting_host().value_or(someone));
        return world_.leave(world_.acting_host().value_or(someone));
      case 8: {
        const Duration time{static_cast<std::int64_t>(rng_.below(5'000'000'000))};
        tell("m{} is stopped for {:.0f} ms", someone, to_ms(time));
        return world_.stop(someone, time);
      }
      case 9: {
        // The host in particular.
        const Duration time{static_cast<std::int64_t>(rng_.below(4'000'000'000))};
        tell("m{}, perhaps host, is stopped for {:.0f} ms", world_.acting_host().value_or(someone), to_ms(time));
        return world_.stop(world_.acting_host().value_or(someone), time);
      }
      case 10:
        tell("m{} no longer reaches m{}", someone, other);
        return world_.cut(someone, other);
      case 11:
        return part();
      case 12:
        tell("m{} no longer reaches anybody", someone);
        for (unsigned each = 0; each < world_.size(); ++each) world_.cut(someone, each);
        return;
      case 13:
        tell("everything is mended");
        return world_.mend();
      case 16:
        tell("the server stops");
        return world_.stop_server();
      case 17:
        tell("the server is started anew");
        return world_.start_server();
      case 18:
        tell("m{} no longer reaches the server", someone);
        return world_.cut(someone, World::server);
      case 14: {
        const auto loss = rng_.chance(0.3) ? 1.0 : rng_.unit() * 0.5;
        tell("loss is {:.0f} %", loss * 100);
        return world_.set_loss(loss);
      }
      default: {
        const auto host = world_.acting_host();
        if (!host || world_.is_stopped(*host)) return;
        tell("m{} hands over", *host);
        std::ignore = world_.at(*host).hand_over(world_.local(*host), std::nullopt, {});
        return world_.settle(*host);
      }
    }
  }

  template <class... Args>
  void tell(fmt::format_string<Args...> text, Args&&... args) {
    if (story_)
      *story_ += fmt::format("{:8.3f} s  {}\n", to_ms(world_.now() - Instant{} - 1h) / 1000,
                             fmt::format(text, std::forward<Args>(args)...));
  }

 private:
  unsigned living() {
    unsigned count = 0;
    for (unsigned each = 0; each < world_.size(); ++each)
      if (world_.is_alive(each) && world_.at(each).is_member()) ++count;
    return count;
  }
  void kill(unsigned member, World::Death death) {
    // Most of a session dying is no test of anything but patience.
    if (living() < 3) return;
    tell("m{} {}", member, death == World::Death::power_cut ? "loses power" : "is killed");
    world_.kill(member, death);
  }
  void part() {
    std::set<unsigned> island;
    std::string names;
    for (unsigned each = 0; each < world_.size(); ++each)
      if (rng_.chance(0.5)) island.insert(each), names += fmt::format(" m{}", each);
    tell("cut off together:{}", names);
    world_.part(island);
  }

  World& world_;
  Rng& rng_;
  std::string* story_;
};
constexpr Duration longest_stop = 5s;  // of those above
/// Links are back after less than 0.7 s; whoever last heard of a host as the trouble ended misses him after 1.2 s more,
/// and an election takes a second, or two where a first one failed: all of that may be at the end of one another.
constexpr Duration host_bound = 5s;
/// The dead are struck out 5 s after the last host began, a voter at a time; who was struck out itself asks to join
/// again, and needs links with all.
constexpr Duration agreement_bound = 20s;

void recover(World& world, Fate& fate, Verdict& verdict) {
  const auto do_all_run = [&] {
    for (unsigned each = 0; each < world.size(); ++each)
      if (world.is_alive(each) && world.is_stopped(each)) return false;
    return true;
  };
  world.run_until(do_all_run, longest_stop);
  const auto since = world.now();
  const auto has_host = [&] { return world.acting_host().has_value(); };
  if (world.run_until(has_host, host_bound))
    verdict.until_host = world.now() - since;
  else
    fate.tell("nobody leads\n{}", world.describe());
  verdict.had_quorum = world.has_quorum();
  if (world.run_until([&] { return world.is_of_one_mind(); }, agreement_bound - (world.now() - since)))
    verdict.until_agreed = world.now() - since;
  verdict.fault = world.fault();
  // Without a quorum there need not be a host, nor with one that was lost meanwhile.
  verdict.had_quorum = verdict.had_quorum && world.has_quorum();
  if (!verdict.fault.empty() || !verdict.had_quorum) return;
  if (!verdict.until_host)
    verdict.fault = "nobody leads";
  else if (!verdict.until_agreed)
    verdict.fault = "no agreement";
}
}  // namespace

Verdict live_through(std::uint64_t seed, const Trial& trial, std::string* story) {
  SeededRng dice{seed * 7919 + 1};
  World::Config config{.seed = seed, .timing = trial.timing, .tamper = trial.tamper};
  config.least_rtt = Duration{1ms} + Duration{static_cast<std::int64_t>(dice.below(50'000'000))};
  config.longest_rtt = config.least_rtt + Duration{static_cast<std::int64_t>(dice.below(150'000'000))};
  config.loss = dice.chance(0.5) ? 0 : dice.unit() * 0.1;
  config.doubled = dice.unit() * 0.05;
  config.drift = 0.05;
  if (dice.chance(0.5)) config.server = World::Config::Server::witness;
  if (dice.chance(0.3)) config.settings.partition = mesh::Partition::fork;
  const auto members = 3 + static_cast<unsigned>(dice.below(dice.chance(0.2) ? 14 : 6));
  World world{config};
  Fate fate{world, story};

  // Not always a session at rest: sometimes trouble begins while they still gather.
  const bool begins_at_rest = dice.chance(0.7);
  if (begins_at_rest) {
    world.gather(members);
  } else {
    for (unsigned each = 0; each < members; ++each) world.add(each == 0 ? std::nullopt : std::optional{0U});
    world.run_for(Duration{static_cast<std::int64_t>(dice.below(3'000'000'000))});
  }
  fate.tell("{} members{}", members, begins_at_rest ? "" : ", still gathering");
  const auto blows = 1 + dice.below(8);
  for (std::uint64_t blow = 0; blow < blows && world.fault().empty(); ++blow) {
    fate.strike();
    // Often in the middle of what the last one set off.
    world.run_for(Duration{static_cast<std::int64_t>(dice.below(dice.chance(0.6) ? 500'000'000 : 4'000'000'000))});
  }
  fate.tell("everything is mended, for good");
  world.mend();
  world.set_loss(config.loss);
  Verdict verdict;
  recover(world, fate, verdict);
  if (!verdict.fault.empty()) verdict.fault = fmt::format("seed {}: {}", seed, verdict.fault);
  fate.tell("no more to come");
  for (unsigned each = 0; each < world.size(); ++each)
    for (const auto& told : world.told(each))
      if (std::holds_alternative<mesh::BecameHost>(told.event)) ++verdict.handovers;
  verdict.steps = world.steps();
  if (story) *story += world.describe() + verdict.fault + '\n';
  return verdict;
}
}  // namespace natkit::test
