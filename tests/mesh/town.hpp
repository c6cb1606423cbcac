#pragma once
// A village with a server: STUN, relay, meeting place and directory in one, 50 ms there and back from anybody.
#include "mesh/village.hpp"
#include "natkit/rendezvous/directory.hpp"
#include "natkit/rendezvous/server.hpp"
#include "natkit/rendezvous/store.hpp"
#include "natkit/turn/relay.hpp"

namespace natkit::test {
class Town {
 public:
  explicit Town(std::uint64_t seed);

  /// Begins a session that others find by its name, "den".
  Villager& found(std::string_view name, Box box, std::uint8_t forwards = 0);
  /// Looks for it.
  Villager& join(std::string_view name, Box box);
  /// Of all that relays have forwarded, either way.
  [[nodiscard]] std::uint64_t relayed_bytes() const;

  Village village;

 private:
  sim::Host& host_;
  stun::Responder responder_;
  turn::Relay relay_;
  rendezvous::MemoryStore store_;
  rendezvous::Directory directory_;
  rendezvous::Server server_;
};
}  // namespace natkit::test
