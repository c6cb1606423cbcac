#include <array>

#include "natkit/probe/planning.hpp"

namespace natkit::probe {
namespace {
/// HTTP/3 and DNS are let out where nothing else is; HTTPS and HTTP nearly everywhere.
constexpr std::array<std::uint16_t, 2> udp_ports{443, 53};
constexpr std::array<std::uint16_t, 2> tcp_ports{443, 80};
/// And STUN's own (RFC 8489 §18.6).
constexpr std::array<std::uint16_t, 2> tls_ports{443, 5349};
constexpr std::size_t most_asked_servers = 2;
constexpr std::size_t way_out_copies = 3;

class WaysOutPlan {
 public:
  WaysOutPlan(Planning& planning, std::uint32_t server) : p_(planning), server_(server) {}

  void make() {
    for (const auto port : udp_ports) ask_over_udp(port);
    for (const auto port : tcp_ports) ask_once(Question::way_out_tcp, port);
    for (const auto port : tls_ports) ask_once(Question::way_out_tls, port);
  }

 private:
  [[nodiscard]] Step step(Question question, std::uint16_t port) const {
    return {.question = question, .server = server_, .to = Endpoint{p_.digest.servers[server_].address.address, port}};
  }

  /// The rest of the run is time enough for an answer: it waits for the server's own port.
  void ask_once(Question question, std::uint16_t port) {
    const auto next = step(question, port);
    if (p_.digest.find(question, server_, next.to) == nullptr) p_.send(next);
  }

  void ask_over_udp(std::uint16_t port) {
    const auto next = step(Question::way_out, port);
    const auto* asked = p_.digest.find(next.question, server_, next.to);
    if (asked == nullptr) return p_.send(next);
    if (asked->is_answered() || asked->is_unsendable() || asked->copies.size() >= way_out_copies) return;
    p_.send_at(asked->last_sent() + p_.timing.spacing, next);
  }

  Planning& p_;
  std::uint32_t server_;
};
}  // namespace

void plan_ways_out(Planning& planning) {
  std::size_t asked_servers = 0;
  for (std::uint32_t server = 0; server < planning.digest.servers.size(); ++server) {
    const auto* mapping = planning.digest.find(Question::mapping, server);
    if (mapping == nullptr || mapping->is_unsendable()) continue;
    if (++asked_servers <= most_asked_servers) WaysOutPlan{planning, server}.make();
  }
}
}  // namespace natkit::probe
