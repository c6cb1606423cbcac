#include <algorithm>

#include "natkit/probe/planning.hpp"

namespace natkit::probe {
namespace {
class LifetimePlan {
 public:
  LifetimePlan(Planning& planning, std::uint32_t server) : p_(planning), server_(server) {}

  /// The first socket is called at every step, so that only what comes from outside may keep its mapping alive; each
  /// further one rests a step longer than the one before, and is called once. With the first that hears nothing it is
  /// known how long mappings live, and whether the callings of the first socket kept its own.
  void make() {
    if (!is_placed(0)) return;
    const auto step = lifetime_step(*p_.timing.longest_lifetime);
    const auto& called = *find_rested(0);
    // That shows whether this server answers to another port at all.
    if (call(called, 0, {}) != Calling::heard) return;
    const auto count = static_cast<unsigned>(*p_.timing.longest_lifetime / step);
    bool are_all_placed = true;
    for (unsigned number = 1; number <= count; ++number) {
      if (const auto due = called.calls.front().sent_at + number * p_.timing.spacing; due > p_.now)
        return p_.wake_at(due);
      are_all_placed = is_placed(number) && are_all_placed;
    }
    if (!are_all_placed || !have_one_address(p_.digest, server_)) return;
    auto calling = Calling::heard;
    for (unsigned number = 1; number <= count; ++number) {
      const auto& rested = *find_rested(number);
      if (!rested.own.mapped) continue;
      const auto rest = number * step;
      if (const auto due = std::max(rested.own.sent_at, called.own.sent_at) + rest; due > p_.now)
        return p_.wake_at(due);
      if (calling == Calling::heard) calling = call(called, 0, rest);
      const auto own = call(rested, number, rest);
      if (own == Calling::waiting || calling == Calling::waiting) return;
      if (own == Calling::in_vain) return ask_again(rested, number);
    }
  }

 private:
  [[nodiscard]] const Rested* find_rested(unsigned number) const {
    for (const auto& rested : p_.digest.rested)
      if (rested.own.server == server_ && number-- == 0) return &rested;
    return nullptr;
  }

  void ask(unsigned number) {
    p_.send({.question = Question::lifetime, .server = server_, .to = address(), .sample = number});
  }

  /// Whether it knows where it is outside, or never will.
  bool is_placed(unsigned number) {
    const auto* rested = find_rested(number);
    if (rested && (rested->own.mapped || !rested->calls.empty())) return true;
    const auto due = rested ? rested->own.sent_at + p_.time_of_answer(server_) : p_.now;
    if (due > p_.now)
      p_.wake_at(due);
    else if (!rested || rested->own.copies < sample_copies)
      ask(number);
    else
      return number > 0;
    return false;
  }

  enum class Calling : std::uint8_t { waiting, heard, in_vain };
  /// What has come of the calls since the socket had rested for so long; the next one, if it is time.
  Calling call(const Rested& rested, unsigned number, Duration rest) {
    unsigned calls = 0;
    for (const auto& copy : rested.calls) {
      if (rested.rest_at(copy) < rest) continue;
      if (copy.answered_at) return Calling::heard;
      ++calls;
    }
    const bool is_last = calls >= calls_in_vain;
    if (calls > 0) {
      const auto answer = p_.time_of_answer(server_);
      const auto pause = is_last ? answer : std::max(answer / 2, p_.timing.spacing);
      if (const auto due = rested.calls.back().sent_at + pause; due > p_.now) {
        p_.wake_at(due);
        return Calling::waiting;
      }
      if (is_last) return Calling::in_vain;
    }
    p_.send({.question = Question::lifetime_call,
             .server = server_,
             .to = address(),
             .sample = number,
             .port = rested.own.mapped->port});
    return Calling::waiting;
  }

  /// Silence means something only while the server is there: the socket speaks itself, which ends its rest.
  void ask_again(const Rested& rested, unsigned number) {
    if (rested.mapped_again) return;
    const auto last = rested.calls.back().sent_at + (rested.asked_again + 1) * p_.time_of_answer(server_);
    if (last > p_.now) return p_.wake_at(last);
    if (rested.asked_again < sample_copies) ask(number);
  }

  [[nodiscard]] const Endpoint& address() const { return p_.digest.servers[server_].address; }

  Planning& p_;
  std::uint32_t server_;
};
}  // namespace

Duration lifetime_step(Duration longest) {
  constexpr auto count = most_rested - 1;
  return std::max(finest_lifetime_step, (longest + Duration{count - 1}) / count);
}

void plan_lifetime(Planning& planning, Family family) {
  const auto server = planning.server_behind_nat(family);
  if (server && planning.timing.longest_lifetime) LifetimePlan{planning, *server}.make();
}
}  // namespace natkit::probe
