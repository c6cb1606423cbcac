#pragma once
// Private to the world: what it knows of each member, and what is on its way.
#include "world.hpp"

namespace natkit::test {
struct World::Node {
  mesh::MemberId id;
  std::unique_ptr<mesh::Signatures> signatures;
  Bytes certificate;
  Newcomer wishes;
  std::unique_ptr<mesh::Participant> machine;
  double pace = 1;
  bool is_alive = true;
  std::uint64_t incarnation = 1;
  std::optional<Instant> stopped_until;
  std::deque<Pending> waiting;  ///< arrived while it was stopped
  std::optional<Instant> armed;
  std::vector<Told> told;
  mesh::ViewRef seen;
  std::map<mesh::SessionId, mesh::ViewRef> latest;  ///< of this incarnation
  std::uint64_t registered_with = 0;                ///< which life of the server; 0: not
  std::optional<Instant> server_lost_since;
  std::uint64_t bytes_sent = 0;
  std::uint64_t messages_sent = 0;
};

struct World::Pending {
  Instant at{};
  std::uint64_t order = 0;
  unsigned to = 0;
  std::optional<unsigned> from{};  ///< none: a timeout
  std::uint64_t incarnation = 0;
  Bytes bytes{};
};
}  // namespace natkit::test
