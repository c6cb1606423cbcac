#include "natkit/portmap/gateway.hpp"

#include <algorithm>
#include <utility>

namespace natkit::portmap {
namespace {
SocketId socket_after(SocketId first, std::uint32_t steps = 1) { return SocketId{std::to_underlying(first) + steps}; }

PortControl::Speak speak_of(std::optional<Method> only) {
  if (only == Method::pcp) return PortControl::Speak::pcp_only;
  return only == Method::nat_pmp ? PortControl::Speak::nat_pmp_only : PortControl::Speak::either;
}

Refusal silence_of(Method method) { return {.method = method, .cause = Cause::silent, .detail = "did not answer"}; }
}  // namespace

Gateway::Gateway(Config config, Rng& rng)
    : config_(std::move(config)),
      control_({.socket = config_.first_socket,
                .server = {config_.address, pcp::server_port},
                .client = config_.mapped_host,
                .speak = speak_of(config_.only),
                .timing = config_.timing.control}),
      search_(search_config()),
      igd_(config_.timing.igd, rng) {}

IgdSearch::Config Gateway::search_config() const {
  const bool is_nearest = config_.address == config_.route.router;
  return {.socket = socket_after(config_.first_socket),
          .standard_socket = socket_after(config_.first_socket, 2),
          .local = config_.route.local,
          .router = config_.address,
          .interface = config_.address.is_link_local() ? config_.route.interface : std::string{},
          .timing = config_.timing.search,
          .reach = is_nearest ? IgdSearch::Config::Reach::network : IgdSearch::Config::Reach::router_only};
}

void Gateway::start(Instant /*now*/) {
  // A link-local router can be reached through its own interface only.
  const auto interface = config_.address.is_link_local() ? config_.route.interface : std::string{};
  for (const auto socket : {config_.first_socket, socket_after(config_.first_socket)})
    sockets_.emplace_back(SocketWish{.socket = socket, .local = {config_.route.local, 0}, .interface = interface});
}

void Gateway::close() {
  for (std::uint32_t step = 0; step < sockets; ++step)
    sockets_.emplace_back(SocketEnd{socket_after(config_.first_socket, step)});
}

bool Gateway::may_use(const Ask& ask, Method method) const {
  if (method == Method::nat_pmp && config_.address.is_v6()) return false;  // RFC 6886 knows IPv4 only
  return (!config_.only || config_.only == method) && (!ask.only || ask.only == method);
}

void Gateway::add(Instant now, const Ask& ask) {
  auto& race = races_.insert_or_assign(ask.id, Race{.ask = ask}).first->second;
  race.control_is_out = may_use(ask, Method::pcp) || may_use(ask, Method::nat_pmp);
  race.igd_is_out = may_use(ask, Method::upnp);
  race.igd_not_before = now + config_.timing.head_start;
  if (race.control_is_out) ask_control(now, race);
  if (race.igd_is_out && race.control_is_out && !has_searched_) search_at_ = now + config_.timing.search_delay;
  if (race.igd_is_out && !search_at_) begin_search(now);
  advance(now);
}

void Gateway::remove(Instant now, const Ask& ask) {
  auto& race = races_.insert_or_assign(ask.id, Race{.ask = ask, .goal = Race::Goal::remove}).first->second;
  race.ask.lifetime = std::chrono::seconds{0};
  race.control_is_out = may_use(ask, Method::pcp) || may_use(ask, Method::nat_pmp);
  race.igd_is_out = may_use(ask, Method::upnp);
  // UPnP may have won because the answer of another was lost on the way, whose mapping would stay.
  race.is_stray_hunt = ask.only == Method::upnp && !config_.only;
  if (race.is_stray_hunt) race.control_is_out = true;
  if (race.control_is_out)
    ask_control(now, race);
  else
    control_.forget(ask.id);
  if (race.igd_is_out) begin_search(now);
  advance(now);
}

/// In which language PCP's and NAT-PMP's side of it is asked; nullopt: in the one that the gateway speaks.
std::optional<Method> Gateway::method_of(const Race& race) {
  if (race.is_by_nat_pmp) return Method::nat_pmp;
  // Of strays beside UPnP nobody knows which of the two made them.
  return race.ask.only == Method::upnp ? std::nullopt : race.ask.only;
}

void Gateway::ask_control(Instant now, const Race& race) {
  control_.ask(now, {.id = race.ask.id,
                     .protocol = race.ask.protocol,
                     .internal_port = race.ask.internal_port,
                     .external = race.ask.external,
                     .lifetime = race.goal == Race::Goal::remove ? std::chrono::seconds{0} : race.ask.lifetime,
                     .nonce = race.ask.nonce,
                     .only = method_of(race)});
}

void Gateway::remove_unheard(Instant now, const Ask& ask) {
  for (const auto method : {Method::pcp, Method::nat_pmp}) {
    if (!may_use(ask, method)) continue;
    control_.ask(now, {.id = ask.id,
                       .protocol = ask.protocol,
                       .internal_port = ask.internal_port,
                       .external = ask.external,
                       .lifetime = std::chrono::seconds{0},
                       .nonce = ask.nonce,
                       .only = method});
  }
  control_.forget(ask.id);
}

void Gateway::forget(MappingId id) {
  races_.erase(id);
  control_.forget(id);
  igd_.forget(id);
  current_.erase(id);
}

void Gateway::discover(Instant now) {
  state_.reset();
  if (config_.only != Method::upnp) control_.ask_state(now);
  if (!config_.only || config_.only == Method::upnp) begin_search(now);
  advance(now);
}

void Gateway::try_location(Instant now, const std::string& location) {
  search_.try_location(now, location);
  queue_errands(now);
}

/// A search that found nothing is worth another one after a while: the router may have come back.
void Gateway::begin_search(Instant now) {
  const bool is_stale = has_searched_ && search_.is_over(now) && !search_.best(now) &&
                        now - searched_at_ > config_.timing.search.patience;
  if (has_searched_ && !is_stale) return;
  has_searched_ = true;
  searched_at_ = now;
  search_.start(now);
}

bool Gateway::handle_datagram(Instant now, const Datagram& in) {
  const bool is_ours = control_.handle_datagram(now, in) || search_.handle_datagram(now, in);
  if (is_ours) advance(now);
  return is_ours;
}

bool Gateway::handle_errand_reply(Instant now, const ErrandReply& reply) {
  const auto found = out_.find(reply.id);
  if (found == out_.end()) return false;
  const auto call = std::move(found->second);
  out_.erase(found);
  igd::Reply answer = std::unexpected(igd::Fault{igd::Fault::Kind::crashed, 0, reply.failure});
  if (reply.failure == "out of time") answer.error().kind = igd::Fault::Kind::out_of_time;
  if (!reply.answer.empty()) {
    if (auto parsed = igd::parse_reply(reply.answer)) answer = std::move(*parsed);
  }
  if (!call.mapping) {
    search_.handle_described(now, call.location, answer);
  } else if (const auto current = current_.find(*call.mapping);
             current != current_.end() && current->second == reply.id) {
    current_.erase(current);
    const auto race = races_.find(*call.mapping);
    if (race != races_.end() && !answer && answer.error().kind == igd::Fault::Kind::unreachable)
      race->second.is_device_lost = true;
    igd_.handle_reply(*call.mapping, answer);
  }
  advance(now);
  return true;
}

void Gateway::handle_timeout(Instant now) {
  control_.handle_timeout(now);
  if (search_at_ && *search_at_ <= now) {
    search_at_.reset();
    begin_search(now);
  }
  search_.handle_timeout(now);
  // A runner that never came back is as good as one that failed.
  std::vector<ErrandId> late;
  for (const auto& [id, call] : out_)
    if (call.deadline <= now) late.push_back(id);
  for (const auto id : late) handle_errand_reply(now, {.id = id, .failure = "out of time"});
  advance(now);
}

/// NOT_AUTHORIZED is said of a mapping with another nonce (RFC 6887 §15), and what NAT-PMP made has none.
void Gateway::hear_control_refusal(Instant now, Race& race, const PortControl::Refused& refused) {
  race.refusals.push_back(refused.refusal);
  if (refused.external) race.external = refused.external;
  const bool is_denied = refused.refusal.method == Method::pcp &&
                         refused.refusal.code == std::to_underlying(pcp::ResultCode::not_authorized);
  const bool may_be_older = method_of(race) == std::nullopt && may_use({}, Method::nat_pmp);
  if (race.goal != Race::Goal::remove || !is_denied || !may_be_older) return;
  race.is_by_nat_pmp = true;
  race.control_is_out = true;
  ask_control(now, race);
}

void Gateway::hear_control(Instant now) {
  while (auto event = control_.poll_event()) {
    if (const auto* state = std::get_if<PortControl::State>(&*event)) {
      state_ = *state;
      continue;
    }
    if (std::holds_alternative<PortControl::StateLost>(*event)) {
      events_.emplace_back(StateLost{});
      continue;
    }
    if (const auto* granted = std::get_if<PortControl::Granted>(&*event)) {
      hear_grant(*granted);
      continue;
    }
    const auto find = [&](MappingId id) -> Race* {
      const auto race = races_.find(id);
      if (race == races_.end()) return nullptr;
      race->second.control_is_out = false;
      return &race->second;
    };
    if (const auto* gone = std::get_if<PortControl::Gone>(&*event)) {
      if (auto* race = find(gone->id)) race->is_gone = true;
    } else if (const auto* refused = std::get_if<PortControl::Refused>(&*event)) {
      if (auto* race = find(refused->id)) hear_control_refusal(now, *race, *refused);
    } else if (const auto* silent = std::get_if<PortControl::Silent>(&*event)) {
      // Where only the older protocol is silent, it is not spoken.
      if (auto* race = find(silent->id); race && !race->is_by_nat_pmp)
        for (const auto method : {Method::pcp, Method::nat_pmp})
          if (may_use(race->ask, method)) race->refusals.push_back(silence_of(method));
    }
  }
}

void Gateway::hear_grant(const PortControl::Granted& granted) {
  const auto found = races_.find(granted.id);
  if (found == races_.end()) return;
  auto& race = found->second;
  Granted ours{.id = granted.id, .via = granted.via, .external = granted.external, .lifetime = granted.lifetime};
  race.control_is_out = false;
  if (race.igd_is_out && race.igd_has_begun) {  // UPnP may make one as well: wait for what becomes of it
    race.late = std::move(ours);
    return;
  }
  races_.erase(found);
  events_.emplace_back(std::move(ours));
}

void Gateway::hear_igd(Instant now) {
  while (auto event = igd_.poll_event()) {
    const auto found = races_.find(std::visit([](const auto& one) { return one.id; }, *event));
    if (found == races_.end()) continue;
    auto& race = found->second;
    race.igd_is_out = false;
    if (const auto* granted = std::get_if<IgdControl::Granted>(&*event)) {
      hear_igd_grant(race, *granted);
    } else if (race.late) {  // refused, or taken back again
      events_.emplace_back(std::move(*race.late));
      races_.erase(found);
    } else if (const auto* refused = std::get_if<IgdControl::Refused>(&*event)) {
      if (race.is_device_lost && !race.has_searched_again)
        search_again(now, race);
      else
        race.refusals.push_back(refused->refusal);
    } else {
      race.is_gone = true;
    }
  }
}

/// Some describe themselves at another port after every start.
void Gateway::search_again(Instant now, Race& race) {
  race.has_searched_again = true;
  race.igd_is_out = true;
  race.igd_has_begun = false;
  if (now - searched_at_ < config_.timing.search.repeat) return;  // another race has just done so
  search_ = IgdSearch{search_config()};
  location_.clear();
  has_searched_ = false;
  begin_search(now);
}

void Gateway::hear_igd_grant(Race& race, const IgdControl::Granted& granted) {
  const auto id = granted.id;
  if (race.late && race.late->external.port != granted.external.port) {
    race.igd_is_out = true;
    igd_.remove({.id = id,
                 .protocol = race.ask.protocol,
                 .internal = {config_.mapped_host, race.ask.internal_port},
                 .external_port = granted.external.port});
    return;
  }
  Granted ours{.id = id, .via = Method::upnp, .external = granted.external, .lifetime = granted.lifetime};
  // On the same port both are, on most routers, one rule: it stays, and UPnP is remembered for its removal.
  if (race.late) ours = *race.late;
  ours.service = granted.service;
  ours.location = location_;
  ours.pinhole = granted.pinhole;
  control_.forget(id);
  races_.erase(id);
  events_.emplace_back(std::move(ours));
}

void Gateway::advance(Instant now) {
  hear_control(now);
  for (auto& [id, race] : races_)
    if (race.igd_is_out && !race.igd_has_begun) advance_igd(now, race);
  hear_igd(now);
  settle_races();
  const bool is_wanted = std::ranges::any_of(races_, [](const auto& pair) { return pair.second.igd_is_out; });
  if (!is_wanted) search_at_.reset();
  queue_errands(now);
}

void Gateway::advance_igd(Instant now, Race& race) {
  const auto best = search_.best(now);
  if (!best) {
    if (search_at_) return;
    if (!search_.is_over(now)) return;
    race.igd_is_out = false;
    const auto& found = search_.found();
    const auto faulty = std::ranges::find_if(found, [](const auto& one) { return one.fault.has_value(); });
    if (faulty != found.end()) {
      race.refusals.push_back(refusal_of(*faulty->fault));
    } else if (!search_.objections().empty()) {
      race.refusals.push_back(
          {.method = Method::upnp, .cause = Cause::malformed, .detail = search_.objections().front()});
    } else {
      race.refusals.push_back(silence_of(Method::upnp));
    }
    return;
  }
  race.igd_due.reset();
  // One beside the router is no way out while the router itself may still grant.
  const bool is_beside = search_.found()[*best].host != config_.address;
  if (race.goal == Race::Goal::add && race.control_is_out && is_beside) return;
  if (race.goal == Race::Goal::add && race.control_is_out && race.igd_not_before > now) {
    race.igd_due = race.igd_not_before;
    return;
  }
  race.igd_has_begun = true;
  const auto& device = search_.found()[*best];
  location_ = device.location;
  igd_.use(*device.device);
  const IgdControl::Ask ask{.id = race.ask.id,
                            .protocol = race.ask.protocol,
                            .internal = {config_.mapped_host, race.ask.internal_port},
                            .external_port = race.ask.external.port,
                            .lifetime = race.ask.lifetime,
                            .description = race.ask.description,
                            .choice = race.ask.choice,
                            .pinhole = race.ask.pinhole};
  race.goal == Race::Goal::add ? igd_.add(ask) : igd_.remove(ask);
}

void Gateway::settle_races() {
  for (auto place = races_.begin(); place != races_.end();) {
    auto& [id, race] = *place;
    if (race.is_stray_hunt && !race.igd_is_out && !control_.speaks()) {
      race.control_is_out = false;
      control_.forget(id);
    }
    if (race.control_is_out || race.igd_is_out || race.late) {
      ++place;
      continue;
    }
    // One that is there and did not answer may still have it, whatever another says.
    const bool is_open = control_.speaks() && std::ranges::any_of(race.refusals, [](const Refusal& refusal) {
                           return refusal.method != Method::upnp && refusal.cause == Cause::silent;
                         });
    if (race.is_gone && !is_open)
      events_.emplace_back(Gone{id});
    else
      events_.emplace_back(Refused{id, std::move(race.refusals), race.external});
    place = races_.erase(place);
  }
}

void Gateway::send_errand(Instant now, const igd::Call& call, OutCall out, Duration allowance) {
  const ErrandId id{std::to_underlying(config_.first_errand) + (errands_given_++ & 0xffffU)};
  // The runner keeps the time; this is for one that does not.
  out.deadline = now + allowance + std::chrono::milliseconds{500};
  if (out.mapping) current_[*out.mapping] = id;
  out_[id] = std::move(out);
  errands_.push_back({.id = id, .question = igd::write_call(call), .allowance = allowance});
}

void Gateway::queue_errands(Instant now) {
  while (auto describe = search_.poll_describe())
    send_errand(now, *describe, {.location = describe->location}, config_.timing.search.description);
  while (auto call = igd_.poll_call()) send_errand(now, call->call, {.mapping = call->id}, igd_.config().allowance);
}

std::optional<SocketChange> Gateway::poll_socket() {
  if (sockets_.empty()) return search_.poll_socket();
  auto out = std::move(sockets_.front());
  sockets_.pop_front();
  return out;
}

std::optional<Datagram> Gateway::poll_transmit() {
  if (auto out = control_.poll_transmit()) return out;
  return search_.poll_transmit();
}

std::optional<Errand> Gateway::poll_errand() {
  if (errands_.empty()) return std::nullopt;
  auto out = std::move(errands_.front());
  errands_.pop_front();
  return out;
}

std::optional<Gateway::Event> Gateway::poll_event() {
  if (events_.empty()) return std::nullopt;
  auto out = std::move(events_.front());
  events_.pop_front();
  return out;
}

std::optional<Instant> Gateway::poll_timeout() const {
  auto due = control_.poll_timeout();
  const auto note = [&](std::optional<Instant> at) {
    if (at) due = due ? std::min(*due, *at) : *at;
  };
  note(search_.poll_timeout());
  note(search_at_);
  for (const auto& [id, call] : out_) note(call.deadline);
  for (const auto& [id, race] : races_) note(race.igd_due);
  return due;
}

std::optional<IpAddress> Gateway::external() const {
  if (const auto told = control_.external()) return told;
  for (const auto& found : search_.found())
    if (found.device && (found.host == config_.address || found.location == location_))
      for (const auto& connection : found.device->connections)
        if (connection.external) return connection.external;
  return std::nullopt;
}
}  // namespace natkit::portmap
