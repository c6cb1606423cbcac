#include "port_mapping.hpp"

#include <algorithm>
#include <utility>

#include "natkit/cli/state_folder.hpp"
#include "natkit/io/routes.hpp"
#include "natkit/portmap/diagnosis.hpp"

namespace natkit {
namespace {
/// The keeper numbers its sockets from 0 on, as the connection does.
constexpr std::uint32_t first_socket = 0x4000'0000;
SocketId outside(SocketId socket) { return SocketId{std::to_underlying(socket) + first_socket}; }
SocketId inside(SocketId socket) { return SocketId{std::to_underlying(socket) - first_socket}; }

/// A killed run's mapping ends by itself soon; renewed as long as this one lives.
constexpr std::chrono::seconds lifetime{600};
/// For giving it back: a router answers within 100 ms, and nobody should wait for one that is not there. What is left
/// behind then ends by itself, and `upnp-map gc` knows it.
constexpr Duration last_wait = std::chrono::milliseconds{250};

constexpr std::uint16_t first_dynamic_port = 49152;  // RFC 6335 §6

std::uint16_t another_port(std::uint16_t port, Rng& rng) {
  while (true) {
    const auto drawn = static_cast<std::uint16_t>(first_dynamic_port + rng.below(65536 - first_dynamic_port));
    if (drawn != port) return drawn;
  }
}
}  // namespace

Result<std::unique_ptr<PortMapping>> PortMapping::make(Rng& rng) {
  const auto folder = cli::state_folder();
  if (!folder) return std::unexpected(folder.error());
  auto journal = io::JournalFile::open(*folder, portmap::RunId{rng.next()});
  if (!journal) return std::unexpected(journal.error());
  return std::make_unique<PortMapping>(std::move(*journal), rng);
}

bool PortMapping::owns(SocketId socket) { return std::to_underlying(socket) >= first_socket; }

void PortMapping::begin(Instant now, const Endpoint& internal, At at) {
  auto routes = io::default_routes();
  std::erase_if(routes, [](const portmap::Route& route) { return route.local.family() != Family::ipv4; });
  if (routes.empty()) return;
  portmap::Wish wish{.internal = {routes.front().local, internal.port},
                     .external_port = at == At::same ? internal.port : another_port(internal.port, rng_),
                     .lifetime = lifetime,
                     .description = "natkit punch"};
  keeper_ = std::make_unique<portmap::Keeper>(portmap::Keeper::Config{.routes = std::move(routes),
                                                                      .wishes = {std::move(wish)},
                                                                      .goal = portmap::Keeper::Goal::hold,
                                                                      .run = journal_->run(),
                                                                      .timing = {.release = last_wait}},
                                              *journal_, rng_);
  keeper_->start(now);
}

void PortMapping::close(Instant now) {
  if (keeper_ && !std::exchange(is_closing_, true)) keeper_->release(now);
}

std::optional<PortMapping::Event> PortMapping::poll_event(Instant now) {
  using portmap::Keeper;
  while (auto event = keeper_ ? keeper_->poll_event() : std::nullopt) {
    const auto& outcome = keeper_->outcome(0);
    const bool is_told =
        std::holds_alternative<Keeper::Granted>(*event) || std::holds_alternative<Keeper::Moved>(*event);
    if (is_told && outcome.held) return Granted{outcome.held->layers.back()};
    if (!std::holds_alternative<Keeper::Refused>(*event)) continue;
    close(now);  // asking again and again would help nobody: by then there is a path
    const auto& refusals = outcome.failed ? outcome.failed->refusals : std::vector<portmap::Refusal>{};
    if (refusals.empty()) return Refused{"no router answered"};
    return Refused{std::string{portmap::to_text(refusals.front().cause)}};
  }
  return std::nullopt;
}

void PortMapping::handle_datagram(Instant now, Datagram in) {
  in.socket = inside(in.socket);
  if (keeper_) keeper_->handle_datagram(now, in);
}
void PortMapping::handle_timeout(Instant now) {
  if (keeper_) keeper_->handle_timeout(now);
}
void PortMapping::handle_errand_reply(Instant now, const ErrandReply& reply) {
  if (keeper_) keeper_->handle_errand_reply(now, reply);
}
void PortMapping::handle_path_error(Instant now, PathError error) {
  error.socket = inside(error.socket);
  if (keeper_) keeper_->handle_path_error(now, error);
}

std::optional<SocketChange> PortMapping::poll_socket() {
  auto change = keeper_ ? keeper_->poll_socket() : std::nullopt;
  if (change) std::visit([](auto& one) { one.socket = outside(one.socket); }, *change);
  return change;
}
std::optional<Datagram> PortMapping::poll_transmit() {
  auto out = keeper_ ? keeper_->poll_transmit() : std::nullopt;
  if (out) out->socket = outside(out->socket);
  return out;
}
std::optional<Errand> PortMapping::poll_errand() { return keeper_ ? keeper_->poll_errand() : std::nullopt; }
std::optional<Instant> PortMapping::poll_timeout() const { return keeper_ ? keeper_->poll_timeout() : std::nullopt; }
}  // namespace natkit
