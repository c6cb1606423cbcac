#include "natkit/mesh/succession.hpp"

#include <algorithm>
#include <chrono>

namespace natkit::mesh {
namespace {
using namespace std::chrono_literals;

constexpr double unknown = 0.5;

double part_of_reach(const Aptitude& known, std::size_t members) {
  const double nat = known.reach == Reach::open   ? 1
                     : known.reach == Reach::easy ? 0.7
                     : known.reach == Reach::hard ? 0.2
                                                  : unknown;
  if (!known.reached || members < 2) return nat;
  const auto others = static_cast<double>(members - 1);
  return (nat + std::min(1.0, *known.reached / others)) / 2;
}

/// 1 at 0, half at `half`, towards 0.
double falling(double value, double half) { return half / (half + std::max(0.0, value)); }

bool is_later(const Member& a, const Member& b) { return a.number < b.number; }
}  // namespace

Score score_of(const Aptitude& known, std::size_t members) {
  Score score;
  score.reach = part_of_reach(known, members);
  if (known.mean_rtt) score.rtt = falling(to_ms(*known.mean_rtt), 100);  // players feel 100 ms
  if (known.loss) score.loss = falling(*known.loss, 0.05);
  if (known.age) score.age = 1 - falling(to_ms(*known.age), to_ms(10min));
  if (known.failures) score.failures = falling(*known.failures, 1);
  if (known.strain) score.strain = 1 - std::min<double>(*known.strain, 100) / 100;
  constexpr const auto& w = score_weights;
  score.total = (w.reach * score.reach + w.rtt * score.rtt + w.loss * score.loss + w.age * score.age +
                 w.failures * score.failures + w.strain * score.strain) /
                (w.reach + w.rtt + w.loss + w.age + w.failures + w.strain);
  return score;
}

bool is_out_of_order(const View& view, const std::map<MemberId, Aptitude>& known) {
  const auto is_clearly_worse = [&](const Aptitude& a, const Aptitude& b) {
    switch (view.settings.policy) {
      case Policy::oldest:
      case Policy::manual:
        return false;
      case Policy::reach:
        return a.reach < b.reach;
      case Policy::rtt:
        return a.mean_rtt && b.mean_rtt && *a.mean_rtt > *b.mean_rtt * 5 / 4 + 10ms;
      case Policy::score:
        return score_of(a, view.members.size()).total + 0.05 < score_of(b, view.members.size()).total;
    }
    return false;
  };
  for (std::size_t i = 0; i + 1 < view.succession.size(); ++i) {
    const auto before = known.find(view.succession[i]), after = known.find(view.succession[i + 1]);
    if (before != known.end() && after != known.end() && is_clearly_worse(before->second, after->second)) return true;
  }
  return false;
}

std::vector<MemberId> succession_of(const View& view, const std::map<MemberId, Aptitude>& known) {
  auto members = view.members;
  std::ranges::sort(members, is_later);
  std::erase_if(members, [&](const Member& member) { return member.self.id == view.host; });
  const auto of = [&](const Member& member) {
    const auto found = known.find(member.self.id);
    return found == known.end() ? Aptitude{.reach = member.self.reach} : found->second;
  };
  const auto key = [&](const Member& member) -> double {
    const auto aptitude = of(member);
    switch (view.settings.policy) {
      case Policy::oldest:
        return 0;
      case Policy::reach:
        return -static_cast<double>(aptitude.reach) - (aptitude.reached.value_or(0)) / 100.0;
      case Policy::rtt:
        return aptitude.mean_rtt ? to_ms(*aptitude.mean_rtt) : 1e9;
      case Policy::score:
        return -score_of(aptitude, view.members.size()).total;
      case Policy::manual: {
        const auto place = std::ranges::find(view.succession, member.self.id);
        return static_cast<double>(place - view.succession.begin());
      }
    }
    return 0;
  };
  std::ranges::stable_sort(members, {}, key);
  std::vector<MemberId> order;
  for (const auto& member : members) order.push_back(member.self.id);
  return order;
}
}  // namespace natkit::mesh
