#include "natkit/probe/planner.hpp"

#include <algorithm>

#include "natkit/probe/silence.hpp"

namespace natkit::probe {
namespace {
using namespace std::chrono_literals;

/// Servers per family that are asked about filtering at once; others only when they turn out to have a second address.
constexpr std::size_t filtering_at_once = 3;
constexpr std::size_t tcp_controls = 4;
/// Of one sample: from the same socket, so that a repeated one is the same port.
constexpr unsigned sample_copies = 3;

class Planner {
 public:
  Planner(const Digest& digest, const Timing& timing, Duration now) : digest_(digest), timing_(timing), now_(now) {}

  Plan make() {
    if (now_ < timing_.timeout) plan_answers();
    for (const auto family : {Family::ipv4, Family::ipv6}) plan_lifetime(family);
    return std::move(plan_);
  }

 private:
  /// All that needs no waiting.
  void plan_answers() {
    std::size_t of_family[2] = {0, 0};  // NOLINT(*-c-arrays): indexed by Family
    for (std::uint32_t server = 0; server < digest_.servers.size(); ++server) {
      auto& position = of_family[static_cast<std::size_t>(digest_.servers[server].address.address.family())];
      plan_server(server, position++);
    }
    plan_tcp_controls();
    for (const auto family : {Family::ipv4, Family::ipv6}) {
      plan_samples(family);
      plan_hairpin(family);
    }
    if (plan_.wake) plan_.wake = std::min(*plan_.wake, timing_.timeout);
  }

  void plan_server(std::uint32_t server, std::size_t position_in_family) {
    const auto& facts = digest_.servers[server];
    plan_primary(server);
    if (position_in_family < filtering_at_once || facts.alternate()) {
      plan_filtering(Question::filtering, server);
      plan_filtering(Question::filtering_port, server);
    }
    if (const auto same = facts.same_address_other_port()) plan_secondary(server, *same);
    if (const auto other = facts.alternate()) {
      plan_secondary(server, {other->address, facts.address.port});
      if (other->port != facts.address.port) plan_secondary(server, *other);
    }
  }

  /// The endpoint that the user named.
  void plan_primary(std::uint32_t server) {
    const Endpoint to = digest_.servers[server].address;
    const auto* asked = digest_.find(Question::mapping, server, to);
    if (asked == nullptr) return send(Question::mapping, server, to);
    if (asked->is_answered() || asked->is_unsendable() || is_given_up(*asked)) return;
    send_at(asked->copies.size() < timing_.mapping_copies ? asked->last_sent() + timing_.spacing
                                                          : asked->last_sent() + backoff(*asked),
            *asked);
    wake_at(asked->first_sent() + patience(*asked));
  }

  /// The server's further endpoints, learned from its first answer.
  void plan_secondary(std::uint32_t server, const Endpoint& to) {
    const auto* asked = digest_.find(Question::mapping, server, to);
    if (asked == nullptr) return send(Question::mapping, server, to);
    if (asked->is_answered() || asked->is_unsendable() || is_dead(digest_, *asked, now_)) return;
    const auto& facts = digest_.servers[server];
    const Duration overdue = asked->last_sent() + facts.rtt_max.value_or(Duration{}) + facts.guard();
    send_at(asked->copies.size() < timing_.mapping_copies ? asked->last_sent() + timing_.spacing : overdue, *asked);
  }

  void plan_filtering(Question question, std::uint32_t server) {
    const auto& facts = digest_.servers[server];
    const auto* asked = digest_.find(question, server);
    if (asked == nullptr) return send(question, server, facts.address);
    if (asked->heard_from || asked->unchanged || asked->error_code || asked->is_unsendable()) return;
    const bool early = asked->copies.size() < timing_.filtering_copies;
    if (early) return send_at(asked->last_sent() + timing_.spacing, *asked);
    if (!facts.answered) return;  // nothing can be judged before the server is heard; plan_primary keeps trying
    const auto silence = judge_silence(digest_, *asked, now_);
    if (silence.state == SilenceState::needs_copies) send_at(asked->last_sent() + timing_.spacing, *asked);
    if (silence.state == SilenceState::waiting && silence.next_due) wake_at(*silence.next_due);
  }

  /// Nobody answers over UDP: is the server there at all?
  void plan_tcp_controls() {
    if (anybody_answered()) return;
    if (now_ < timing_.tcp_after) {
      if (plan_.wake) wake_at(timing_.tcp_after);
      return;
    }
    const auto count = std::min(digest_.servers.size(), tcp_controls);
    for (std::uint32_t server = 0; server < count; ++server) {
      const auto* mapping = digest_.find(Question::mapping, server);
      if (mapping != nullptr && mapping->is_unsendable()) continue;
      if (digest_.find(Question::tcp_control, server) == nullptr)
        send(Question::tcp_control, server, digest_.servers[server].address);
    }
  }

  /// The first that has answered; then it stays that one.
  [[nodiscard]] std::optional<std::uint32_t> server_of_samples(Family family) const {
    const auto is_of_family = [&](std::uint32_t server) {
      return digest_.servers[server].address.address.family() == family;
    };
    for (const auto& sample : digest_.samples)
      if (is_of_family(sample.server)) return sample.server;
    for (const auto& asked : digest_.asked)
      if (asked.question == Question::mapping && is_of_family(asked.server) && asked.mapped &&
          asked.to == digest_.servers[asked.server].address)
        return asked.mapped == asked.local ? std::nullopt : std::optional{asked.server};  // no NAT, no choice of ports
    return std::nullopt;
  }

  void plan_samples(Family family) {
    const auto server = server_of_samples(family);
    if (!server || timing_.samples == 0) return;
    const auto& facts = digest_.servers[*server];
    const auto count = std::min(timing_.samples, most_samples);
    unsigned sent = 0;
    for (const auto& sample : digest_.samples) {
      if (sample.server != *server) continue;
      const auto number = sent++;
      if (sample.mapped || sample.was_refused) continue;
      const auto overdue = sample.sent_at + facts.rtt_max.value_or(Duration{}) + facts.guard();
      if (overdue > now_)
        wake_at(overdue);
      else if (sample.copies < sample_copies)
        send({.question = Question::allocation, .server = *server, .to = facts.address, .sample = number});
    }
    for (; sent < count; ++sent)
      send({.question = Question::allocation, .server = *server, .to = facts.address, .sample = sent});
  }

  /// Both learn where they are outside, then each sends there to the other one, so that no filter stands between them.
  void plan_hairpin(Family family) {
    const auto server = server_of_samples(family);
    if (!server || timing_.hairpin == Timing::Hairpin::skip) return;
    const auto& facts = digest_.servers[*server];
    std::vector<const Mirrored*> both;
    for (const auto& each : digest_.mirrored)
      if (each.own.server == *server) both.push_back(&each);
    for (unsigned number = 0; number < 2; ++number) {
      const auto* own = number < both.size() ? both[number] : nullptr;
      if (own && own->own.mapped) continue;
      const auto due = own ? own->own.sent_at + facts.rtt_max.value_or(Duration{}) + facts.guard() : now_;
      if (due > now_)
        wake_at(due);
      else if (!own || own->own.copies < sample_copies)
        send({.question = Question::hairpin, .server = *server, .to = facts.address, .sample = number});
    }
    if (both.size() < 2 || !both[0]->own.mapped || !both[1]->own.mapped) return;
    if (both[0]->heard_from || both[1]->heard_from) return;
    for (unsigned number = 0; number < 2; ++number) {
      const auto& own = *both[number];
      const bool is_last = own.sent >= hairpin_copies;
      const auto due = own.sent == 0 ? now_
                       : is_last     ? own.sent_at + facts.rtt_max.value_or(Duration{}) + facts.guard()
                                     : own.sent_at + timing_.spacing;
      if (due > now_)
        wake_at(due);
      else if (!is_last)
        send({.question = Question::hairpin, .server = *server, .to = *both[1 - number]->own.mapped, .sample = number});
    }
  }

  /// The first socket is called at every step, so that only what comes from outside may keep its mapping alive; each
  /// further one rests a step longer than the one before, and is called once. With the first that hears nothing it is
  /// known how long mappings live, and whether the callings of the first socket kept its own.
  void plan_lifetime(Family family) {
    const auto server = server_of_samples(family);
    if (!server || !timing_.longest_lifetime || !is_placed(*server, 0)) return;
    const auto step = lifetime_step(*timing_.longest_lifetime);
    const auto& called = *find_rested(*server, 0);
    // That shows whether this server answers to another port at all.
    if (call(called, 0, {}) != Calling::heard) return;
    const auto count = static_cast<unsigned>(*timing_.longest_lifetime / step);
    bool are_all_placed = true;
    for (unsigned number = 1; number <= count; ++number) {
      if (const auto due = called.calls.front().sent_at + number * timing_.spacing; due > now_) return wake_at(due);
      are_all_placed = is_placed(*server, number) && are_all_placed;
    }
    if (!are_all_placed || !have_one_address(digest_, *server)) return;
    auto calling = Calling::heard;
    for (unsigned number = 1; number <= count; ++number) {
      const auto& rested = *find_rested(*server, number);
      if (!rested.own.mapped) continue;
      const auto rest = number * step;
      if (const auto due = std::max(rested.own.sent_at, called.own.sent_at) + rest; due > now_) return wake_at(due);
      if (calling == Calling::heard) calling = call(called, 0, rest);
      const auto own = call(rested, number, rest);
      if (own == Calling::waiting || calling == Calling::waiting) return;
      if (own == Calling::in_vain) return ask_again(rested, number);
    }
  }

  [[nodiscard]] const Rested* find_rested(std::uint32_t server, unsigned number) const {
    for (const auto& rested : digest_.rested)
      if (rested.own.server == server && number-- == 0) return &rested;
    return nullptr;
  }

  /// Whether it knows where it is outside, or never will.
  bool is_placed(std::uint32_t server, unsigned number) {
    const auto* rested = find_rested(server, number);
    if (rested && (rested->own.mapped || !rested->calls.empty())) return true;
    const auto due = rested ? rested->own.sent_at + time_of_answer(server) : now_;
    if (due > now_)
      wake_at(due);
    else if (!rested || rested->own.copies < sample_copies)
      send({.question = Question::lifetime, .server = server, .to = digest_.servers[server].address, .sample = number});
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
    const auto server = rested.own.server;
    const bool is_last = calls >= calls_in_vain;
    if (calls > 0) {
      const auto pause = is_last ? time_of_answer(server) : std::max(time_of_answer(server) / 2, timing_.spacing);
      if (const auto due = rested.calls.back().sent_at + pause; due > now_) {
        wake_at(due);
        return Calling::waiting;
      }
      if (is_last) return Calling::in_vain;
    }
    send({.question = Question::lifetime_call,
          .server = server,
          .to = digest_.servers[server].address,
          .sample = number,
          .port = rested.own.mapped->port});
    return Calling::waiting;
  }

  /// Silence means something only while the server is there: the socket speaks itself, which ends its rest.
  void ask_again(const Rested& rested, unsigned number) {
    if (rested.mapped_again) return;
    const auto server = rested.own.server;
    const auto last = rested.calls.back().sent_at + (rested.asked_again + 1) * time_of_answer(server);
    if (last > now_) return wake_at(last);
    if (rested.asked_again < sample_copies)
      send({.question = Question::lifetime, .server = server, .to = digest_.servers[server].address, .sample = number});
  }

  [[nodiscard]] Duration time_of_answer(std::uint32_t server) const {
    return digest_.servers[server].rtt_max.value_or(Duration{}) + digest_.servers[server].guard();
  }

  [[nodiscard]] bool anybody_answered() const {
    return std::ranges::any_of(digest_.servers, [](const ServerFacts& server) { return server.answered; });
  }

  [[nodiscard]] bool is_given_up(const Asked& asked) const { return now_ >= asked.first_sent() + patience(asked); }

  /// How long one server's silence is borne: to the end while nobody else was heard; a while when somebody was, over
  /// TCP or in the other family; and not for long when another server of its family answers all it could.
  [[nodiscard]] Duration patience(const Asked& asked) const {
    std::optional<Duration> slowest;
    bool family_is_heard = false;
    for (const auto& server : digest_.servers) {
      if (!server.rtt_max) continue;
      slowest = std::max(slowest.value_or(Duration{}), *server.rtt_max);
      if (server.address.address.family() == asked.to.address.family()) family_is_heard = true;
    }
    for (const auto& other : digest_.asked)
      if (other.question == Question::tcp_control && other.is_answered())
        slowest = std::max(slowest.value_or(Duration{}), *other.copies.front().answered_at - other.first_sent());
    if (!slowest) return timing_.timeout - asked.first_sent();
    return std::max(family_is_heard ? timing_.patience_beside_another : timing_.patience, *slowest * 4);
  }

  /// 220, 440, 880 … ms: the early copies are a burst, these outlive a longer outage.
  [[nodiscard]] Duration backoff(const Asked& asked) const {
    const auto doublings = std::min<std::size_t>(asked.copies.size() - timing_.mapping_copies, 8);
    return 220ms * (1U << doublings);
  }

  void send(Question question, std::uint32_t server, const Endpoint& to) {
    send({.question = question, .server = server, .to = to});
  }
  void send(const Step& step) {
    plan_.send.push_back(step);
    wake_at(now_ + timing_.spacing);
  }

  void send_at(Duration due, const Asked& asked) {
    if (due > now_) return wake_at(due);
    send(asked.question, asked.server, asked.to);
  }

  void wake_at(Duration due) {
    if (due > now_) plan_.wake = std::min(plan_.wake.value_or(due), due);
  }

  const Digest& digest_;
  const Timing& timing_;
  Duration now_;
  Plan plan_;
};
}  // namespace

Duration lifetime_step(Duration longest) {
  constexpr auto count = most_rested - 1;
  return std::max(finest_lifetime_step, (longest + Duration{count - 1}) / count);
}

Plan plan(const Digest& digest, const Timing& timing, Duration now) { return Planner{digest, timing, now}.make(); }
}  // namespace natkit::probe
