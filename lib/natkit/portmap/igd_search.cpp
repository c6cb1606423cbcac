#include "natkit/portmap/igd_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/portmap/mapping.hpp"
#include "natkit/portmap/ssdp.hpp"
#include "natkit/portmap/url.hpp"

namespace natkit::portmap {
namespace {
// What a gateway of any version answers (UPnP Device Architecture 1.1 §1.3.2), and what some answer that do not know
// it.
constexpr std::array usual_target{ssdp::igd_1};
constexpr std::array odd_targets{ssdp::igd_2, ssdp::root_device};
constexpr std::size_t most_objections = 4;
constexpr std::ptrdiff_t most_of_one_host = 3;
constexpr std::uint8_t multicast_hops = 2;  // UPnP Device Architecture 1.1 §1.3.2

bool is_public(const IpAddress& address) {
  return !address.is_private() && !address.is_shared() && may_be_external(address);
}

/// 3: connected and public, 2: connected, 1: describes a service for us, 0: of no use. Tailscale's order.
int rank(const IgdSearch::Found& found) {
  if (!found.device) return 0;
  int best = found.device->firewall ? 1 : 0;
  for (const auto& connection : found.device->connections) {
    if (!is_connected(connection))
      best = std::max(best, 1);
    else
      best = std::max(best, connection.external && is_public(*connection.external) ? 3 : 2);
  }
  return best;
}

bool is_undescribed(const IgdSearch::Found& found) { return !found.device && !found.fault; }
}  // namespace

bool is_connected(const igd::Connection& connection) {
  return connection.status.empty() || connection.status == "Connected" || connection.status == "Up";
}

void IgdSearch::start(Instant now) {
  has_started_ = true;
  started_at_ = now;
  deadline_ = now + config_.timing.patience;
  step_ = config_.timing.repeat;
  next_search_ = now + step_;
  widens_at_ = now + config_.timing.widening;
  send_searches(config_.socket, usual_target);
}

void IgdSearch::stop() {
  next_search_.reset();
  widens_at_.reset();
}

void IgdSearch::try_location(Instant now, const std::string& location) {
  if (const auto url = parse_url(location))
    add(now, {.location = location, .host = url->host.address, .answered_as = Found::AnsweredAs::gateway});
}

void IgdSearch::send_searches() {
  for (const auto socket : {config_.socket, config_.standard_socket}) {
    if (socket == config_.standard_socket && !has_standard_socket_) continue;
    send_searches(socket, usual_target);
    send_searches(socket, odd_targets);
  }
}

void IgdSearch::send_searches(SocketId socket, std::span<const std::string_view> targets) {
  const auto send = [&](const Endpoint& to, std::uint8_t hops) {
    for (const auto target : targets)
      outgoing_.push_back({.socket = socket,
                           .local = {config_.local, 0},
                           .remote = to,
                           .hop_limit = hops,
                           .payload = ssdp::write_search(target, to)});
  };
  // To the router first: that opens the firewall of this host for its answer (tailscale#3197).
  if (!config_.router.is_unspecified()) send({config_.router, ssdp::port}, 64);
  if (config_.reach == Config::Reach::network) send(ssdp::group(config_.local.family()), multicast_hops);
}

bool IgdSearch::handle_datagram(Instant now, const Datagram& in) {
  if (in.socket != config_.socket && (!has_standard_socket_ || in.socket != config_.standard_socket)) return false;
  const auto message = ssdp::parse_message(in.payload);
  if (!message || message->kind != ssdp::Message::Kind::answer) return true;
  if (const auto url = parse_url_on(message->location, in.remote.address); !url) {
    if (objections_.size() < most_objections)
      objections_.push_back(fmt::format("{} sent a location that {}: {}", natkit::to_text(in.remote.address),
                                        to_text(url.error()), printable(message->location.substr(0, 80))));
    return true;
  }
  const bool is_root = message->target == ssdp::root_device;
  add(now, {.location = message->location,
            .host = in.remote.address,
            .udn = std::string{ssdp::device_of(message->name)},
            .answered_as = is_root ? Found::AnsweredAs::root_device : Found::AnsweredAs::gateway});
  return true;
}

void IgdSearch::add(Instant now, Found found) {
  if (std::ranges::find(found_, found.location, &Found::location) != found_.end()) return;
  // Anybody on the network can make up answers, as many as he likes: the router's own always find room.
  const bool is_router = found.host == config_.router;
  const auto others = std::ranges::count_if(found_, [&](const Found& one) { return one.host != config_.router; });
  if (!is_router && std::cmp_greater_equal(others, config_.most_devices)) return;
  // What else the same box offers (a printer in it, a media server) comes with other locations. A Fritz!Box has five.
  const auto same = std::ranges::count_if(
      found_, [&](const Found& one) { return one.host == found.host && one.answered_as == found.answered_as; });
  if (same >= most_of_one_host) return;
  describes_.push_back({.location = found.location, .host = found.host, .local = config_.local});
  found_.push_back(std::move(found));
  if (!collected_at_) collected_at_ = now + config_.timing.collect;
}

void IgdSearch::handle_described(Instant now, const std::string& location, const igd::Reply& reply) {
  const auto found = std::ranges::find(found_, location, &Found::location);
  if (found == found_.end()) return;
  if (reply && std::holds_alternative<igd::Device>(*reply)) {
    found->device = std::get<igd::Device>(*reply);
    for (auto& connection : found->device->connections)
      if (connection.external && !may_be_external(*connection.external)) connection.external.reset();
  } else {
    found->fault =
        reply ? igd::Fault{igd::Fault::Kind::malformed, 0, "another answer than was asked for"} : reply.error();
  }
  static_cast<void>(now);
}

void IgdSearch::handle_timeout(Instant now) {
  if (collected_at_ && *collected_at_ <= now) collected_at_ = Instant::max();
  if (widens_at_ && *widens_at_ <= now) widen(now);
  if (!next_search_ || *next_search_ > now) return;
  if (deadline_ <= now) {
    next_search_.reset();
    return;
  }
  // One who has answered is not asked again.
  if (found_.empty()) {
    if (!std::exchange(has_standard_socket_, true))
      sockets_.emplace_back(SocketWish{.socket = config_.standard_socket,
                                       .local = {config_.local, ssdp::port},
                                       .interface = config_.interface,
                                       .sharing = Sharing::shared});
    send_searches();
  }
  step_ *= 2;
  next_search_ = std::min(now + step_, deadline_);
}

/// Whoever asks a router that is describing itself, or maps a port already, holds it up.
void IgdSearch::widen(Instant now) {
  widens_at_.reset();
  for (const auto& one : found_) {
    if (one.host != config_.router) continue;
    if (rank(one) >= 2) return;
    if (is_undescribed(one) && now < started_at_ + config_.timing.repeat) widens_at_ = now + config_.timing.widening;
  }
  if (!widens_at_) send_searches(config_.socket, odd_targets);
}

bool IgdSearch::is_describing() const { return std::ranges::any_of(found_, is_undescribed); }

std::optional<std::size_t> IgdSearch::best(Instant now) const {
  const auto place = std::ranges::max_element(
      found_, {}, [&](const Found& one) { return std::pair{rank(one), one.host == config_.router ? 1 : 0}; });
  if (place == found_.end() || rank(*place) == 0) return std::nullopt;
  const auto index = static_cast<std::size_t>(place - found_.begin());
  const bool is_router = place->host == config_.router;
  if (is_router && rank(*place) >= 2) return index;
  const bool is_collected = collected_at_ && (*collected_at_ == Instant::max() || *collected_at_ <= now);
  return is_collected && !is_describing() ? std::optional{index} : std::nullopt;
}

bool IgdSearch::is_over(Instant now) const {
  if (is_describing()) return false;
  return !has_started_ || !next_search_ || deadline_ <= now;
}

std::optional<SocketChange> IgdSearch::poll_socket() {
  if (sockets_.empty()) return std::nullopt;
  auto out = std::move(sockets_.front());
  sockets_.pop_front();
  return out;
}

std::optional<Datagram> IgdSearch::poll_transmit() {
  if (outgoing_.empty()) return std::nullopt;
  auto out = std::move(outgoing_.front());
  outgoing_.pop_front();
  return out;
}

std::optional<igd::Describe> IgdSearch::poll_describe() {
  if (describes_.empty()) return std::nullopt;
  auto describe = std::move(describes_.front());
  describes_.pop_front();
  return describe;
}

std::optional<Instant> IgdSearch::poll_timeout() const {
  auto due = next_search_;
  if (widens_at_) due = due ? std::min(*due, *widens_at_) : *widens_at_;
  if (collected_at_ && *collected_at_ != Instant::max()) due = due ? std::min(*due, *collected_at_) : *collected_at_;
  return due;
}
}  // namespace natkit::portmap
