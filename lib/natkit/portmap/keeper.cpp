#include "natkit/portmap/keeper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace natkit::portmap {
namespace {
using std::chrono::seconds;
using namespace std::chrono_literals;

constexpr SocketId hop_socket{1};
constexpr SocketId control_news_socket{2};
constexpr SocketId ssdp_news_socket{3};
constexpr std::uint32_t first_gateway_socket = 16;
constexpr Duration least_renewal_gap = 4s;  // RFC 6887 §11.2.1
constexpr std::size_t most_at_once = 32;    // renewals after a gateway lost its state; more are spread
constexpr Duration spread = 3s;
constexpr Duration call_check = 100ms;
/// What home routers give their network; the prefix that this host knows says nothing of the network further out.
constexpr unsigned home_prefix = 24;

bool is_hidden(const IpAddress& address) { return address.is_private() || address.is_shared(); }

/// Whether a gateway that is there left one of our requests unanswered.
bool may_have_mapped(const Gateway& gateway, const std::vector<Refusal>& refusals) {
  const auto& found = gateway.search().found();
  const bool has_device = std::ranges::any_of(found, [](const auto& one) { return one.device.has_value(); });
  return std::ranges::any_of(refusals, [&](const Refusal& refusal) {
    // Without a service for it there was nobody to ask.
    if (refusal.method == Method::upnp) return has_device && !refusal.code && refusal.cause != Cause::switched_off;
    return refusal.cause == Cause::silent && gateway.speaks().has_value();
  });
}

Cause cause_of_hidden(const IpAddress& address) { return address.is_shared() ? Cause::carrier_nat : Cause::double_nat; }
}  // namespace

Keeper::Keeper(Config config, Journal& journal, Rng& rng) : config_(std::move(config)), journal_(&journal), rng_(&rng) {
  for (const auto& wish : config_.wishes) leases_.push_back({.wish = wish});
}

Keeper::~Keeper() = default;

void Keeper::start(Instant now) {
  if (config_.goal == Goal::hold && !config_.routes.empty()) {
    const auto& route = config_.routes.front();
    announcements_.emplace(Announcements::Config{.control_socket = control_news_socket,
                                                 .ssdp_socket = ssdp_news_socket,
                                                 .local = route.local,
                                                 .interface = route.interface});
  }
  for (std::size_t wish = 0; wish < leases_.size(); ++wish) begin(now, wish);
  hear(now);
}

void Keeper::begin(Instant now, std::size_t wish) {
  auto& lease = leases_[wish];
  lease.phase = Lease::Phase::building;
  if (!lease.layers.empty()) lease.earlier.clear();
  for (auto& layer : lease.layers) lease.earlier.push_back(std::move(layer.entry));
  lease.layers.clear();
  lease.failure = {};
  lease.retry_at.reset();
  const auto& local = lease.wish.internal.address;
  const auto route = std::ranges::find(config_.routes, local, &Route::local);
  if (route == config_.routes.end()) {
    Failed failure;
    failure.refusals.push_back(
        {.cause = Cause::no_gateway, .detail = fmt::format("no default route leaves from {}", to_text(local))});
    return fail(now, wish, std::move(failure));
  }
  lease.route = *route;
  add_layer(now, wish, route->router, lease.wish.internal);
}

std::size_t Keeper::gateway_for(Instant now, const Route& route, const IpAddress& address, const IpAddress& host,
                                std::optional<Method> only) {
  for (std::size_t i = 0; i < gateways_.size(); ++i) {
    const auto& known = gateways_[i]->config();
    if (known.route == route && known.address == address && known.mapped_host == host && known.only == only) return i;
  }
  const auto index = static_cast<std::uint32_t>(gateways_.size());
  gateways_.push_back(std::make_unique<Gateway>(
      Gateway::Config{.route = route,
                      .address = address,
                      .mapped_host = host,
                      .first_socket = SocketId{first_gateway_socket + Gateway::sockets * index},
                      .first_errand = ErrandId{index << 16U},
                      .only = only,
                      .timing = config_.timing.gateway},
      *rng_));
  gateways_.back()->start(now);
  return index;
}

JournalEntry Keeper::entry_for(const Lease& lease, const IpAddress& gateway, const Endpoint& host) const {
  const auto known = std::ranges::find_if(config_.known, [&](const JournalEntry& entry) {
    return entry.gateway == gateway && entry.protocol == lease.wish.protocol && entry.mapped_host == host.address &&
           entry.internal_port == host.port && entry.stage != JournalEntry::Stage::releasing &&
           // What another method made stays its own entry: it is taken back by that method.
           (!lease.wish.only || !entry.via || entry.via == lease.wish.only);
  });
  const auto earlier = std::ranges::find_if(lease.earlier, [&](const JournalEntry& one) {
    return one.gateway == gateway && one.mapped_host == host.address && one.internal_port == host.port;
  });
  JournalEntry entry;
  if (earlier != lease.earlier.end()) {
    entry.id = earlier->id;
    entry.nonce = earlier->nonce;
    entry.location = earlier->location;
    if (lease.wish.choice == PortChoice::preferred) entry.external = earlier->external;
  } else if (known != config_.known.end()) {
    entry = *known;
  } else {
    entry.id = MappingId{rng_->next()};
    rng_->fill(entry.nonce);
  }
  entry.run = config_.run;
  entry.stage = JournalEntry::Stage::asking;
  entry.route = lease.route;
  entry.gateway = gateway;
  entry.mapped_host = host.address;
  entry.protocol = lease.wish.protocol;
  entry.internal_port = host.port;
  entry.only = lease.wish.only;
  if (lease.wish.external_port != 0) entry.external = {IpAddress::any(host.address.family()), lease.wish.external_port};
  entry.description = lease.wish.description;
  entry.lifetime = lease.wish.lifetime;
  if (!lease.layers.empty()) entry.inner = lease.layers.back().entry.id;
  return entry;
}

void Keeper::add_layer(Instant now, std::size_t wish, const IpAddress& gateway, const Endpoint& host) {
  auto& lease = leases_[wish];
  Layer layer{.entry = entry_for(lease, gateway, host)};
  layer.gateway = gateway_for(now, lease.route, gateway, host.address, lease.wish.only);
  lease.layers.push_back(std::move(layer));
  write_down(now, wish, lease.layers.back());
}

Gateway::Ask Keeper::ask_for(const Lease& lease, const Layer& layer) {
  const auto& entry = layer.entry;
  return {.id = entry.id,
          .protocol = entry.protocol,
          .internal_port = entry.internal_port,
          .external = entry.external,
          .lifetime = lease.wish.lifetime,
          .nonce = entry.nonce,
          .description = entry.description,
          .only = entry.via,
          .choice = lease.wish.choice,
          .pinhole = entry.pinhole};
}

void Keeper::write_down(Instant now, std::size_t wish, Layer& layer) {
  if (const auto written = journal_->put(layer.entry); !written) {
    Failed failure;
    failure.error = written.error();
    layer.state = Layer::State::gone;
    return fail(now, wish, std::move(failure));
  }
  layer.state = Layer::State::written;
  layer.ask_at = now;
}

void Keeper::ask_gateways(Instant now) {
  for (auto& lease : leases_)
    for (auto& layer : lease.layers) {
      if (layer.state != Layer::State::written || layer.ask_at > now) continue;
      layer.state = Layer::State::asking;
      auto& gateway = *gateways_[layer.gateway];
      if (!layer.entry.location.empty()) gateway.try_location(now, layer.entry.location);
      gateway.add(now, ask_for(lease, layer));
    }
}

void Keeper::hear(Instant now) {
  if (announcements_)
    while (const auto hint = announcements_->poll_hint()) hear_hint(now, *hint);
  for (std::size_t i = 0; i < gateways_.size(); ++i) {
    while (auto event = gateways_[i]->poll_event()) {
      if (std::holds_alternative<Gateway::StateLost>(*event)) {
        renew(now, i);
        continue;
      }
      const auto id = std::visit(
          [](const auto& one) {
            if constexpr (requires { one.id; }) return one.id;
            return MappingId{};
          },
          *event);
      for (std::size_t wish = 0; wish < leases_.size(); ++wish) {
        auto& layers = leases_[wish].layers;
        const auto layer =
            std::ranges::find_if(layers, [&](const Layer& one) { return one.gateway == i && one.entry.id == id; });
        if (layer == layers.end()) continue;
        if (const auto* granted = std::get_if<Gateway::Granted>(&*event))
          hear_granted(now, wish, *layer, *granted);
        else if (const auto* refused = std::get_if<Gateway::Refused>(&*event))
          hear_refused(now, wish, *layer, *refused);
        else
          hear_gone(now, wish, *layer);
        break;
      }
    }
  }
}

void Keeper::hear_granted(Instant now, std::size_t wish, Layer& layer, const Gateway::Granted& granted) {
  auto& lease = leases_[wish];
  if (layer.state == Layer::State::releasing || layer.state == Layer::State::gone) return;
  auto& entry = layer.entry;
  const auto before = layer.grant;
  const bool was_held = layer.state == Layer::State::held && before;
  auto external = granted.external;
  if (external.address.is_unspecified())
    external.address = gateways_[layer.gateway]->external().value_or(IpAddress::any(entry.mapped_host.family()));
  entry.via = granted.via;
  entry.external = external;
  entry.lifetime = granted.lifetime;
  entry.stage = JournalEntry::Stage::held;
  entry.pinhole = granted.pinhole;
  if (granted.service) {
    entry.control_url = granted.service->control_url;
    entry.service_type = granted.service->type;
    entry.location = granted.location;
  }
  layer.state = Layer::State::held;
  layer.retry = config_.timing.first_retry;
  layer.grant = Grant{.via = granted.via,
                      .protocol = entry.protocol,
                      .internal = {entry.mapped_host, entry.internal_port},
                      .external = external,
                      .lifetime = granted.lifetime,
                      .gateway = entry.gateway};
  schedule(now, layer);
  // It stands now whatever the disk says: what could be written before is enough for `gc` to find it.
  static_cast<void>(journal_->note(entry));
  if (lease.phase == Lease::Phase::building) return go_on_outwards(now, wish);
  if (!was_held || lease.phase != Lease::Phase::held) return;
  if (before->external == external) {
    lease.outcome.held->layers[static_cast<std::size_t>(&layer - lease.layers.data())] = *layer.grant;
    events_.emplace_back(Renewed{wish});
  } else if (&layer != &lease.layers.back()) {
    lose(now, wish, fmt::format("{} is {} now", to_text(before->external), to_text(external)));
  } else {
    lease.outcome.held->layers.back() = *layer.grant;
    events_.emplace_back(Moved{wish, before->external});
  }
}

void Keeper::go_on_outwards(Instant now, std::size_t wish) {
  auto& lease = leases_[wish];
  const auto& external = lease.layers.back().grant->external;
  // Also where the address looks public: a router may be told to claim one.
  const bool wants_more =
      config_.layers == Layers::all && external.address.is_v4() && lease.layers.size() < config_.most_layers;
  if (!wants_more) return complete(now, wish);
  lease.phase = Lease::Phase::finding_hop;
  if (!hops_) {
    hops_.emplace(HopSearch::Config{.socket = hop_socket,
                                    .local = lease.route.local,
                                    .beyond = config_.beyond,
                                    .most_hops = config_.most_layers + 1});
    hops_->start(now);
  }
  if (!hops_->is_over()) return;
  if (external.address.shares_prefix(lease.route.local, home_prefix)) {
    Failed failure;
    failure.refusals.push_back(
        {.method = *lease.layers.back().entry.via,
         .cause = Cause::double_nat,
         .detail =
             fmt::format("has the same network on both sides ({} outside, {} inside), so what is behind it cannot "
                         "be addressed from here",
                         to_text(external.address), to_text(lease.route.local))});
    return fail(now, wish, std::move(failure));
  }
  const auto next = hops_->hop(lease.layers.size() + 1);
  if (next && is_hidden(*next)) {
    const auto host = external;  // the reference dies with the push_back
    lease.phase = Lease::Phase::building;
    return add_layer(now, wish, *next, host);
  }
  if (!is_hidden(external.address)) return complete(now, wish);
  Failed failure{.gateways = {lease.layers.back().entry.gateway}};
  failure.refusals.push_back(
      {.method = *lease.layers.back().entry.via,
       .cause = cause_of_hidden(external.address),
       .detail = next ? fmt::format("gives {}, and the next router ({}) is no home router", to_text(external.address),
                                    to_text(*next))
                      : fmt::format("gives {}, and the next router does not show itself", to_text(external.address))});
  fail(now, wish, std::move(failure));
}

void Keeper::complete(Instant now, std::size_t wish) {
  auto& lease = leases_[wish];
  lease.phase = config_.goal == Goal::once ? Lease::Phase::over : Lease::Phase::held;
  lease.retry_step = config_.timing.first_retry;
  const auto before = lease.outcome.held;
  Held held;
  for (const auto& layer : lease.layers) {
    held.ids.push_back(layer.entry.id);
    held.layers.push_back(*layer.grant);
  }
  lease.outcome = {.held = std::move(held), .failed = std::nullopt};
  const auto& now_external = lease.outcome.held->layers.back().external;
  if (!before)
    events_.emplace_back(Granted{wish});
  else if (before->layers.back().external == now_external)
    events_.emplace_back(Renewed{wish});
  else
    events_.emplace_back(Moved{wish, before->layers.back().external});
  static_cast<void>(now);
}

/// RFC 6887 §11.2.1: a random point between 1/2 and 5/8; RFC 6886 §3.3: half. UPnP has no rule: half as well.
void Keeper::schedule(Instant now, Layer& layer) {
  const auto lifetime = std::chrono::duration_cast<Duration>(layer.grant->lifetime);
  if (lifetime == Duration{0}) {
    layer.expires_at = Instant::max();
    layer.renew_at = now + config_.timing.permanent_check;
    return;
  }
  layer.expires_at = now + lifetime;
  const auto jitter = std::chrono::duration_cast<Duration>(lifetime * (rng_->unit() / 8));
  layer.renew_at = now + lifetime / 2 + (layer.grant->via == Method::pcp ? jitter : Duration{0});
}

void Keeper::hear_refused(Instant now, std::size_t wish, Layer& layer, const Gateway::Refused& refused) {
  auto& lease = leases_[wish];
  if (layer.state == Layer::State::releasing) {
    layer.state = Layer::State::gone;  // as far as we can bring it; the journal keeps it for `gc`
    ++lease.left_behind;
    return check_taken_back(now, wish);
  }
  if (layer.state == Layer::State::held) {
    if (now >= layer.expires_at) return lose(now, wish, "its time is over and nobody renewed it");
    layer.renew_at = now + layer.retry;
    layer.retry = std::min(layer.retry * 2, std::max(least_renewal_gap, (layer.expires_at - now) / 2));
    return;
  }
  // What a gateway left unanswered it may have done all the same: then the layer is taken back with the others.
  const bool is_open = may_have_mapped(*gateways_[layer.gateway], refused.refusals);
  if (!is_open) {
    layer.state = Layer::State::gone;
    if (!gateways_[layer.gateway]->speaks()) gateways_[layer.gateway]->remove_unheard(now, ask_for(lease, layer));
    static_cast<void>(journal_->erase(layer.entry.id));
  }
  Failed failure{.refusals = refused.refusals, .external = refused.external};
  if (layer.entry.gateway.is_shared())
    failure.refusals.push_back({.method = failure.refusals.empty() ? Method::pcp : failure.refusals.front().method,
                                .cause = Cause::carrier_nat,
                                .detail = "is the provider's, and maps nothing for its customers"});
  failure.gateways.push_back(layer.entry.gateway);
  if (!failure.external) failure.external = gateways_[layer.gateway]->external();
  fail(now, wish, std::move(failure));
}

void Keeper::hear_gone(Instant now, std::size_t wish, Layer& layer) {
  layer.state = Layer::State::gone;
  static_cast<void>(journal_->erase(layer.entry.id));
  check_taken_back(now, wish);
}

/// Asking for the mapping again, with the same port wished, is both the check and the cure.
void Keeper::hear_hint(Instant now, const IpAddress& gateway) {
  for (std::size_t i = 0; i < gateways_.size(); ++i)
    if (gateways_[i]->config().address == gateway) renew(now, i);
}

void Keeper::renew(Instant now, std::size_t gateway) {
  std::size_t count = 0;
  for (auto& lease : leases_)
    for (auto& layer : lease.layers) {
      if (layer.gateway != gateway || layer.state != Layer::State::held) continue;
      const bool is_late = ++count > most_at_once;
      layer.renew_at = is_late ? now + Duration{static_cast<Duration::rep>(rng_->below(spread.count()))} : now;
      layer.retry = config_.timing.first_retry;
    }
}

void Keeper::lose(Instant now, std::size_t wish, const std::string& why) {
  events_.emplace_back(Lost{wish, why});
  leases_[wish].failure = {};
  take_back(now, wish, Lease::Phase::retreating);
}

void Keeper::fail(Instant now, std::size_t wish, Failed failure) {
  leases_[wish].failure = std::move(failure);
  take_back(now, wish, Lease::Phase::retreating);
}

void Keeper::take_back(Instant now, std::size_t wish, Lease::Phase phase) {
  auto& lease = leases_[wish];
  lease.phase = phase;
  for (auto& layer : lease.layers) {
    layer.renew_at.reset();
    if (layer.state == Layer::State::gone || layer.state == Layer::State::releasing) continue;
    const bool was_held = layer.state == Layer::State::held;
    layer.state = Layer::State::releasing;
    layer.entry.stage = JournalEntry::Stage::releasing;
    static_cast<void>(journal_->note(layer.entry));
    auto ask = ask_for(lease, layer);
    if (!was_held) ask.only = lease.wish.only;  // whoever may have been asked
    auto& gateway = *gateways_[layer.gateway];
    gateway.forget(layer.entry.id);
    gateway.remove(now, ask);
  }
  check_taken_back(now, wish);
}

void Keeper::check_taken_back(Instant now, std::size_t wish) {
  auto& lease = leases_[wish];
  const bool is_back =
      std::ranges::all_of(lease.layers, [](const Layer& layer) { return layer.state == Layer::State::gone; });
  if (!is_back) return;
  if (lease.phase == Lease::Phase::releasing) {
    lease.phase = Lease::Phase::over;
    events_.emplace_back(Released{.wish = wish, .is_clean = lease.left_behind == 0});
    return;
  }
  if (lease.phase != Lease::Phase::retreating) return;
  if (!lease.failure.refusals.empty() || lease.failure.error) {
    lease.outcome.failed = lease.failure;
    events_.emplace_back(Refused{wish});
  }
  if (config_.goal == Goal::once || release_by_) {
    lease.phase = Lease::Phase::over;
    return;
  }
  lease.phase = Lease::Phase::waiting;
  lease.retry_step = std::clamp(lease.retry_step, config_.timing.first_retry, config_.timing.longest_retry);
  lease.retry_at = lease.failure.refusals.empty() ? now : now + lease.retry_step;
  lease.retry_step *= 2;
}

void Keeper::release(Instant now) {
  if (release_by_) return;
  release_by_ = now + config_.timing.release;
  for (std::size_t wish = 0; wish < leases_.size(); ++wish) {
    auto& phase = leases_[wish].phase;
    if (phase == Lease::Phase::over && leases_[wish].layers.empty()) continue;
    take_back(now, wish, Lease::Phase::releasing);
  }
  hear(now);
}

Result<void> Keeper::keep() {
  for (auto& lease : leases_)
    for (auto& layer : lease.layers) {
      if (layer.state != Layer::State::held) continue;
      layer.entry.stage = JournalEntry::Stage::kept;
      if (auto written = journal_->note(layer.entry); !written) return written;
    }
  return {};
}

void Keeper::handle_routes(Instant now, std::vector<Route> routes) {
  if (routes == config_.routes) return;
  const auto before = std::exchange(config_.routes, std::move(routes));
  for (std::size_t wish = 0; wish < leases_.size(); ++wish) {
    auto& lease = leases_[wish];
    if (lease.phase == Lease::Phase::releasing || lease.phase == Lease::Phase::over) continue;
    const auto& all = config_.routes;
    if (std::ranges::find(all, lease.route) != all.end()) continue;
    // Another address of the same family, if there is one, takes over.
    const auto next = std::ranges::find_if(
        all, [&](const Route& route) { return route.local.family() == lease.wish.internal.address.family(); });
    if (next == all.end()) continue;
    lease.wish.internal.address = next->local;
    if (lease.phase == Lease::Phase::waiting)
      lease.retry_at = now;
    else
      lose(now, wish, fmt::format("this host left {}", to_text(lease.route.local)));
  }
  hear(now);
}

void Keeper::handle_datagram(Instant now, const Datagram& in) {
  const bool is_news = announcements_ && announcements_->handle_datagram(now, in);
  if (!is_news)
    static_cast<void>(std::ranges::any_of(gateways_, [&](auto& one) { return one->handle_datagram(now, in); }));
  hear(now);
}

void Keeper::handle_errand_reply(Instant now, const ErrandReply& reply) {
  static_cast<void>(std::ranges::any_of(gateways_, [&](auto& one) { return one->handle_errand_reply(now, reply); }));
  hear(now);
}

void Keeper::handle_path_error(Instant now, const PathError& error) {
  if (!hops_) return;
  hops_->handle_path_error(error);
  for (std::size_t wish = 0; wish < leases_.size() && hops_->is_over(); ++wish)
    if (leases_[wish].phase == Lease::Phase::finding_hop) go_on_outwards(now, wish);
  hear(now);
}

void Keeper::handle_timeout(Instant now) {
  if (hops_) {
    hops_->handle_timeout(now);
    for (std::size_t wish = 0; wish < leases_.size() && hops_->is_over(); ++wish)
      if (leases_[wish].phase == Lease::Phase::finding_hop) go_on_outwards(now, wish);
  }
  for (auto& gateway : gateways_) gateway->handle_timeout(now);
  ask_gateways(now);
  hear(now);
  for (std::size_t wish = 0; wish < leases_.size(); ++wish) {
    auto& lease = leases_[wish];
    if (lease.retry_at && *lease.retry_at <= now) begin(now, wish);
    for (auto& layer : lease.layers) {
      if (layer.state != Layer::State::held || !layer.renew_at || *layer.renew_at > now) continue;
      if (now > *layer.renew_at + config_.timing.sleep) renew(now, layer.gateway);  // the machine slept
      auto& gateway = *gateways_[layer.gateway];
      // Each AddPinhole makes another one: two at a time would leave one that nobody knows the number of.
      if (layer.entry.mapped_host.is_v6() && gateway.is_calling(layer.entry.id)) {
        layer.renew_at = now + call_check;
        continue;
      }
      layer.renew_at.reset();
      gateway.add(now, ask_for(lease, layer));
    }
  }
  hear(now);
  if (!release_by_ || *release_by_ > now) return;
  for (std::size_t wish = 0; wish < leases_.size(); ++wish) {
    auto& lease = leases_[wish];
    if (lease.phase == Lease::Phase::over) continue;
    lease.phase = Lease::Phase::over;
    events_.emplace_back(Released{.wish = wish, .is_clean = false});
  }
}

std::optional<SocketChange> Keeper::poll_socket() {
  if (announcements_)
    if (auto out = announcements_->poll_socket()) return out;
  if (hops_)
    if (auto out = hops_->poll_socket()) return out;
  for (auto& gateway : gateways_)
    if (auto out = gateway->poll_socket()) return out;
  return std::nullopt;
}

std::optional<Datagram> Keeper::poll_transmit() {
  if (hops_)
    if (auto out = hops_->poll_transmit()) return out;
  for (auto& gateway : gateways_)
    if (auto out = gateway->poll_transmit()) return out;
  return std::nullopt;
}

std::optional<Errand> Keeper::poll_errand() {
  for (auto& gateway : gateways_)
    if (auto out = gateway->poll_errand()) return out;
  return std::nullopt;
}

std::optional<Instant> Keeper::poll_timeout() const {
  if (std::ranges::all_of(leases_, [](const Lease& lease) { return lease.phase == Lease::Phase::over; }))
    return std::nullopt;
  auto due = release_by_;
  const auto note = [&](std::optional<Instant> at) {
    if (at) due = due ? std::min(*due, *at) : *at;
  };
  if (hops_) note(hops_->poll_timeout());
  for (const auto& gateway : gateways_) note(gateway->poll_timeout());
  for (const auto& lease : leases_) {
    note(lease.retry_at);
    for (const auto& layer : lease.layers) {
      if (layer.state == Layer::State::held) note(layer.renew_at);
      if (layer.state == Layer::State::written) note(layer.ask_at);
    }
  }
  return due;
}

std::optional<Keeper::Event> Keeper::poll_event() {
  if (events_.empty()) return std::nullopt;
  auto event = std::move(events_.front());
  events_.pop_front();
  return event;
}
}  // namespace natkit::portmap
