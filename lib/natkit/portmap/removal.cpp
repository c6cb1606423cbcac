#include "natkit/portmap/removal.hpp"

#include <algorithm>
#include <utility>

namespace natkit::portmap {
Removal::Removal(Config config, Journal& journal, Rng& rng)
    : config_(std::move(config)), journal_(&journal), rng_(&rng) {
  for (auto& entry : config_.entries) results_.push_back({.entry = std::move(entry)});
}

/// The same router must be there and we must have the address that it mapped to; the interface may be called otherwise.
const Route* Removal::route_to(const JournalEntry& entry) const {
  const auto found = std::ranges::find_if(config_.routes, [&](const Route& route) {
    return route.local == entry.route.local && route.router == entry.route.router;
  });
  return found == config_.routes.end() ? nullptr : &*found;
}

namespace {
/// The one method that may have made it; nullopt where it may have been any.
std::optional<Method> maker_of(const JournalEntry& entry) { return entry.via ? entry.via : entry.only; }
}  // namespace

Gateway& Removal::gateway_for(Instant now, const JournalEntry& entry, const Route& route) {
  // A gateway that speaks both would be spoken to in PCP, and refuse: it knows no nonce of what NAT-PMP made.
  const auto only = maker_of(entry) == Method::nat_pmp ? maker_of(entry) : std::nullopt;
  for (const auto& gateway : gateways_) {
    const auto& known = gateway->config();
    if (known.address == entry.gateway && known.mapped_host == entry.mapped_host && known.route == route &&
        known.only == only)
      return *gateway;
  }
  const auto index = static_cast<std::uint32_t>(gateways_.size());
  gateways_.push_back(std::make_unique<Gateway>(Gateway::Config{.route = route,
                                                                .address = entry.gateway,
                                                                .mapped_host = entry.mapped_host,
                                                                .first_socket = SocketId{16 + Gateway::sockets * index},
                                                                .first_errand = ErrandId{index << 16U},
                                                                .only = only,
                                                                .timing = config_.timing},
                                                *rng_));
  gateways_.back()->start(now);
  return *gateways_.back();
}

void Removal::start(Instant now) {
  deadline_ = now + config_.patience;
  for (auto& result : results_) {
    auto& entry = result.entry;
    const auto* route = route_to(entry);
    if (!route) {
      result.end = Result::End::unreachable;
      continue;
    }
    entry.stage = JournalEntry::Stage::releasing;
    entry.run = config_.run;
    // Should this fail, the entry stands as it was, which is no less true.
    static_cast<void>(journal_->note(entry));
    auto& gateway = gateway_for(now, entry, *route);
    if (!entry.location.empty()) gateway.try_location(now, entry.location);
    gateway.remove(now, {.id = entry.id,
                         .protocol = entry.protocol,
                         .internal_port = entry.internal_port,
                         .external = entry.via ? entry.external : Endpoint{},
                         .nonce = entry.nonce,
                         .description = entry.description,
                         .only = entry.control_url.empty() ? maker_of(entry) : std::nullopt,
                         .pinhole = entry.pinhole});
  }
  hear();
}

void Removal::hear() {
  for (const auto& gateway : gateways_) {
    while (auto event = gateway->poll_event()) {
      const auto note = [&](MappingId id, Result::End end, std::vector<Refusal> refusals) {
        const auto found = std::ranges::find_if(
            results_, [&](const Result& one) { return one.entry.id == id && one.end == Result::End::pending; });
        if (found == results_.end()) return;
        found->end = end;
        found->refusals = std::move(refusals);
        if (end == Result::End::gone) static_cast<void>(journal_->erase(id));
      };
      if (const auto* gone = std::get_if<Gateway::Gone>(&*event)) {
        note(gone->id, Result::End::gone, {});
      } else if (const auto* refused = std::get_if<Gateway::Refused>(&*event)) {
        const bool is_silent = std::ranges::all_of(
            refused->refusals, [](const Refusal& refusal) { return refusal.cause == Cause::silent; });
        note(refused->id, is_silent ? Result::End::unreachable : Result::End::refused, refused->refusals);
      }
    }
  }
}

void Removal::handle_datagram(Instant now, const Datagram& in) {
  static_cast<void>(std::ranges::any_of(gateways_, [&](auto& one) { return one->handle_datagram(now, in); }));
  hear();
}

void Removal::handle_errand_reply(Instant now, const ErrandReply& reply) {
  static_cast<void>(std::ranges::any_of(gateways_, [&](auto& one) { return one->handle_errand_reply(now, reply); }));
  hear();
}

void Removal::handle_timeout(Instant now) {
  for (auto& gateway : gateways_) gateway->handle_timeout(now);
  hear();
  if (deadline_ > now) return;
  for (auto& result : results_)
    if (result.end == Result::End::pending) result.end = Result::End::unreachable;
}

std::optional<SocketChange> Removal::poll_socket() {
  for (auto& gateway : gateways_)
    if (auto out = gateway->poll_socket()) return out;
  return std::nullopt;
}

std::optional<Datagram> Removal::poll_transmit() {
  for (auto& gateway : gateways_)
    if (auto out = gateway->poll_transmit()) return out;
  return std::nullopt;
}

std::optional<Errand> Removal::poll_errand() {
  for (auto& gateway : gateways_)
    if (auto out = gateway->poll_errand()) return out;
  return std::nullopt;
}

std::optional<Instant> Removal::poll_timeout() const {
  const bool is_pending =
      std::ranges::any_of(results_, [](const Result& one) { return one.end == Result::End::pending; });
  if (!is_pending) return std::nullopt;
  auto due = deadline_;
  for (const auto& gateway : gateways_)
    if (const auto at = gateway->poll_timeout()) due = std::min(due, *at);
  return due;
}
}  // namespace natkit::portmap
