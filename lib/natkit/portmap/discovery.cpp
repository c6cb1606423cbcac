#include "natkit/portmap/discovery.hpp"

#include <algorithm>
#include <utility>

namespace natkit::portmap {
namespace {
Finding& finding_for(RouteFindings& route, Method method) {
  if (method == Method::pcp) return route.pcp;
  return method == Method::nat_pmp ? route.nat_pmp : route.upnp;
}
}  // namespace

const Finding& RouteFindings::operator[](Method method) const {
  if (method == Method::pcp) return pcp;
  return method == Method::nat_pmp ? nat_pmp : upnp;
}

void Discovery::start(Instant now) {
  deadline_ = now + config_.patience;
  for (const auto& route : config_.routes) {
    for (const auto method : config_.methods) {
      if (method == Method::nat_pmp && route.router.is_v6()) continue;
      const auto index = static_cast<std::uint32_t>(asked_.size());
      asked_.push_back({.route = route,
                        .gateway = std::make_unique<Gateway>(
                            Gateway::Config{.route = route,
                                            .address = route.router,
                                            .mapped_host = route.local,
                                            .first_socket = SocketId{config_.first_socket + Gateway::sockets * index},
                                            .first_errand = ErrandId{index << 16U},
                                            .only = method,
                                            .timing = config_.timing},
                            *rng_),
                        .method = method});
      asked_.back().gateway->start(now);
      asked_.back().gateway->discover(now);
    }
  }
}

void Discovery::handle_datagram(Instant now, const Datagram& in) {
  static_cast<void>(std::ranges::any_of(asked_, [&](auto& one) { return one.gateway->handle_datagram(now, in); }));
}

void Discovery::handle_errand_reply(Instant now, const ErrandReply& reply) {
  static_cast<void>(
      std::ranges::any_of(asked_, [&](auto& one) { return one.gateway->handle_errand_reply(now, reply); }));
}

void Discovery::handle_timeout(Instant now) {
  for (auto& one : asked_) one.gateway->handle_timeout(now);
}

std::optional<SocketChange> Discovery::poll_socket() {
  for (auto& one : asked_)
    if (auto out = one.gateway->poll_socket()) return out;
  return std::nullopt;
}

std::optional<Datagram> Discovery::poll_transmit() {
  for (auto& one : asked_)
    if (auto out = one.gateway->poll_transmit()) return out;
  return std::nullopt;
}

std::optional<Errand> Discovery::poll_errand() {
  for (auto& one : asked_)
    if (auto out = one.gateway->poll_errand()) return out;
  return std::nullopt;
}

std::optional<Instant> Discovery::poll_timeout() const {
  std::optional<Instant> due;
  for (const auto& one : asked_)
    if (const auto at = one.gateway->poll_timeout()) due = due ? std::min(*due, *at) : *at;
  return due;
}

bool Discovery::has_answered(const Asked& asked, Instant now) const {
  if (asked.method != Method::upnp) return asked.gateway->control_state() != nullptr;
  return asked.gateway->search().best(now).has_value() || asked.gateway->search().is_over(now);
}

bool Discovery::is_over(Instant now) const {
  return std::ranges::all_of(asked_, [&](const Asked& one) { return has_answered(one, now); });
}

Finding Discovery::finding_of(const Asked& asked, Instant now) const {
  if (!has_answered(asked, now)) return {.state = now >= deadline_ ? Finding::State::silent : Finding::State::unasked};
  const auto& gateway = *asked.gateway;
  if (asked.method != Method::upnp) {
    const auto& state = *gateway.control_state();
    if (!state.speaks) return {.state = Finding::State::silent};
    if (state.refusal) return {.state = Finding::State::refused, .refusal = state.refusal};
    return {.state = Finding::State::available, .external = state.external};
  }
  if (const auto best = gateway.search().best(now)) {
    const auto& device = *gateway.search().found()[*best].device;
    Finding finding{.state = Finding::State::available};
    const auto connected = std::ranges::find_if(device.connections, is_connected);
    if (connected != device.connections.end()) {
      finding.external = connected->external;
    } else if (!device.connections.empty()) {
      finding.state = Finding::State::refused;
      finding.refusal = Refusal{Method::upnp, Cause::not_connected, {}, "says that it is not connected"};
    }
    return finding;
  }
  for (const auto& found : gateway.search().found())
    if (found.fault) return {.state = Finding::State::refused, .refusal = refusal_of(*found.fault)};
  return {.state = Finding::State::silent};
}

Findings Discovery::findings(Instant now) const {
  Findings all;
  for (const auto& route : config_.routes) {
    RouteFindings found{.route = route};
    for (const auto& one : asked_) {
      if (one.route != route) continue;
      finding_for(found, one.method) = finding_of(one, now);
      if (one.method != Method::upnp) continue;
      found.objections = one.gateway->search().objections();
      const auto best = one.gateway->search().best(now);
      const auto& devices = one.gateway->search().found();
      for (std::size_t i = 0; i < devices.size(); ++i) {
        if (!devices[i].device) continue;
        FoundDevice device{devices[i].location, devices[i].host, devices[i].udn, *devices[i].device};
        found.devices.insert(best == i ? found.devices.begin() : found.devices.end(), std::move(device));
      }
    }
    all.routes.push_back(std::move(found));
  }
  return all;
}
}  // namespace natkit::portmap
