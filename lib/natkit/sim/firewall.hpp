#pragma once
/// A stateful firewall that translates nothing: it lets in what an inside socket has asked for (RFC 6092 for IPv6; the
/// same for IPv4). It also stands for networks where UDP, TCP or both do not get out at all.
#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "natkit/base/behavior.hpp"
#include "natkit/base/time.hpp"
#include "natkit/sim/contacts.hpp"
#include "natkit/sim/mapping_table.hpp"
#include "natkit/sim/nat_config.hpp"
#include "natkit/sim/packet.hpp"

namespace natkit::sim {
/// `reject` answers with ICMP "administratively prohibited".
enum class Policy : std::uint8_t { allow, drop, reject };

struct FirewallConfig {
  std::optional<Family> family{};  ///< watch only this family and let the other pass untouched; none: watch both
  Behavior filtering = Behavior::address_and_port_dependent;
  Policy udp = Policy::allow;                         ///< for flows from the inside
  Policy tcp = Policy::allow;                         ///< likewise
  Policy unsolicited = Policy::drop;                  ///< for packets from outside that belong to no flow
  Duration udp_lifetime = std::chrono::minutes{5};    ///< of an idle flow (RFC 6092 R14: at least 2 minutes)
  Duration tcp_lifetime = std::chrono::minutes{124};  ///< of an idle connection (RFC 6092 R35)
  Refresh refresh = Refresh::outbound_and_inbound;    ///< as Linux does; R14 leaves it open
  std::uint32_t table_size = 65536;                   ///< inside sockets at a time
  IpAddress address{};  ///< where its ICMP errors of this family come from (of the other: from
                        ///< the address that was asked); the network assigns one
};

class Firewall {
 public:
  explicit Firewall(const FirewallConfig& config) : config_(config) {}
  /// Forwarded, rejected or dropped; never hairpinned, since inside hosts keep their addresses.
  [[nodiscard]] Outcome from_inside(Instant now, Packet packet);
  [[nodiscard]] Outcome from_outside(Instant now, Packet packet);
  [[nodiscard]] const FirewallConfig& config() const { return config_; }

 private:
  [[nodiscard]] bool watches(const Packet& packet) const;
  [[nodiscard]] Instant expiry(Instant now, Protocol protocol) const;
  [[nodiscard]] bool has_flow(Instant now, const TransportKey& inside, const Endpoint& remote) const;
  [[nodiscard]] Outcome refuse(Policy policy, Packet packet) const;

  FirewallConfig config_;
  std::unordered_map<TransportKey, Contacts, TransportKeyHash> flows_;
};
}  // namespace natkit::sim
