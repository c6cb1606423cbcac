#include "natkit/probe/planner.hpp"

#include <algorithm>

#include "natkit/probe/planning.hpp"
#include "natkit/probe/silence.hpp"

namespace natkit::probe {
namespace {
using namespace std::chrono_literals;

/// Servers per family that are asked about filtering at once; others only when they turn out to have a second address.
constexpr std::size_t filtering_at_once = 3;
constexpr std::size_t tcp_controls = 4;

/// Everything but what has a file of its own.
class Planner {
 public:
  Planner(const Digest& digest, const Timing& timing, Duration now)
      : p_{.digest = digest, .timing = timing, .now = now} {}

  Plan make() {
    if (p_.now < p_.timing.timeout) plan_answers();
    for (const auto family : {Family::ipv4, Family::ipv6}) plan_lifetime(p_, family);
    return std::move(p_.plan);
  }

 private:
  /// All that needs no waiting.
  void plan_answers() {
    std::size_t of_family[2] = {0, 0};  // NOLINT(*-c-arrays): indexed by Family
    for (std::uint32_t server = 0; server < p_.digest.servers.size(); ++server) {
      auto& position = of_family[static_cast<std::size_t>(p_.digest.servers[server].address.address.family())];
      plan_server(server, position++);
    }
    plan_tcp_controls();
    for (const auto family : {Family::ipv4, Family::ipv6}) {
      plan_samples(family);
      plan_hairpin(family);
    }
    if (const auto family = p_.leading_family(); family && p_.timing.extent == Timing::Extent::full) {
      plan_tcp(p_, *family);
      plan_path_mtu(p_, *family);
      plan_hops(p_);
    }
    if (p_.plan.wake) p_.plan.wake = std::min(*p_.plan.wake, p_.timing.timeout);
  }

  void plan_server(std::uint32_t server, std::size_t position_in_family) {
    const auto& facts = p_.digest.servers[server];
    plan_primary(server);
    if (position_in_family < filtering_at_once || facts.alternate()) {
      plan_filtering(Question::filtering, server);
      plan_filtering(Question::filtering_port, server);
    }
    if (!facts.answered) return;  // over TCP it may have told more
    if (const auto same = facts.same_address_other_port()) plan_secondary(server, *same);
    if (const auto other = facts.alternate()) {
      plan_secondary(server, {other->address, facts.address.port});
      if (other->port != facts.address.port) plan_secondary(server, *other);
    }
  }

  /// The endpoint that the user named.
  void plan_primary(std::uint32_t server) {
    const Endpoint to = p_.digest.servers[server].address;
    const auto* asked = p_.digest.find(Question::mapping, server, to);
    if (asked == nullptr) return send(Question::mapping, server, to);
    if (asked->is_answered() || asked->is_unsendable() || p_.is_given_up(*asked)) return;
    send_at(asked->copies.size() < p_.timing.mapping_copies ? asked->last_sent() + p_.timing.spacing
                                                            : asked->last_sent() + backoff(*asked),
            *asked);
    p_.wake_at(asked->first_sent() + p_.patience(*asked));
  }

  /// The server's further endpoints, learned from its first answer.
  void plan_secondary(std::uint32_t server, const Endpoint& to) {
    const auto* asked = p_.digest.find(Question::mapping, server, to);
    if (asked == nullptr) return send(Question::mapping, server, to);
    if (asked->is_answered() || asked->is_unsendable() || is_dead(p_.digest, *asked, p_.now)) return;
    const auto& facts = p_.digest.servers[server];
    const Duration overdue = asked->last_sent() + facts.time_of_answer();
    send_at(asked->copies.size() < p_.timing.mapping_copies ? asked->last_sent() + p_.timing.spacing : overdue, *asked);
  }

  void plan_filtering(Question question, std::uint32_t server) {
    const auto& facts = p_.digest.servers[server];
    const auto* asked = p_.digest.find(question, server);
    if (asked == nullptr) return send(question, server, facts.address);
    if (asked->heard_from || asked->unchanged || asked->error_code || asked->is_unsendable()) return;
    const bool early = asked->copies.size() < p_.timing.filtering_copies;
    if (early) return send_at(asked->last_sent() + p_.timing.spacing, *asked);
    if (!facts.answered) return;  // nothing can be judged before the server is heard; plan_primary keeps trying
    const auto silence = judge_silence(p_.digest, *asked, p_.now);
    if (silence.state == SilenceState::needs_copies) send_at(asked->last_sent() + p_.timing.spacing, *asked);
    if (silence.state == SilenceState::waiting && silence.next_due) p_.wake_at(*silence.next_due);
  }

  /// Nobody answers over UDP: is the server there at all?
  void plan_tcp_controls() {
    if (anybody_answered()) return;
    if (p_.now < p_.timing.tcp_after) {
      if (p_.plan.wake) p_.wake_at(p_.timing.tcp_after);
      return;
    }
    const auto count = std::min(p_.digest.servers.size(), tcp_controls);
    for (std::uint32_t server = 0; server < count; ++server) {
      const auto* mapping = p_.digest.find(Question::mapping, server);
      if (mapping != nullptr && mapping->is_unsendable()) continue;
      if (p_.digest.find(Question::tcp_control, server) == nullptr)
        send(Question::tcp_control, server, p_.digest.servers[server].address);
    }
    if (p_.timing.extent == Timing::Extent::full) {
      plan_ways_out(p_);
      plan_portal(p_);
    }
  }

  void plan_samples(Family family) {
    const auto server = p_.server_behind_nat(family);
    if (!server || p_.timing.samples == 0) return;
    const auto& facts = p_.digest.servers[*server];
    const auto count = std::min(p_.timing.samples, most_samples);
    unsigned sent = 0;
    for (const auto& sample : p_.digest.samples) {
      if (sample.server != *server) continue;
      const auto number = sent++;
      if (sample.mapped || sample.was_refused) continue;
      const auto overdue = sample.sent_at + facts.time_of_answer();
      if (overdue > p_.now)
        p_.wake_at(overdue);
      else if (sample.copies < sample_copies)
        p_.send({.question = Question::allocation, .server = *server, .to = facts.address, .sample = number});
    }
    for (; sent < count; ++sent)
      p_.send({.question = Question::allocation, .server = *server, .to = facts.address, .sample = sent});
  }

  /// Both learn where they are outside, then each sends there to the other one, so that no filter stands between them.
  void plan_hairpin(Family family) {
    const auto server = p_.server_behind_nat(family);
    if (!server || p_.timing.hairpin == Timing::Hairpin::skip) return;
    const auto& facts = p_.digest.servers[*server];
    std::vector<const Mirrored*> both;
    for (const auto& each : p_.digest.mirrored)
      if (each.own.server == *server) both.push_back(&each);
    for (unsigned number = 0; number < 2; ++number) {
      const auto* own = number < both.size() ? both[number] : nullptr;
      if (own && own->own.mapped) continue;
      const auto due = own ? own->own.sent_at + facts.time_of_answer() : p_.now;
      if (due > p_.now)
        p_.wake_at(due);
      else if (!own || own->own.copies < sample_copies)
        p_.send({.question = Question::hairpin, .server = *server, .to = facts.address, .sample = number});
    }
    if (both.size() < 2 || !both[0]->own.mapped || !both[1]->own.mapped) return;
    if (both[0]->heard_from || both[1]->heard_from) return;
    for (unsigned number = 0; number < 2; ++number) {
      const auto& own = *both[number];
      const bool is_last = own.sent >= hairpin_copies;
      const auto due = own.sent == 0 ? p_.now
                       : is_last     ? own.sent_at + facts.time_of_answer()
                                     : own.sent_at + p_.timing.spacing;
      if (due > p_.now)
        p_.wake_at(due);
      else if (!is_last)
        p_.send(
            {.question = Question::hairpin, .server = *server, .to = *both[1 - number]->own.mapped, .sample = number});
    }
  }

  [[nodiscard]] bool anybody_answered() const {
    return std::ranges::any_of(p_.digest.servers, [](const ServerFacts& server) { return server.answered; });
  }

  /// 220, 440, 880 … ms: the early copies are a burst, these outlive a longer outage.
  [[nodiscard]] Duration backoff(const Asked& asked) const {
    const auto doublings = std::min<std::size_t>(asked.copies.size() - p_.timing.mapping_copies, 8);
    return 220ms * (1U << doublings);
  }

  void send(Question question, std::uint32_t server, const Endpoint& to) {
    p_.send({.question = question, .server = server, .to = to});
  }
  void send_at(Duration due, const Asked& asked) {
    p_.send_at(due, {.question = asked.question, .server = asked.server, .to = asked.to});
  }

  Planning p_;
};
}  // namespace

Plan plan(const Digest& digest, const Timing& timing, Duration now) { return Planner{digest, timing, now}.make(); }
}  // namespace natkit::probe
