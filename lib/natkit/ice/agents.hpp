#pragma once
/// Several agents on the same sockets: whose is this datagram? A request names its receiver (the fragment before the
/// colon of USERNAME), an answer its transaction; payload is told by where it comes from.
#include <cstddef>
#include <map>
#include <string>

#include "natkit/ice/agent.hpp"

namespace natkit::ice {
class Agents {
 public:
  static constexpr std::size_t most_agents = 256;  ///< a mesh is smaller; answers are looked for in every agent

  /// False when there are too many, or when another one has these credentials. The agent must outlive its membership.
  [[nodiscard]] bool add(Agent& agent);
  void remove(const Agent& agent);
  /// To be called after a restart, which changed the agent's credentials.
  void rename(Agent& agent);

  /// Null: no check or answer for one of them.
  [[nodiscard]] Agent* receiver(const Datagram& in) const;
  /// Hands it to its receiver; null: it is for none.
  [[nodiscard]] Agent* handle_datagram(Instant now, const Datagram& in) const;
  /// Whose payload comes from there; null: nobody's.
  [[nodiscard]] Agent* at_path(SocketId socket, const Endpoint& remote) const;
  [[nodiscard]] std::size_t size() const { return agents_.size(); }

 private:
  std::map<std::string, Agent*, std::less<>> agents_;    // by current fragment
  std::map<std::string, Agent*, std::less<>> previous_;  // by the one before a restart
};
}  // namespace natkit::ice
