#pragma once
/// The nodes of the virtual network form a tree: hosts are the leaves, gateways (routers, NATs, firewalls, the internet
/// itself) the branches. Every node but the internet has one uplink, to the inside of its parent.
#include <cstdint>
#include <map>
#include <variant>
#include <vector>

#include "natkit/base/ip_address.hpp"
#include "natkit/sim/firewall.hpp"
#include "natkit/sim/link.hpp"
#include "natkit/sim/nat.hpp"

namespace natkit::sim {
class Gateway;

/// Numbers nodes in the order they were added; the internet is 0.
enum class NodeId : std::uint32_t {};

class Node {
 public:
  enum class Kind : std::uint8_t { gateway, host };
  Node(NodeId id, Kind kind, Gateway* parent, std::vector<IpAddress> addresses)
      : id_(id), kind_(kind), parent_(parent), addresses_(std::move(addresses)) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] NodeId id() const { return id_; }
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] Gateway* parent() const { return parent_; }  ///< null for the internet
  /// As the parent's side knows them: a host's own, a NAT's external ones.
  [[nodiscard]] const std::vector<IpAddress>& addresses() const { return addresses_; }

  /// What the uplink does to packets, from now on; both ways alike, or each way on its own.
  void set_link(const LinkConfig& both_ways) { set_link(both_ways, both_ways); }
  void set_link(const LinkConfig& up, const LinkConfig& down) {
    up_ = up;
    down_ = down;
  }
  [[nodiscard]] const LinkConfig& up() const { return up_; }
  [[nodiscard]] const LinkConfig& down() const { return down_; }

 protected:
  ~Node() = default;

 private:
  NodeId id_;
  Kind kind_;
  Gateway* parent_;
  std::vector<IpAddress> addresses_;
  LinkConfig up_;
  LinkConfig down_;
};

/// A router that passes everything: inside an internet provider, say. The internet is one, too.
struct Router {};

class Gateway : public Node {
 public:
  Gateway(NodeId id, Gateway* parent, std::vector<IpAddress> addresses)
      : Node(id, Kind::gateway, parent, std::move(addresses)) {}
  Gateway(NodeId id, Gateway* parent, const NatConfig& config, Rng& rng)
      : Node(id, Kind::gateway, parent, config.external_addresses), box_(std::in_place_type<Nat>, config, rng) {}
  Gateway(NodeId id, Gateway* parent, const FirewallConfig& config)
      : Node(id, Kind::gateway, parent, {config.address}), box_(std::in_place_type<Firewall>, config) {}

  /// The NAT in it; null when it is something else.
  [[nodiscard]] const Nat* nat() const { return std::get_if<Nat>(&box_); }

  /// The child through which an inside address is reached; null when it is not inside.
  [[nodiscard]] Node* find_inside(const IpAddress& address) const;
  /// Makes an address of `child`'s subtree known here and, unless a NAT hides it, to all gateways above.
  void add_route(const IpAddress& address, Node& child);

  [[nodiscard]] Outcome from_inside(Instant now, Packet packet);
  [[nodiscard]] Outcome from_outside(Instant now, Packet packet);

 private:
  std::variant<Router, Nat, Firewall> box_;
  std::map<IpAddress, Node*> inside_;
};
}  // namespace natkit::sim
