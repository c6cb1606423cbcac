#include "natkit/portmap/held_port.hpp"

#include <algorithm>
#include <utility>

#include "natkit/base/take_front.hpp"

namespace natkit::portmap {
namespace {
/// The keeper numbers its sockets from 0 on, as whoever owns this machine does. Each keeper has numbers of its own, so
/// that what comes late for one that is over meets nobody.
constexpr std::uint32_t first_socket = 0x4000'0000;
constexpr std::uint32_t last_socket = 0x4fff'ffff;
constexpr std::uint32_t sockets_each = 0x1'0000;
constexpr std::uint32_t errands_each = 0x100'0000;  ///< the same for errands, 256 times over

constexpr std::uint16_t first_dynamic_port = 49152;  // RFC 6335 §6

std::uint16_t another_port(std::uint16_t port, Rng& rng) {
  while (true) {
    const auto drawn = static_cast<std::uint16_t>(first_dynamic_port + rng.below(65536 - first_dynamic_port));
    if (drawn != port) return drawn;
  }
}
}  // namespace

bool HeldPort::owns(SocketId socket) {
  return std::to_underlying(socket) >= first_socket && std::to_underlying(socket) <= last_socket;
}

SocketId HeldPort::outside(SocketId socket) const {
  return SocketId{first_socket + keepers_ % ((last_socket - first_socket) / sockets_each) * sockets_each +
                  std::to_underlying(socket)};
}

ErrandId HeldPort::first_errand() const { return ErrandId{keepers_ % 256 * errands_each}; }

std::optional<SocketId> HeldPort::inside(SocketId socket) const {
  const auto first = std::to_underlying(outside(SocketId{0}));
  const auto number = std::to_underlying(socket);
  if (!keeper_ || number < first || number - first >= sockets_each) return std::nullopt;
  return SocketId{number - first};
}

void HeldPort::ask(Instant now, std::vector<Route> routes, std::uint16_t internal_port, At at) {
  if (is_asked_) return;
  is_asked_ = true;
  std::erase_if(routes, [](const Route& route) { return route.local.family() != Family::ipv4; });
  if (routes.empty()) {
    no_route_ = true;
    return;
  }
  const auto wished = wish_.external_port;
  wish_ = {.internal = {routes.front().local, internal_port},
           .external_port = at == At::same ? internal_port
                            : wished != 0  ? wished
                                           : another_port(internal_port, rng_),
           .lifetime = config_.lifetime,
           .description = config_.description};
  routes_ = std::move(routes);
  begins_ = true;
  begin(now);
}

/// One keeper at a time: what was held before is given back first.
void HeldPort::begin(Instant now) {
  if (!begins_ || (keeper_ && keeper_->poll_timeout())) return;
  begins_ = false;
  for (const auto socket : open_) changes_.emplace_back(SocketEnd{outside(socket)});
  open_.clear();
  ++keepers_;
  keeper_ = std::make_unique<Keeper>(Keeper::Config{.routes = routes_,
                                                    .wishes = {wish_},
                                                    .goal = Keeper::Goal::hold,
                                                    .run = config_.run,
                                                    .timing = {.release = config_.release}},
                                     journal_, rng_);
  keeper_->start(now);
}

void HeldPort::close(Instant now) {
  if (!std::exchange(is_asked_, false)) return;
  no_route_ = begins_ = false;
  held_.reset();
  if (keeper_) keeper_->release(now);
}

HeldPort::Refused HeldPort::refusal() const {
  const auto& failed = keeper_->outcome(0).failed;
  if (!failed) return {.why = "no router answered", .diagnosis = diagnose(Symptoms{})};
  return {.why = failed->refusals.empty() ? std::string{"no router answered"}
                                          : std::string{portmap::to_text(failed->refusals.front().cause)},
          .diagnosis = diagnose(symptoms_of(wish_, routes_.front(), *failed))};
}

std::optional<HeldPort::Event> HeldPort::poll_event(Instant now) {
  begin(now);
  if (std::exchange(no_route_, false)) {
    close(now);
    return Refused{.why = std::string{portmap::to_text(Cause::no_gateway)}, .diagnosis = diagnose(Symptoms{})};
  }
  while (auto event = keeper_ ? keeper_->poll_event() : std::nullopt) {
    if (!is_asked_ || begins_) continue;  // what is over
    const auto& outcome = keeper_->outcome(0);
    held_ = outcome.held ? std::optional{outcome.held->layers.back()} : std::nullopt;
    const bool is_told =
        std::holds_alternative<Keeper::Granted>(*event) || std::holds_alternative<Keeper::Moved>(*event);
    if (is_told && held_) {
      wish_.external_port = held_->external.port;
      return Granted{*held_};
    }
    if (!std::holds_alternative<Keeper::Refused>(*event)) continue;
    auto refused = refusal();
    close(now);  // asking again and again would help nobody: whoever wants it asks again
    return refused;
  }
  return std::nullopt;
}

void HeldPort::handle_datagram(Instant now, Datagram in) {
  const auto socket = inside(in.socket);
  if (!socket) return;
  in.socket = *socket;
  keeper_->handle_datagram(now, in);
}
void HeldPort::handle_timeout(Instant now) {
  if (keeper_) keeper_->handle_timeout(now);
}
void HeldPort::handle_errand_reply(Instant now, ErrandReply reply) {
  const auto number = std::to_underlying(reply.id);
  if (!keeper_ || number / errands_each != keepers_ % 256) return;
  reply.id = ErrandId{number % errands_each};
  keeper_->handle_errand_reply(now, reply);
}
void HeldPort::handle_path_error(Instant now, PathError error) {
  const auto socket = inside(error.socket);
  if (!socket) return;
  error.socket = *socket;
  keeper_->handle_path_error(now, error);
}

std::optional<SocketChange> HeldPort::poll_socket() {
  if (auto change = take_front(changes_)) return change;
  auto change = keeper_ ? keeper_->poll_socket() : std::nullopt;
  if (!change) return std::nullopt;
  if (const auto* wish = std::get_if<SocketWish>(&*change)) open_.insert(wish->socket);
  if (const auto* gone = std::get_if<SocketEnd>(&*change)) open_.erase(gone->socket);
  std::visit([this](auto& one) { one.socket = outside(one.socket); }, *change);
  return change;
}
std::optional<Datagram> HeldPort::poll_transmit() {
  auto out = keeper_ ? keeper_->poll_transmit() : std::nullopt;
  if (out) out->socket = outside(out->socket);
  return out;
}
std::optional<Errand> HeldPort::poll_errand() {
  auto errand = keeper_ ? keeper_->poll_errand() : std::nullopt;
  if (errand) errand->id = ErrandId{std::to_underlying(first_errand()) + std::to_underlying(errand->id)};
  return errand;
}
std::optional<Instant> HeldPort::poll_timeout() const { return keeper_ ? keeper_->poll_timeout() : std::nullopt; }
}  // namespace natkit::portmap
