#pragma once
/// The mappings of one NAT: found from the inside, found from the outside, forgotten when idle, counted per host.
/// Time is only compared, so an expired mapping may linger in memory, but never in an answer.
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/time.hpp"
#include "natkit/sim/contacts.hpp"

namespace natkit::sim {
/// One socket as one side of the NAT names it.
struct TransportKey {
  Protocol protocol{};
  Endpoint endpoint{};
  bool operator==(const TransportKey&) const = default;
};
struct TransportKeyHash {
  std::size_t operator()(const TransportKey& key) const noexcept {
    return std::hash<Endpoint>{}(key.endpoint) * 2 + static_cast<std::size_t>(key.protocol);
  }
};

struct Mapping {
  Protocol protocol{};
  Endpoint inside{};
  Endpoint external{};
  Endpoint scope{};  ///< what of the destination the mapping is for: nothing, the address, or all (see `scope_of`)
  Instant expires{};
  std::uint64_t made = 0;  ///< serial number of the packet that made it: of two, the greater is newer
  std::uint64_t last_used =
      0;  ///< serial number of the last packet from the inside: of two, the greater is more recent
  enum class Traffic : std::uint8_t { outbound, both_ways } traffic = Traffic::outbound;  ///< seen so far
  Contacts contacts{};
};

/// The part of a destination that a mapping of this behaviour depends on.
[[nodiscard]] Endpoint scope_of(Behavior mapping, const Endpoint& destination);

class MappingTable {
 public:
  /// The live mapping of an inside socket for a scope; null when there is none.
  [[nodiscard]] Mapping* find(Instant now, const TransportKey& inside, const Endpoint& scope);
  /// Adds a mapping whose external endpoint the caller has chosen.
  Mapping& add(Mapping mapping);
  /// Forgets expired mappings, if any can have expired.
  void purge(Instant now);
  [[nodiscard]] std::size_t size() const { return by_inside_.size(); }
  /// Mappings of one inside address, expired ones included until `purge`.
  [[nodiscard]] std::uint32_t count_of(const IpAddress& inside) const;

  /// Calls `visit(Mapping&)` for every live mapping of an inside socket, or with an external endpoint.
  template <class Visit>
  void for_inside(Instant now, const TransportKey& inside, Visit visit) {
    for (auto [it, end] = by_inside_.equal_range(inside); it != end; ++it)
      if (it->second.expires > now) visit(it->second);
  }
  template <class Visit>
  void for_external(Instant now, const TransportKey& external, Visit visit) {
    for (auto [it, end] = by_external_.equal_range(external); it != end; ++it)
      if (it->second->expires > now) visit(*it->second);
  }

 private:
  std::unordered_multimap<TransportKey, Mapping, TransportKeyHash> by_inside_;
  std::unordered_multimap<TransportKey, Mapping*, TransportKeyHash> by_external_;
  std::unordered_map<IpAddress, std::uint32_t> hosts_;
  Instant earliest_expiry_ = Instant::max();  // a lower bound: prolonging a mapping does not move it
};
}  // namespace natkit::sim
