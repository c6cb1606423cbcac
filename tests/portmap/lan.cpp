#include "portmap/lan.hpp"

#include <algorithm>
#include <utility>

#include "natkit/portmap/pcp.hpp"

namespace natkit::portmap {
namespace {
constexpr std::size_t most_events = 500'000;  // a machine that needs more is turning on the spot
constexpr std::uint8_t hops_to_isp = 1;       // after the last router of the way out
constexpr unsigned prefix_of_network = 24;

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

std::string url_of(const igd::Call& call) {
  return std::visit(Overloaded{[](const igd::Describe& one) { return one.location; },
                               [](const auto& one) { return one.service.control_url; }},
                    call);
}
}  // namespace

Result<void> MemoryJournal::put(const JournalEntry& entry) {
  entries_.insert_or_assign(entry.id, entry);
  return {};
}

Result<void> MemoryJournal::erase(MappingId id) {
  entries_.erase(id);
  return {};
}

std::vector<JournalEntry> MemoryJournal::entries() const {
  std::vector<JournalEntry> all;
  for (const auto& [id, entry] : entries_) all.push_back(entry);
  return all;
}

Lan::Lan(std::uint64_t seed, const sim::LinkConfig& link) : rng_(seed), link_(link) {}

sim::PortMapper& Lan::add_router(const sim::RouterConfig& config) {
  auto& router = *routers_.emplace_back(std::make_unique<sim::PortMapper>(config));
  if (way_out_.empty()) way_out_.push_back(&router);
  router.start(now_);
  return router;
}

sim::PortMapper& Lan::add_outer_router(const sim::RouterConfig& config) {
  auto& router = add_router(config);
  way_out_.push_back(&router);
  return router;
}

bool Lan::is_outer(const sim::PortMapper& router) const {
  const auto place = std::ranges::find(way_out_, &router);
  return place != way_out_.end() && place != way_out_.begin();
}

/// Through NATs a router sees the external address of the one before it.
IpAddress Lan::address_seen_by(const sim::PortMapper& router) const {
  const auto place = std::ranges::find(way_out_, &router);
  if (place == way_out_.end() || place == way_out_.begin()) return host_;
  return (*std::prev(place))->config().external;
}

bool Lan::is_own(const IpAddress& address) const {
  return address == host_ || address == host_address_v6 || address == temporary_v6 || more_.contains(address);
}

/// Whom a router sees: IPv6 goes untranslated.
IpAddress Lan::caller_of(const igd::Call& call, const sim::PortMapper& router) const {
  const auto local = std::visit(
      Overloaded{[](const igd::Describe& one) { return one.local; },
                 [](const igd::AddPinhole& one) { return one.internal.address; },
                 [](const igd::UpdatePinhole& one) { return one.local; },
                 [](const igd::DeletePinhole& one) { return one.local; }, [](const auto&) { return IpAddress{}; }},
      call);
  return local.is_v6() && is_own(local) ? local : address_seen_by(router);
}

void Lan::attach(MachineRef machine) {
  ++life_;
  machine_ = machine;
  machine_->start(now_);
  drain();
}

void Lan::kill() {
  ++life_;
  machine_.reset();
  sockets_.clear();
  asleep_until_.reset();
}

void Lan::drain() {
  if (!machine_) return;
  while (auto change = machine_->poll_socket()) {
    if (const auto* wish = std::get_if<SocketWish>(&*change))
      open(*wish);
    else
      sockets_.erase(std::get<SocketEnd>(*change).socket);
  }
  while (auto out = machine_->poll_transmit()) transmit(std::move(*out));
  while (auto errand = machine_->poll_errand()) run_errand(*errand);
}

void Lan::open(const SocketWish& wish) {
  const auto port = wish.local.port == 0 ? next_port_++ : wish.local.port;
  const auto& any = wish.local.address.is_v6() ? host_address_v6 : host_;
  const Endpoint local{wish.local.address.is_unspecified() ? any : wish.local.address, port};
  if (!is_own(local.address))
    return machine_->handle_socket_failure(now_, wish.socket, "Cannot assign requested address");
  sockets_.insert_or_assign(wish.socket, Socket{local, wish.groups, wish.errors});
  machine_->handle_socket_opened(now_, wish.socket, local);
}

/// Loss, duplicates and reordering in one direction.
void Lan::travel(const Happening& happening) {
  for (const auto offset : sim::draw_arrivals(link_, rng_)) at(now_ + offset, happening);
}

void Lan::transmit(Datagram out) {
  ++sent_;
  written_to_.insert(out.remote.address);
  if (const auto request = pcp::parse_request(out.payload); request && !request->options.empty())
    ++requests_with_options_;
  auto found = sockets_.find(out.socket);
  if (found == sockets_.end()) found = sockets_.emplace(out.socket, Socket{{host_, next_port_++}, {}, {}}).first;
  const auto source = found->second.local;
  if (!is_own(source.address)) return;  // an address that the host no longer has
  if (out.remote.address.is_multicast()) {
    for (const auto& router : routers_) {
      if (is_outer(*router) || (source.address.is_v6() && !router->config().inside_v6)) continue;
      travel([this, target = router.get(),
              in = Datagram{.local = out.remote, .remote = source, .payload = out.payload}] { deliver(*target, in); });
    }
    return;
  }
  for (const auto& router : routers_) {
    const auto& inside = router->config().inside;
    const auto& inside_v6 = router->config().inside_v6;
    if (is_outer(*router) || (inside != out.remote.address && inside_v6 != out.remote.address)) continue;
    return travel([this, target = router.get(),
                   in = Datagram{.local = out.remote, .remote = source, .payload = std::move(out.payload)}] {
      deliver(*target, in);
    });
  }
  // Of the host's own network, so it is looked for there, and nobody has it.
  if (out.remote.address.shares_prefix(host_, prefix_of_network)) return;
  auto hops = out.hop_limit;
  for (std::size_t index = 0; index < way_out_.size(); ++index) {
    auto* router = way_out_[index];
    if (router->config().inside == out.remote.address)
      return travel([this, router,
                     in = Datagram{.local = out.remote,
                                   .remote = {address_seen_by(*router), source.port},
                                   .payload = std::move(out.payload)}] { deliver(*router, in); });
    if (router->is_away(now_)) return;
    if (--hops == 0) return report(out.socket, out.remote, router->config().inside);
  }
  if (hops <= hops_to_isp) report(out.socket, out.remote, isp_hop);
}

void Lan::report(SocketId socket, const Endpoint& remote, const IpAddress& offender) {
  if (sockets_.at(socket).errors == PathErrors::ignored) return;
  travel([this, life = life_, error = PathError{socket, PathError::Kind::hop_limit_exceeded, remote, offender}] {
    if (life != life_ || !machine_ || asleep_until_) return;
    machine_->handle_path_error(now_, error);
    drain();
  });
}

void Lan::deliver(sim::PortMapper& router, Datagram in) {
  router.handle_datagram(now_, in);
  carry(router);
}

/// From a router back to the host; to a group, to every socket that listens to it.
void Lan::carry(sim::PortMapper& router) {
  router.handle_timeout(now_);
  while (auto out = router.poll_transmit()) {
    if (is_outer(router) && out->remote.address.is_multicast()) continue;
    if (is_outer(router)) out->remote.address = host_;
    travel([this, packet = std::move(*out)] { receive(packet); });
  }
}

void Lan::receive(const Datagram& from_router) {
  if (!machine_ || asleep_until_ || now_ < deaf_until_) return;
  std::vector<SocketId> heard_by;
  for (const auto& [id, socket] : sockets_) {
    const bool is_group = std::ranges::find(socket.groups, from_router.remote.address) != socket.groups.end();
    if (socket.local.port == from_router.remote.port && (is_group || socket.local == from_router.remote))
      heard_by.push_back(id);
  }
  for (const auto id : heard_by)
    machine_->handle_datagram(
        now_, {.socket = id, .local = from_router.remote, .remote = from_router.local, .payload = from_router.payload});
  drain();
}

void Lan::run_errand(const Errand& errand) {
  const auto reply = [this, life = life_](ErrandReply back) {
    if (life != life_ || !machine_ || asleep_until_) return;
    machine_->handle_errand_reply(now_, back);
    drain();
  };
  const auto late = [reply, id = errand.id] { reply({.id = id, .answer = {}, .failure = "out of time"}); };
  const auto call = igd::parse_call(errand.question);
  if (!call) return at(now_, [reply, id = errand.id] { reply({.id = id, .answer = {}, .failure = "no such call"}); });
  const auto url = url_of(*call);
  fetched_.push_back(url);
  const auto found = std::ranges::find_if(routers_, [&](const auto& router) { return router->serves(url); });
  if (found == routers_.end()) {
    const igd::Reply nobody = std::unexpected(igd::Fault{igd::Fault::Kind::unreachable, 0, {}});
    return at(now_ + 2 * link_.delay,
              [reply, back = ErrandReply{errand.id, igd::write_reply(nobody), {}}] { reply(back); });
  }
  auto* router = found->get();
  const auto& config = router->config().igd;
  if (router->is_away(now_) || config.manner == sim::IgdConfig::Manner::never_answers)
    return at(now_ + errand.allowance, late);
  // A router that is too slow does the work all the same; only nobody hears of it.
  const auto took = 2 * link_.delay + config.delay;
  at(now_ + link_.delay + config.delay,
     [this, router, call = *call, reply, id = errand.id, is_late = took > errand.allowance] {
       if (router->is_away(now_)) return;
       const auto answer = igd::write_reply(router->call(now_, call, caller_of(call, *router)));
       if (!is_late)
         at(now_ + link_.delay, [reply, id, answer] { reply({.id = id, .answer = answer, .failure = {}}); });
     });
  if (took > errand.allowance) at(now_ + errand.allowance, late);
}

std::optional<Instant> Lan::next_time() const {
  std::optional<Instant> due;
  const auto note = [&](std::optional<Instant> when) {
    if (when) due = due ? std::min(*due, *when) : *when;
  };
  if (!queue_.empty()) note(queue_.begin()->first);
  for (const auto& router : routers_) note(router->poll_timeout());
  if (machine_) note(asleep_until_ ? asleep_until_ : machine_->poll_timeout());
  if (due) due = std::max(*due, now_);
  return due;
}

bool Lan::step() {
  const auto next = next_time();
  if (!next) return false;
  now_ = *next;
  if (!queue_.empty() && queue_.begin()->first <= now_) {
    const auto happening = std::move(queue_.begin()->second);
    queue_.erase(queue_.begin());
    happening();
    return true;
  }
  for (const auto& router : routers_)
    if (const auto due = router->poll_timeout(); due && *due <= now_) carry(*router);
  if (asleep_until_ && *asleep_until_ <= now_) asleep_until_.reset();
  if (!machine_ || asleep_until_) return true;
  if (const auto due = machine_->poll_timeout(); due && *due <= now_) {
    machine_->handle_timeout(now_);
    drain();
  }
  return true;
}

void Lan::run_for(Duration time) {
  const auto end = now_ + time;
  static_cast<void>(run_until([] { return false; }, time));
  now_ = end;
}

bool Lan::run_until(const std::function<bool()>& is_done, Duration bound) {
  const auto end = now_ + bound;
  for (std::size_t events = 0; !is_done(); ++events) {
    const auto next = next_time();
    if (!next || *next > end) return is_done();
    if (events > most_events) return false;
    step();
  }
  return true;
}

bool Lan::run_to_end(Duration bound) {
  return run_until([this] { return !machine_ || !machine_->poll_timeout(); }, bound);
}

void Lan::suspend_for(Duration time) {
  asleep_until_ = now_ + time;
  run_for(time);
}

std::optional<Endpoint> Lan::reach(Protocol protocol, const Endpoint& external) {
  if (external.address.is_v6()) {
    const auto open = routers_.front()->pinholes(now_);
    const bool is_open = std::ranges::any_of(
        open, [&](const auto& one) { return one.protocol == protocol && one.internal == external; });
    return is_open && is_own(external.address) ? std::optional{external} : std::nullopt;
  }
  auto to = external;
  for (auto router = way_out_.rbegin(); router != way_out_.rend(); ++router) {
    if ((*router)->config().external != to.address) return std::nullopt;
    const auto inside = (*router)->forward(now_, protocol, to.port);
    if (!inside) return std::nullopt;
    to = *inside;
  }
  return to;
}

std::vector<sim::Rule> Lan::rules_of_ours() {
  std::vector<sim::Rule> ours;
  for (const auto& router : routers_)
    for (const auto& rule : router->rules(now_))
      if (rule.internal.address == address_seen_by(*router)) ours.push_back(rule);
  return ours;
}
}  // namespace natkit::portmap
