#include <algorithm>

#include "natkit/probe/path_mtu.hpp"
#include "natkit/probe/planning.hpp"
#include "natkit/probe/silence.hpp"

namespace natkit::probe {
namespace {
/// As many as it takes to know that silence is no chance, but no more: they are large.
constexpr std::size_t most_large_copies = 9;
constexpr std::size_t fragments_copies = 4;
/// Of all of them together, as they are counted: one volley, and what it takes to be sure of its end.
constexpr std::size_t most_large_bytes = 36'000;

/// The largest and the least at once; where the largest does not pass, all between them, and then the least of those
/// that did not pass until it is sure.
class PathMtuPlan {
 public:
  PathMtuPlan(Planning& planning, std::uint32_t server) : p_(planning), server_(server) {}

  void make() {
    const bool has_least = is_known(likely_mtus.back());
    if (!is_known(likely_mtus.front()) || passed(likely_mtus.front()) || !has_least) return;
    // Many servers answer nothing large at all: then there is nothing to find between the two.
    if (!passed(likely_mtus.back())) return make_sure(likely_mtus.back());
    ask_in_fragments();
    bool is_waiting = false;
    for (const auto size : likely_mtus) is_waiting = !is_known(size) || is_waiting;
    if (is_waiting) return;
    if (const auto least = least_not_passed(p_.digest, server_)) make_sure(*least);
  }

 private:
  [[nodiscard]] const Asked* find(Question question, std::uint16_t size) const {
    return p_.digest.find(question, server_, p_.digest.servers[server_].address, size);
  }
  [[nodiscard]] bool passed(std::uint16_t size) const {
    const auto* asked = find(Question::path_mtu, size);
    return asked != nullptr && asked->is_answered();
  }
  [[nodiscard]] Step step(Question question, std::uint16_t size) const {
    return {.question = question, .server = server_, .to = p_.digest.servers[server_].address, .size = size};
  }

  /// Asks once, and waits for as long as an answer may take.
  bool is_known(std::uint16_t size) {
    const auto* asked = find(Question::path_mtu, size);
    if (asked == nullptr) {
      p_.send(step(Question::path_mtu, size));
      return false;
    }
    const auto due = asked->first_sent() + p_.time_of_answer(server_);
    if (asked->is_answered() || asked->send_failures > 0 || due <= p_.now) return true;
    p_.wake_at(due);
    return false;
  }

  void make_sure(std::uint16_t size) {
    const auto& asked = *find(Question::path_mtu, size);
    if (asked.send_failures > 0) return;
    const auto silence = judge_loss(p_.digest, asked, p_.now);
    const bool is_last = asked.copies.size() >= most_large_copies || bytes_sent() + size > most_large_bytes;
    if (silence.is_proven || (silence.pending == 0 && is_last)) return;
    if (silence.would_prove || is_last)
      p_.wake_at(asked.last_sent() + p_.time_of_answer(server_));
    else
      p_.send_at(asked.last_sent() + p_.timing.spacing, step(Question::path_mtu, size));
  }

  [[nodiscard]] std::size_t bytes_sent() const {
    std::size_t bytes = 0;
    for (const auto& asked : p_.digest.asked) bytes += asked.copies.size() * asked.size;
    return bytes;
  }

  void ask_in_fragments() {
    const auto size = likely_mtus.front();
    const auto* asked = find(Question::fragments, size);
    if (asked == nullptr) return p_.send(step(Question::fragments, size));
    if (asked->is_answered() || asked->send_failures > 0) return;
    const auto due = asked->last_sent() + p_.time_of_answer(server_);
    if (due > p_.now)
      p_.wake_at(due);
    else if (asked->copies.size() < fragments_copies)
      p_.send(step(Question::fragments, size));
  }

  Planning& p_;
  std::uint32_t server_;
};

std::optional<std::uint32_t> server_to_measure(const Planning& planning, Family family) {
  for (const auto& asked : planning.digest.asked)
    if (asked.question == Question::path_mtu) return asked.server;
  for (std::uint32_t server = 0; server < planning.digest.servers.size(); ++server)
    if (planning.family_of(server) == family && planning.digest.servers[server].answered) return server;
  return std::nullopt;
}
}  // namespace

void plan_path_mtu(Planning& planning, Family family) {
  if (const auto server = server_to_measure(planning, family)) PathMtuPlan{planning, *server}.make();
}
}  // namespace natkit::probe
