#include "natkit/ice/agents.hpp"

#include <algorithm>
#include <utility>

namespace natkit::ice {
bool Agents::add(Agent& agent) {
  if (agents_.size() >= most_agents || previous_.contains(agent.credentials().ufrag)) return false;
  return agents_.emplace(agent.credentials().ufrag, &agent).second;
}

void Agents::remove(const Agent& agent) {
  const auto is_it = [&](const auto& entry) { return entry.second == &agent; };
  std::erase_if(agents_, is_it);
  std::erase_if(previous_, is_it);
}

void Agents::rename(Agent& agent) {
  std::erase_if(previous_, [&](const auto& entry) { return entry.second == &agent; });
  const auto known = std::ranges::find_if(agents_, [&](const auto& entry) { return entry.second == &agent; });
  if (known == agents_.end()) return;
  previous_.insert(*known);
  agents_.erase(known);
  agents_.emplace(agent.credentials().ufrag, &agent);
}

Agent* Agents::receiver(const Datagram& in) const {
  const auto message = stun::parse_message(in.payload);
  if (!message || message->method() != stun::Method::binding) return nullptr;
  switch (message->message_class()) {
    case stun::MessageClass::request: {
      const auto names = fragments(*message);
      if (!names) return nullptr;
      if (const auto found = agents_.find(names->receiver); found != agents_.end()) return found->second;
      const auto found = previous_.find(names->receiver);
      return found == previous_.end() ? nullptr : found->second;
    }
    case stun::MessageClass::success:
    case stun::MessageClass::error: {
      const auto owner = std::ranges::find_if(
          agents_, [&](const auto& entry) { return entry.second->owns(message->transaction_id()); });
      return owner == agents_.end() ? nullptr : owner->second;
    }
    case stun::MessageClass::indication:
      return at_path(in.socket, in.remote);
  }
  return nullptr;
}

Agent* Agents::handle_datagram(Instant now, const Datagram& in) const {
  auto* agent = receiver(in);
  return agent && agent->handle_datagram(now, in) ? agent : nullptr;
}

Agent* Agents::at_path(SocketId socket, const Endpoint& remote) const {
  const auto found =
      std::ranges::find_if(agents_, [&](const auto& entry) { return entry.second->is_path(socket, remote); });
  return found == agents_.end() ? nullptr : found->second;
}
}  // namespace natkit::ice
