#include <algorithm>

#include "natkit/probe/planning.hpp"
#include "natkit/probe/silence.hpp"

namespace natkit::probe {
namespace {
using namespace std::chrono_literals;

/// Of one family.
constexpr std::size_t most_tcp_servers = 3;
constexpr std::size_t most_connections_back = 8;
/// Beyond the four round trips that a connection and an answer may take with one packet lost, this is not waited for.
constexpr Duration least_tcp_patience = 300ms;

/// One socket connects to all endpoints of the servers, and hears from each where it is outside. A second one connects
/// to one server only, which then connects back from where that socket never sent anything.
///
///   t = 0       1 RTT                               3 RTT
///   connect ──► the server is known, call ────────► a connection from elsewhere arrives, or not by a guard later
class TcpPlan {
 public:
  TcpPlan(Planning& planning, Family family) : p_(planning), family_(family) {}

  void make() {
    std::size_t count = 0;
    for (std::uint32_t server = 0; server < p_.digest.servers.size(); ++server)
      if (p_.family_of(server) == family_ && ++count <= most_tcp_servers) plan_mapping(server);
    if (const auto server = server_that_connects_back()) plan_filtering(*server);
  }

 private:
  void plan_mapping(std::uint32_t server) {
    const auto& facts = p_.digest.servers[server];
    ask(Question::tcp_mapping, server, facts.address);
    if (const auto same = facts.same_address_other_port()) ask(Question::tcp_mapping, server, *same);
    if (const auto other = facts.alternate()) {
      ask(Question::tcp_mapping, server, {other->address, facts.address.port});
      if (other->port != facts.address.port) ask(Question::tcp_mapping, server, *other);
    }
  }

  /// Ours are known by their receipts; until somebody has answered, the first may be one.
  [[nodiscard]] std::optional<std::uint32_t> server_that_connects_back() const {
    std::optional<std::uint32_t> first;
    for (std::uint32_t server = 0; server < p_.digest.servers.size(); ++server) {
      if (p_.family_of(server) != family_) continue;
      if (p_.digest.servers[server].gives_receipts) return server;
      if (!p_.digest.servers[server].answered && !first) first = server;
    }
    return first;
  }

  void plan_filtering(std::uint32_t server) {
    const auto& facts = p_.digest.servers[server];
    ask(Question::tcp_filtering, server, facts.address);
    const auto* own = p_.digest.find(Question::tcp_filtering, server);
    if (own == nullptr || own->send_failures > 0 || !facts.gives_receipts) return;
    call(Question::tcp_call, server);
    call(Question::tcp_call_port, server);
  }

  /// A connection needs no copies, and the system repeats what gets lost; but later than anybody waits.
  void ask(Question question, std::uint32_t server, const Endpoint& to) {
    const auto* asked = p_.digest.find(question, server, to);
    if (asked == nullptr) return p_.send({.question = question, .server = server, .to = to});
    if (asked->is_answered() || asked->send_failures > 0 || !p_.digest.servers[server].answered) return;
    p_.wake_at(asked->first_sent() + tcp_patience(server));
  }

  /// To the port that the server sees this connection come from, so that nobody need wait for its answer first.
  void call(Question question, std::uint32_t server) {
    const Step step{.question = question, .server = server, .to = p_.digest.servers[server].address};
    const auto* asked = p_.digest.find(question, server);
    if (asked == nullptr) return p_.send(step);
    if (asked->heard_from || asked->unchanged || asked->reach_refusal || asked->send_failures > 0) return;
    const auto silence = judge_calls(p_.digest, *asked, p_.now);
    if (silence.is_proven) return;
    if (!silence.would_prove && asked->copies.size() < most_connections_back)
      p_.send_at(asked->last_sent() + p_.timing.spacing, step);
    else if (silence.next_due)
      p_.wake_at(*silence.next_due);
  }

  [[nodiscard]] Duration tcp_patience(std::uint32_t server) const {
    return std::max(least_tcp_patience, 4 * p_.digest.servers[server].rtt_max.value_or(Duration{}));
  }

  Planning& p_;
  Family family_;
};
}  // namespace

void plan_tcp(Planning& planning, Family family) { TcpPlan{planning, family}.make(); }
}  // namespace natkit::probe
