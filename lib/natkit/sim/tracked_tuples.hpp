#pragma once
/// The tuples that a Linux router's connection tracker keeps for packets it took for its own (Unsolicited::accept).
/// While (external endpoint, remote endpoint) is kept, no flow of an inside host can have that pair: it gets another
/// port, and the NAT looks symmetric to whoever caused it.
#include <cstddef>
#include <unordered_map>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/time.hpp"

namespace natkit::sim {
class TrackedTuples {
 public:
  /// Keeps or prolongs a tuple. With `limit` live ones kept, a new one is not: as a full connection table does.
  void note(Instant now, Protocol protocol, const Endpoint& external, const Endpoint& remote, Instant expires,
            std::size_t limit);
  [[nodiscard]] bool contains(Instant now, Protocol protocol, const Endpoint& external, const Endpoint& remote) const;

 private:
  struct Tuple {
    Protocol protocol{};
    Endpoint external{};
    Endpoint remote{};
    bool operator==(const Tuple&) const = default;
  };
  struct TupleHash {
    std::size_t operator()(const Tuple& tuple) const noexcept {
      return (std::hash<Endpoint>{}(tuple.external) * 31 + std::hash<Endpoint>{}(tuple.remote)) * 2 +
             static_cast<std::size_t>(tuple.protocol);
    }
  };
  std::unordered_map<Tuple, Instant, TupleHash> expiries_;
};
}  // namespace natkit::sim
