#pragma once
/// A NAT as RFC 4787 describes them: packets and the time go in, translated packets come out. The same class is the NAT
/// of the virtual network and of the lab's user-space router.
///
///   inside host 10.1.0.2:5000  --from_inside-->  203.0.113.1:5000  --> remote
///                              <--from_outside--                   <--
///
/// The NAT neither counts hop limits nor routes; its owner does. A packet that dies of its hop limit must not be shown
/// to `from_inside` at all, as in Linux, where it leaves no mapping. Packets of another family than the external
/// addresses' pass untouched both ways (pair it with a Firewall for IPv6).
///
/// TCP is treated as UDP is, under tables and lifetimes of its own: flags do not matter (RFC 5382, simplified).
/// ICMP errors never create, prolong or end a mapping (R12); one about a translated packet is translated with the tuple
/// it quotes, one about anything else is dropped.
#include <optional>

#include "natkit/base/rng.hpp"
#include "natkit/base/time.hpp"
#include "natkit/sim/mapping_table.hpp"
#include "natkit/sim/nat_config.hpp"
#include "natkit/sim/packet.hpp"
#include "natkit/sim/port_chooser.hpp"
#include "natkit/sim/tracked_tuples.hpp"

namespace natkit::sim {
class Nat {
 public:
  /// `config.external_addresses` must not be empty. `rng` must outlive the NAT.
  Nat(NatConfig config, Rng& rng);
  Nat(const Nat&) = delete;
  Nat& operator=(const Nat&) = delete;
  ~Nat() = default;

  /// A packet from an inside host to anywhere but its own network. Hairpinned when it comes back to an inside host;
  /// dropped when no port, quota or table space is left.
  [[nodiscard]] Outcome from_inside(Instant now, Packet packet);
  /// A packet that reached the outer side. One that is not for an external address is dropped.
  [[nodiscard]] Outcome from_outside(Instant now, Packet packet);

  [[nodiscard]] const NatConfig& config() const { return config_; }
  [[nodiscard]] bool owns(const IpAddress& address) const;
  /// Live mappings and those that expired unnoticed.
  [[nodiscard]] std::size_t mapping_count() const { return table_.size(); }

 private:
  [[nodiscard]] bool translates(const Packet& packet) const;
  [[nodiscard]] Duration lifetime(const Mapping& mapping) const;
  [[nodiscard]] Mapping* mapping_for(Instant now, const Packet& packet);
  [[nodiscard]] Mapping* create_mapping(Instant now, const TransportKey& inside, const Endpoint& destination);
  [[nodiscard]] bool has_room(Instant now, const IpAddress& host);
  [[nodiscard]] std::optional<Endpoint> choose_external(Instant now, const TransportKey& inside,
                                                        const Endpoint& destination);
  [[nodiscard]] std::optional<std::uint16_t> newest_port(Instant now, const TransportKey& inside,
                                                         const IpAddress& address, const Endpoint& destination);
  [[nodiscard]] bool is_free(Instant now, const TransportKey& external, const Endpoint& destination);
  void note_outbound(Instant now, Mapping& mapping, const Endpoint& destination);
  void note_inbound(Instant now, Mapping& mapping, const Endpoint& remote);
  enum class Filter : std::uint8_t { apply, skip };
  [[nodiscard]] Mapping* mapping_towards(Instant now, const TransportKey& external, const Endpoint& remote,
                                         Filter filter);
  [[nodiscard]] Outcome refuse(Instant now, Packet packet);
  [[nodiscard]] Outcome hairpin(Instant now, Packet packet);
  [[nodiscard]] Outcome error_from_inside(Instant now, Packet packet);
  [[nodiscard]] Outcome error_from_outside(Instant now, Packet packet);

  NatConfig config_;
  MappingTable table_;
  PortChooser chooser_;
  TrackedTuples tracked_;
  std::uint64_t uses_ = 0;
};
}  // namespace natkit::sim
