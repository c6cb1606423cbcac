#include "natkit/portmap/hop_search.hpp"

#include <algorithm>
#include <utility>

namespace natkit::portmap {
namespace {
/// A router that knows no way to where nobody is says so before it looks at the hop limit.
bool is_on_the_way(PathError::Kind kind) {
  return kind == PathError::Kind::hop_limit_exceeded || kind == PathError::Kind::unreachable;
}
}  // namespace

void HopSearch::start(Instant now) {
  sockets_.emplace_back(SocketWish{.socket = config_.socket, .local = {config_.local, 0}, .errors = PathErrors::heard});
  deadline_ = now + config_.patience;
  next_ = now + config_.repeat;
  send();
}

void HopSearch::send() {
  for (std::size_t hop = 1; hop <= config_.most_hops; ++hop) {
    if (hops_.contains(hop)) continue;
    const auto port = static_cast<std::uint16_t>(config_.beyond.port + hop);
    outgoing_.push_back({.socket = config_.socket,
                         .remote = {config_.beyond.address, port},
                         .hop_limit = static_cast<std::uint8_t>(hop),
                         .payload = Bytes(8)});
  }
}

void HopSearch::handle_path_error(const PathError& error) {
  if (error.socket != config_.socket || !is_on_the_way(error.kind)) return;
  const auto hop = static_cast<std::size_t>(error.remote.port - config_.beyond.port);
  if (error.remote.address != config_.beyond.address || hop < 1 || hop > config_.most_hops) return;
  // The same router may speak of farther hops as well: it stands where it was first met.
  const bool is_nearer_known = std::ranges::any_of(
      hops_, [&](const auto& known) { return known.first < hop && known.second == error.offender; });
  if (is_nearer_known) return;
  std::erase_if(hops_, [&](const auto& known) { return known.first > hop && known.second == error.offender; });
  hops_.try_emplace(hop, error.offender);
  if (is_complete()) next_.reset();
}

/// The hops before the first public one are all that matters.
bool HopSearch::is_complete() const {
  for (std::size_t hop = 1; hop <= config_.most_hops; ++hop) {
    const auto found = hops_.find(hop);
    if (found == hops_.end()) return false;
    if (!found->second.is_private() && !found->second.is_shared()) return true;
  }
  return true;
}

void HopSearch::handle_timeout(Instant now) {
  if (!next_ || *next_ > now) return;
  if (deadline_ <= now) {
    next_.reset();
    return;
  }
  send();
  next_ = std::min(now + config_.repeat, deadline_);
}

std::optional<SocketChange> HopSearch::poll_socket() {
  if (sockets_.empty()) return std::nullopt;
  auto out = std::move(sockets_.front());
  sockets_.pop_front();
  return out;
}

std::optional<Datagram> HopSearch::poll_transmit() {
  if (outgoing_.empty()) return std::nullopt;
  auto out = std::move(outgoing_.front());
  outgoing_.pop_front();
  return out;
}

std::optional<Instant> HopSearch::poll_timeout() const { return next_; }

std::optional<IpAddress> HopSearch::hop(std::size_t hop) const {
  const auto found = hops_.find(hop);
  if (found == hops_.end()) return std::nullopt;
  return found->second;
}
}  // namespace natkit::portmap
