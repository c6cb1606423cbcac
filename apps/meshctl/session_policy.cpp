#include <algorithm>
#include <sstream>
#include <utility>

#include "natkit/base/printable.hpp"
#include "session.hpp"

// The order in which others are to lead, as a command of the user's wants it. What it says moves members within the
// succession list and nothing else; so it can be wrong, slow or dead without the session noticing.
namespace natkit {
namespace {
/// Who waits for it is nobody, but what it answers later is of an older day.
constexpr Duration policy_patience = std::chrono::seconds{2};
/// What is measured changes slowly (mesh/timing.hpp ranks as often).
constexpr Duration policy_interval = std::chrono::seconds{10};
}  // namespace

void Session::mind_policy(Instant now) {
  if (options_.policy_command.empty()) return;
  const auto& view = node_.member().view();
  if (!view || !node_.member().acts(now) || is_leaving_) {
    next_policy_.reset();
    ordered_.clear();
    return;
  }
  std::vector<mesh::MemberId> members;
  for (const auto& member : view->members) members.push_back(member.self.id);
  const bool is_time = !next_policy_ || *next_policy_ <= now;
  if (is_time) next_policy_ = now + policy_interval;
  if (!is_time && members == ordered_) return;
  if (members.size() < 3 || is_running(Purpose::ordering)) return;  // of two, one leads and one is next
  ordered_ = std::move(members);
  next_policy_ = now + policy_interval;
  const auto known = report::MeshEvents::status(status(now)) + '\n';
  run_hook(Purpose::ordering, options_.policy_command, node_.member().id(), Bytes(known.begin(), known.end()), {});
  hooks_.back().allowance = policy_patience;
}

void Session::hear_policy(const HookReply& reply) {
  std::vector<mesh::MemberId> order;
  std::istringstream lines{std::string{as_text(reply.output)}};
  for (std::string line; std::getline(lines, line);)
    if (const auto member = member_named(line); member && std::ranges::find(order, *member) == order.end())
      order.push_back(*member);
  const bool has_answered = reply.has_succeeded() && !order.empty();
  node_.set_order(has_answered ? std::move(order) : std::vector<mesh::MemberId>{});
  const bool is_news = !std::exchange(has_policy_failed_, !has_answered);
  if (has_answered || !is_news) return;
  output_.warn("--policy-cmd named nobody, so who leads next is as --host-policy says" +
               (reply.complaint.empty() ? std::string{} : ": " + printable(reply.complaint)));
}
}  // namespace natkit
