#include "natkit/turn/allocation.hpp"

#include <algorithm>

namespace natkit::turn {
namespace {
using namespace std::chrono_literals;
constexpr Duration permission_lifetime = 300s;  // RFC 8656 §9
constexpr Duration channel_lifetime = 600s;     // RFC 8656 §12
}  // namespace

bool Allocation::has(Family family) const {
  const auto state = socket_of(family).state;
  return state == RelayedSocket::State::open || state == RelayedSocket::State::opening;
}

bool Allocation::is_opening() const {
  return std::ranges::any_of(sockets, [](const auto& s) { return s.state == RelayedSocket::State::opening; });
}

Allocation::Outcome Allocation::permit(Instant now, const IpAddress& peer, std::size_t most) {
  auto place = std::ranges::find(permissions_, peer, &Permission::peer);
  if (place == permissions_.end())
    place = std::ranges::find_if(permissions_, [&](const auto& permission) { return permission.end <= now; });
  if (place == permissions_.end()) {
    if (permissions_.size() >= most) return Outcome::full;
    place = permissions_.insert(permissions_.end(), Permission{});
  }
  *place = {peer, now + permission_lifetime};
  return Outcome::done;
}

bool Allocation::is_permitted(Instant now, const IpAddress& peer) const {
  return std::ranges::any_of(permissions_, [&](const auto& p) { return p.peer == peer && now < p.end; });
}

Allocation::Outcome Allocation::bind(Instant now, std::uint16_t number, const Endpoint& peer, std::size_t most) {
  std::erase_if(channels_, [&](const auto& channel) { return channel.end <= now; });
  for (auto& channel : channels_) {
    if (channel.number != number && channel.peer != peer) continue;
    if (channel.number != number || channel.peer != peer) return Outcome::conflict;
    channel.end = now + channel_lifetime;
    return Outcome::done;
  }
  if (channels_.size() >= most) return Outcome::full;
  channels_.push_back({number, peer, now + channel_lifetime});
  return Outcome::done;
}

const Allocation::Channel* Allocation::channel(Instant now, std::uint16_t number) const {
  const auto found = std::ranges::find(channels_, number, &Channel::number);
  return found != channels_.end() && now < found->end ? &*found : nullptr;
}

const Allocation::Channel* Allocation::channel_to(Instant now, const Endpoint& peer) const {
  const auto found = std::ranges::find(channels_, peer, &Channel::peer);
  return found != channels_.end() && now < found->end ? &*found : nullptr;
}
}  // namespace natkit::turn
