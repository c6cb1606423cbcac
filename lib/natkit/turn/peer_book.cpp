#include "natkit/turn/peer_book.hpp"

#include <algorithm>
#include <chrono>

#include "natkit/turn/channel_data.hpp"

namespace natkit::turn {
namespace {
using namespace std::chrono_literals;

constexpr Duration permission_lifetime = 300s;  // RFC 8656 §9
// A minute before the end, as §7 advises for allocations: more than the 39.5 s that a request may take.
constexpr Duration renewal_after = 240s;
// Channels last 600 s, but the permission that comes with one only 300: renewed together.
constexpr Duration channel_renewal_after = renewal_after;
constexpr Duration margin = permission_lifetime - renewal_after;
constexpr Duration gathering = 30s;  // what falls due so much later is renewed in the same request
constexpr Duration pause_after_refusal = permission_lifetime;  // the server's rules do not change by the minute
constexpr std::uint16_t channels_in_all = last_channel - first_channel + 1;
}  // namespace

void PeerBook::permit(Instant now, const IpAddress& peer, Wish wish) {
  const auto found = permissions_.find(peer);
  if (found == permissions_.end()) {
    if (permissions_.size() >= config_.most_peers) make_room();
    permissions_[peer] = {.wish = wish, .due = now, .last_used = now};
    return consider(now);
  }
  auto& permission = found->second;
  permission.last_used = now;
  if (wish == Wish::until_forgotten) permission.wish = wish;
  if (permission.state == State::refused && now >= permission.due) permission.state = State::wanted;
  if (permission.state == State::held && now >= permission.due + margin) {  // nobody used it, so it was left to end
    permission.state = State::wanted;
    permission.is_granted = false;
  }
  if (is_due(permission, Instant::max())) consider(permission.due);
}

void PeerBook::make_room() {
  // The one used longest ago; what was asked for by name stays while there is another.
  const auto oldest = std::ranges::min_element(
      permissions_, {}, [](const auto& entry) { return std::pair{entry.second.wish, entry.second.last_used}; });
  forget(IpAddress{oldest->first});
}

void PeerBook::forget(const IpAddress& peer) {
  permissions_.erase(peer);
  std::erase_if(channels_, [&](const auto& entry) { return entry.first.address == peer; });
  reckon();
}

PeerBook::Channel& PeerBook::channel_of(Instant now, const Endpoint& peer) {
  const auto found = channels_.find(peer);
  if (found != channels_.end()) return found->second;
  if (channels_.size() >= config_.most_peers) {
    const auto oldest =
        std::ranges::min_element(channels_, {}, [](const auto& entry) { return entry.second.last_used; });
    channels_.erase(oldest);
  }
  return channels_[peer] = {.last_used = now};
}

void PeerBook::want_channel(Instant now, const Endpoint& peer) {
  permit(now, peer.address, Wish::while_used);
  auto& channel = channel_of(now, peer);
  channel.last_used = now;
  if (channel.is_wanted) return;
  channel.is_wanted = true;
  channel.state = State::wanted;
  channel.due = now;
  consider(now);
  if (channel.number == 0) channel.number = number_for(peer);
}

std::uint16_t PeerBook::number_for(const Endpoint& peer) {
  // The one that it had, which the server may remember: it takes no other for this peer meanwhile (§12.2).
  const auto before = std::ranges::find_if(by_number_, [&](const auto& entry) { return entry.second == peer; });
  if (before != by_number_.end()) return before->first;
  // Nor is a number given to another peer while the server may remember it: 4096 of them go round slowly enough.
  std::uint16_t number = 0;
  do {
    number = static_cast<std::uint16_t>(first_channel + numbers_given_++ % channels_in_all);
  } while (std::ranges::any_of(channels_, [&](const auto& entry) { return entry.second.number == number; }));
  by_number_[number] = peer;
  return number;
}

std::optional<std::uint16_t> PeerBook::use(Instant now, const Endpoint& peer) {
  permit(now, peer.address, Wish::while_used);
  auto& channel = channel_of(now, peer);
  channel.last_used = now;
  if (channel.is_bound && channel.state == State::held && now >= channel.due + margin) {  // left to end, as above
    channel.is_bound = false;
    channel.state = State::wanted;
  }
  if (channel.is_wanted && channel.state != State::asked && channel.state != State::refused) consider(channel.due);
  if (channel.is_bound) return channel.number;
  if (!channel.is_wanted && ++channel.datagrams > config_.datagrams_before_channel) want_channel(now, peer);
  return std::nullopt;
}

bool PeerBook::is_due(const Permission& permission, Instant by) {
  if (permission.state == State::asked || permission.due > by) return false;
  if (permission.state != State::held) return permission.state == State::wanted;
  return permission.wish == Wish::until_forgotten || permission.last_used + permission_lifetime > permission.due;
}

std::vector<IpAddress> PeerBook::take_due_permissions(Instant now, std::size_t most) {
  std::vector<IpAddress> due;
  const bool is_any = std::ranges::any_of(permissions_, [&](const auto& entry) { return is_due(entry.second, now); });
  if (!is_any) {
    reckon();
    return due;
  }
  for (auto& [peer, permission] : permissions_) {
    if (due.size() == most) break;
    const bool comes_along = permission.state == State::held && is_due(permission, now + gathering);
    if (!comes_along && !is_due(permission, now)) continue;
    permission.state = State::asked;
    due.push_back(peer);
  }
  reckon();
  return due;
}

void PeerBook::granted(Instant now, std::span<const IpAddress> peers) {
  for (const auto& peer : peers) {
    const auto found = permissions_.find(peer);
    if (found == permissions_.end()) continue;
    found->second.state = State::held;
    found->second.is_granted = true;
    found->second.due = now + renewal_after;
  }
  reckon();
}

void PeerBook::refused(Instant now, const IpAddress& peer) {
  const auto found = permissions_.find(peer);
  if (found == permissions_.end()) return;
  found->second.state = State::refused;
  found->second.is_granted = false;
  found->second.due = now + pause_after_refusal;
  reckon();
}

void PeerBook::postpone(std::span<const IpAddress> peers, Instant until) {
  for (const auto& peer : peers) {
    const auto found = permissions_.find(peer);
    if (found == permissions_.end()) continue;
    found->second.state = State::wanted;
    found->second.due = until;
  }
  reckon();
}

std::optional<PeerBook::Binding> PeerBook::take_due_channel(Instant now) {
  for (auto& [peer, channel] : channels_) {
    const bool is_waiting = channel.state == State::wanted || channel.state == State::held;
    if (!channel.is_wanted || !is_waiting || channel.due > now) continue;
    if (channel.state == State::held && channel.last_used + permission_lifetime < channel.due) continue;
    channel.state = State::asked;
    reckon();
    return Binding{peer, channel.number};
  }
  reckon();
  return std::nullopt;
}

void PeerBook::bound(Instant now, const Binding& binding) {
  const auto found = channels_.find(binding.peer);
  if (found == channels_.end() || found->second.number != binding.channel) return;
  found->second.state = State::held;
  found->second.is_bound = true;
  found->second.due = now + channel_renewal_after;
  const auto peer = binding.peer.address;
  granted(now, std::span{&peer, 1});  // §12.2: it installs or refreshes the permission, too
}

void PeerBook::channel_refused(Instant, const Binding& binding) {
  const auto found = channels_.find(binding.peer);
  if (found == channels_.end()) return;
  found->second.state = State::refused;  // for good: Send indications serve as well
  found->second.is_bound = false;
  reckon();
}

void PeerBook::postpone_channel(const Binding& binding, Instant until) {
  const auto found = channels_.find(binding.peer);
  if (found == channels_.end()) return;
  found->second.state = State::wanted;
  found->second.due = until;
  reckon();
}

bool PeerBook::is_expected(const IpAddress& peer) const {
  const auto found = permissions_.find(peer);
  return found != permissions_.end() && found->second.state != State::refused;
}

bool PeerBook::was_asked_for(const IpAddress& peer) const {
  const auto found = permissions_.find(peer);
  return found != permissions_.end() && (found->second.state == State::asked || found->second.is_granted);
}

bool PeerBook::is_permitted(const IpAddress& peer) const {
  const auto found = permissions_.find(peer);
  return found != permissions_.end() && found->second.is_granted;
}

std::optional<Endpoint> PeerBook::peer_of(std::uint16_t channel) const {
  const auto found = by_number_.find(channel);
  if (found == by_number_.end()) return std::nullopt;
  return found->second;
}

void PeerBook::consider(Instant due) { next_due_ = next_due_ ? std::min(*next_due_, due) : due; }

void PeerBook::reckon() {
  next_due_.reset();
  for (const auto& [peer, permission] : permissions_)
    if (is_due(permission, Instant::max())) consider(permission.due);
  for (const auto& [peer, channel] : channels_) {
    const bool is_waiting = channel.state == State::wanted || channel.state == State::held;
    if (!channel.is_wanted || !is_waiting) continue;
    if (channel.state == State::held && channel.last_used + permission_lifetime < channel.due) continue;
    consider(channel.due);
  }
}
}  // namespace natkit::turn
