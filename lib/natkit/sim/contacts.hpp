#pragma once
/// The remote endpoints that one inside socket has sent to lately: what address-dependent and
/// address-and-port-dependent filtering ask for (RFC 4787 §5). Shared by NATs and firewalls.
#include <cstddef>
#include <vector>

#include "natkit/base/behavior.hpp"
#include "natkit/base/endpoint.hpp"
#include "natkit/base/time.hpp"

namespace natkit::sim {
class Contacts {
 public:
  /// Remembers `remote` until `expires`, or prolongs it. Beyond `limit` live entries the one that expires first is
  /// forgotten, because inside hosts may send to any number of endpoints.
  void note(Instant now, const Endpoint& remote, Instant expires);
  /// Prolongs an entry that is still alive; anything else is left alone.
  void refresh(Instant now, const Endpoint& remote, Instant expires);
  [[nodiscard]] bool contains(Instant now, const Endpoint& remote) const;
  /// Whether a packet from `remote` may come in under this filtering behaviour.
  [[nodiscard]] bool permits(Instant now, Behavior filtering, const Endpoint& remote) const;
  /// When the last entry ends; the epoch where there is none.
  [[nodiscard]] Instant last_expiry() const;

  static constexpr std::size_t limit = 4096;  // twice the largest spray worth its packets (1741 probes)

 private:
  struct Entry {
    Endpoint remote;
    Instant expires;
  };
  std::vector<Entry> entries_;
};
}  // namespace natkit::sim
