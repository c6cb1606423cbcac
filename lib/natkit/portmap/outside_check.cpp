#include "natkit/portmap/outside_check.hpp"

#include <algorithm>

#include "natkit/portmap/outside_check_of_family.hpp"

namespace natkit::portmap {
OutsideCheck::OutsideCheck(const Config& config, Rng& rng) {
  std::uint32_t socket = 0;
  for (const auto& server : config.servers) {
    const auto family = server.address.family();
    const auto is_asked = [&](const auto& other) { return other->result().family == family; };
    if (std::ranges::any_of(families_, is_asked)) continue;
    OutsideCheckOfFamily::Config one{.server = server,
                                     .protocol = config.protocol,
                                     .external_port = config.external_port,
                                     .patience = config.patience,
                                     .ask_socket = SocketId{socket},
                                     .listen_socket = SocketId{socket + 1}};
    socket += 2;
    for (const auto& internal : config.internal)
      if (internal.address.family() == family) one.internal = internal;
    for (const auto& expected : config.expected)
      if (expected.family() == family) one.expected = expected;
    families_.push_back(std::make_unique<OutsideCheckOfFamily>(one, rng));
  }
}

OutsideCheck::~OutsideCheck() = default;

OutsideCheckOfFamily* OutsideCheck::owner_of(SocketId socket) {
  const auto found = std::ranges::find_if(families_, [&](const auto& family) { return family->uses(socket); });
  return found == families_.end() ? nullptr : found->get();
}

void OutsideCheck::start(Instant now) {
  for (const auto& family : families_) family->start(now);
}

void OutsideCheck::handle_datagram(Instant now, const Datagram& in) {
  if (auto* owner = owner_of(in.socket)) owner->handle_datagram(now, in);
}

void OutsideCheck::handle_timeout(Instant now) {
  for (const auto& family : families_) family->handle_timeout(now);
}

void OutsideCheck::handle_send_failure(Instant /*now*/, const Datagram& lost, std::string_view /*why*/) {
  if (auto* owner = owner_of(lost.socket)) owner->handle_send_failure(lost);
}

void OutsideCheck::handle_socket_opened(Instant now, SocketId socket, const Endpoint& /*local*/) {
  if (auto* owner = owner_of(socket)) owner->handle_socket_opened(now, socket);
}

void OutsideCheck::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  if (auto* owner = owner_of(socket)) owner->handle_socket_failure(now, socket, why);
}

std::optional<SocketChange> OutsideCheck::poll_socket() {
  for (const auto& family : families_)
    if (auto next = family->poll_socket()) return next;
  return std::nullopt;
}

std::optional<Datagram> OutsideCheck::poll_transmit() {
  for (const auto& family : families_)
    if (auto next = family->poll_transmit()) return next;
  return std::nullopt;
}

std::optional<Instant> OutsideCheck::poll_timeout() const {
  std::optional<Instant> first;
  for (const auto& family : families_)
    if (const auto due = family->poll_timeout(); due && (!first || *due < *first)) first = due;
  return first;
}

std::vector<OutsideResult> OutsideCheck::results() const {
  std::vector<OutsideResult> all;
  all.reserve(families_.size());
  for (const auto& family : families_) all.push_back(family->result());
  return all;
}
}  // namespace natkit::portmap
