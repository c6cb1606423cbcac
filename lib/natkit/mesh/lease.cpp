#include "natkit/mesh/lease.hpp"

#include <algorithm>
#include <functional>
#include <vector>

namespace natkit::mesh {
void Lease::sent(Instant now, std::uint64_t number) { sent_[number % kept] = {number, now}; }

void Lease::acknowledged(const MemberId& voter, std::uint64_t number) {
  const auto& sent = sent_[number % kept];
  if (sent.number != number || sent.at == Instant{}) return;
  auto& latest = acknowledged_[voter];
  latest = std::max(latest, sent.at);
}

std::optional<Instant> Lease::until(const View& view, const MemberId& host) const {
  std::vector<Instant> promises;
  for (const auto* voter : view.electorate()) {
    if (voter->self.id == host) continue;
    const auto found = acknowledged_.find(voter->self.id);
    promises.push_back(found == acknowledged_.end() ? Instant{} : found->second);
  }
  const auto others = view.quorum() - 1;  // the host agrees with itself
  if (others == 0) return std::nullopt;
  if (others > promises.size()) return Instant{};  // one who votes twice is no two: such a view nobody leads
  std::ranges::nth_element(promises, promises.begin() + static_cast<std::ptrdiff_t>(others - 1), std::greater{});
  const auto weakest = promises[others - 1];
  return weakest == Instant{} ? weakest : weakest + lease_;
}

bool Lease::holds(Instant now, const View& view, const MemberId& host) const {
  const auto end = until(view, host);
  return !end || now < *end;
}
}  // namespace natkit::mesh
