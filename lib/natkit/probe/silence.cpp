#include "natkit/probe/silence.hpp"

#include <algorithm>
#include <cmath>

namespace natkit::probe {
namespace {
/// Without receipts a copy may be lost on both legs and nobody tells, so more of them must agree.
constexpr unsigned min_copies_with_receipts = 4;
constexpr unsigned min_copies_without = 6;

struct Count {
  unsigned overdue = 0;
  unsigned pending = 0;
  std::optional<Duration> next_due{};
};

/// A copy with a receipt is due a guard after the receipt; without one it is due a guard after the longest round trip
/// seen, and then counts only if the server gives no receipts at all: from ours, a missing receipt means a lost copy.
Count count_copies(const ServerFacts& server, const Asked& asked, Duration now) {
  Count count;
  for (const auto& copy : asked.copies) {
    const bool receipted = copy.receipt && *copy.receipt != asked.to;
    const Duration due = receipted ? *copy.answered_at + server.guard() : copy.sent_at + server.time_of_answer();
    if (due > now) {
      ++count.pending;
      count.next_due = std::min(count.next_due.value_or(due), due);
    } else if (receipted || !server.gives_receipts) {
      ++count.overdue;
    }
  }
  return count;
}
}  // namespace

std::optional<Endpoint> changed_place(const Digest& digest, const Asked& asked) {
  for (const auto& copy : asked.copies)
    if (copy.receipt && *copy.receipt != asked.to) return copy.receipt;
  const auto& server = digest.servers[asked.server];
  return asked.question == Question::filtering ? server.alternate() : server.same_address_other_port();
}

namespace {
constexpr unsigned least_unheard = 6;
constexpr unsigned least_connections = 4;

/// `due_of` a copy; none for one that does not count. `loss` is that of one copy.
template <class DueOf>
Unheard judge_copies(const Asked& asked, Duration now, unsigned least, double loss, DueOf due_of) {
  Unheard unheard;
  for (const auto& copy : asked.copies) {
    const std::optional<Duration> due = due_of(copy);
    if (!due) continue;
    if (*due > now) {
      ++unheard.pending;
      unheard.next_due = std::min(unheard.next_due.value_or(*due), *due);
    } else {
      ++unheard.overdue;
    }
  }
  const auto proves = [&](unsigned copies) { return copies >= least && std::pow(loss, copies) <= believed_error; };
  unheard.is_proven = proves(unheard.overdue);
  unheard.would_prove = proves(unheard.overdue + unheard.pending);
  return unheard;
}
}  // namespace

Unheard judge_loss(const Digest& digest, const Asked& asked, Duration now) {
  const auto wait = digest.servers[asked.server].time_of_answer();
  return judge_copies(asked, now, least_unheard, digest.loss(asked.to.address.family(), now),
                      [&](const Copy& copy) { return std::optional{copy.sent_at + wait}; });
}

Unheard judge_calls(const Digest& digest, const Asked& asked, Duration now) {
  const auto wait = digest.servers[asked.server].time_of_answer();
  // Three packets make a connection that brings something; a question and its answer are two.
  const double loss = 1 - std::pow(1 - digest.loss(asked.to.address.family(), now), 1.5);
  return judge_copies(asked, now, least_connections, loss, [&](const Copy& copy) -> std::optional<Duration> {
    if (copy.answered_at) return *copy.answered_at + wait;
    // Its report may still come; a copy without one counts for nothing.
    const auto last = copy.sent_at + (3 * wait);
    return last > now ? std::optional{last} : std::nullopt;
  });
}

bool is_dead(const Digest& digest, const Asked& asked, Duration now) {
  static constexpr double believed = 1e-3;  // a wrong "dead" costs a verdict ("unknown"), it never makes a wrong one
  static constexpr std::size_t most_copies = 10;
  if (asked.is_answered()) return false;
  if (asked.is_unsendable()) return true;
  const auto& server = digest.servers[asked.server];
  if (now < asked.last_sent() + server.time_of_answer()) return false;
  const auto copies = asked.copies.size();
  return copies >= most_copies ||
         std::pow(digest.loss(asked.to.address.family(), now), static_cast<double>(copies)) <= believed;
}

Silence judge_silence(const Digest& digest, const Asked& asked, Duration now) {
  const auto& server = digest.servers[asked.server];
  const auto count = count_copies(server, asked, now);
  const double loss = digest.loss(asked.to.address.family(), now);
  const unsigned least = server.gives_receipts ? min_copies_with_receipts : min_copies_without;
  Silence silence{.overdue = count.overdue, .error = std::pow(loss, count.overdue), .next_due = count.next_due};

  const auto place = changed_place(digest, asked);
  if (!place) {
    silence.state = count.pending == asked.copies.size() ? SilenceState::waiting : SilenceState::no_second_place;
    return silence;
  }
  const auto* control = digest.find(Question::mapping, asked.server, *place);
  const bool alive = control != nullptr && control->is_answered();
  if (!alive && control != nullptr && is_dead(digest, *control, now)) {
    silence.state = SilenceState::place_is_dead;
  } else if (alive && count.overdue >= least && silence.error <= believed_error) {
    silence.state = SilenceState::proven;
  } else if (count.overdue + count.pending < least || std::pow(loss, count.overdue + count.pending) > believed_error) {
    const bool exhausted = asked.copies.size() >= max_filtering_copies;
    if (!exhausted) silence.state = SilenceState::needs_copies;
    if (exhausted && count.pending == 0) silence.state = SilenceState::undecided;
  }
  return silence;
}
}  // namespace natkit::probe
