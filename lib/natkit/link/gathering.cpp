#include "natkit/link/gathering.hpp"

#include <algorithm>
#include <utility>

namespace natkit::link {
namespace {
constexpr std::uint32_t first_stream = 256;  ///< sockets of relays over TCP
constexpr std::uint32_t first_tcp_base = 512;
constexpr std::uint32_t first_relayed = 4096;  ///< relayed addresses, two families each at most
constexpr std::uint32_t first_route = 65536;   ///< ways through other members; 65536 of them
constexpr std::uint32_t last_route = first_route + 65535;

/// Of one socket, as peers see it: a NAT's, and that of one inside of the provider's.
constexpr unsigned most_reflexive = 2;

/// An answer to the first question, even if it is a refusal, takes one round trip; half of one more is for the line's
/// jitter, and no less than this for a busy machine's: a relay asked in vain over TCP costs its server a port.
constexpr Duration least_slack = std::chrono::milliseconds{50};
Duration answer_time(Duration round_trip) { return round_trip + std::max(round_trip / 2, least_slack); }

/// The second relayed address of a relay, of the other family, follows the first.
SocketId relayed_socket(std::size_t relay) { return SocketId{first_relayed + static_cast<std::uint32_t>(relay)}; }
}  // namespace

Gathering::Gathering(Config config, Rng& rng)
    : config_(std::move(config)),
      rng_(rng),
      gatherer_(
          [&] {
            auto timing = config_.stun_timing;
            timing.servers = config_.stun;
            return timing;
          }(),
          rng),
      streams_({.addresses = config_.addresses, .port = config_.port, .first_socket = SocketId{first_tcp_base}}) {}

bool Gathering::may_use(Protocol protocol) const {
  if (config_.offer == Offer::relayed) return false;
  return config_.directly == Directly::by_any ||
         config_.directly == (protocol == Protocol::tcp ? Directly::by_tcp : Directly::by_udp);
}

bool Gathering::is_relayed(SocketId socket) {
  return std::to_underlying(socket) >= first_relayed && std::to_underlying(socket) < first_route;
}

SocketId Gathering::route_socket(std::uint16_t number) { return SocketId{first_route + number}; }

bool Gathering::is_routed(SocketId socket) {
  return std::to_underlying(socket) >= first_route && std::to_underlying(socket) <= last_route;
}

std::vector<IpAddress> Gathering::addresses_of(Family family) const {
  std::vector<IpAddress> found;
  std::ranges::copy_if(config_.addresses, std::back_inserter(found),
                       [&](const IpAddress& address) { return address.family() == family; });
  return found;
}

void Gathering::start(Instant now) {
  for (auto& server : std::exchange(config_.relays, {})) add_relay(now, std::move(server));
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    if (addresses_of(family).empty()) continue;
    open_base(family, ice::Manner::fires, config_.port);
    if (config_.reserve == Reserve::at_once) open_fresh_base(family);
  }
  if (may_use(Protocol::tcp)) streams_.start();
  tell_done();
}

void Gathering::want_relays(Instant now) {
  if (config_.allocate == Allocate::at_once) return;
  config_.allocate = Allocate::at_once;
  for (auto& server : std::exchange(unwanted_, {})) add_relay(now, std::move(server));
}

void Gathering::add_relay(Instant now, RelayServer server) {
  if (config_.allocate == Allocate::when_wanted) {
    std::erase_if(unwanted_, [&](const RelayServer& known) { return known.address == server.address; });
    if (unwanted_.size() < config_.most_relays) unwanted_.push_back(std::move(server));
    return;
  }
  const auto known =
      std::ranges::find_if(relays_, [&](const Relay& relay) { return relay.server.address == server.address; });
  if (known != relays_.end()) {
    known->server.credentials = std::move(server.credentials);
    return;
  }
  if (relays_.size() >= config_.most_relays) return;
  Relay relay{.server = std::move(server), .relayed = relayed_socket(relays_.size())};
  const auto& address = relay.server.address;
  if (address.protocol == Protocol::tcp) {
    relay.base = SocketId{first_stream + static_cast<std::uint32_t>(relays_.size())};
    if (relay.server.tls)
      sockets_.emplace_back(SocketWish{.socket = relay.base,
                                       .protocol = Protocol::tcp,
                                       .local = {IpAddress::any(address.endpoint.address.family()), 0},
                                       .tls = relay.server.tls});
  }
  if (relay.server.use == RelayServer::Use::when_others_are_silent && !relays_by_) {
    relays_by_ = now + config_.relay_patience;
    if (const auto round_trip = relay.server.round_trip)
      udp_by_ = udp_asked_at_.value_or(now) + answer_time(*round_trip);
  }
  relays_.push_back(std::move(relay));
  allocate(now);
}

std::optional<Endpoint> Gathering::first_base(Family family) const {
  const auto base = std::ranges::find_if(
      bases_, [&](const Base& one) { return one.local && one.manner == ice::Manner::fires && one.family == family; });
  const auto addresses = addresses_of(family);
  if (base == bases_.end() || addresses.empty()) return std::nullopt;
  return Endpoint{addresses.front(), base->local->port};
}

void Gathering::add_mapped(const Endpoint& external) {
  const auto host = first_base(Family::ipv4);
  const auto is_known = std::ranges::any_of(
      candidates_, [&](const ice::LocalCandidate& one) { return one.candidate.endpoint == external; });
  if (!host || is_known || !may_use(Protocol::udp)) return;
  const auto base = std::ranges::find_if(bases_, [&](const Base& one) {
    return one.local && one.local->port == host->port && one.family == Family::ipv4;
  });
  add({.candidate = ice::make_candidate(ice::Kind::mapped, ice::Transport::udp, external, {.base = *host}),
       .base = base->socket});
}

void Gathering::add_reflexive(SocketId socket, const Endpoint& seen_as, const IpAddress& by) {
  const auto base = std::ranges::find(bases_, socket, &Base::socket);
  if (base == bases_.end() || !base->local || base->family != seen_as.address.family() ||
      base->manner != ice::Manner::fires || !may_use(Protocol::udp))
    return;
  unsigned told = 0;
  for (const auto& [candidate, from, manner] : candidates_) {
    if (candidate.endpoint == seen_as && candidate.transport == ice::Transport::udp) return;
    if (candidate.kind == ice::Kind::server_reflexive && from == socket) ++told;
  }
  if (told >= most_reflexive) return;
  const Endpoint host{addresses_of(base->family).front(), base->local->port};
  add({.candidate =
           ice::make_candidate(ice::Kind::server_reflexive, ice::Transport::udp, seen_as, {.base = host, .server = by}),
       .base = socket});
}

void Gathering::open_fresh_base(Family family) {
  if (!may_use(Protocol::udp) || fresh_bases_ >= config_.most_fresh_bases || addresses_of(family).empty()) return;
  ++fresh_bases_;
  open_base(family, ice::Manner::opens, 0);
}

void Gathering::open_base(Family family, ice::Manner manner, std::uint16_t port) {
  const SocketId socket{static_cast<std::uint32_t>(bases_.size())};
  bases_.push_back({.socket = socket, .family = family, .manner = manner});
  sockets_.emplace_back(
      SocketWish{.socket = socket, .local = {IpAddress::any(family), port}, .errors = PathErrors::heard});
  ++opening_;
  is_told_done_ = false;
}

void Gathering::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  if (streams_.owns(socket)) {
    streams_.handle_socket_opened(socket, local);
    return hear(now);
  }
  const auto base = std::ranges::find(bases_, socket, &Base::socket);
  if (base == bases_.end()) return;
  base->local = local;
  --opening_;
  announce_hosts(now, *base);
  if (base->manner == ice::Manner::fires) allocate(now);
  hear(now);
}

void Gathering::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  if (streams_.owns(socket)) {
    streams_.handle_socket_failure(socket);
    return hear(now);
  }
  const auto base = std::ranges::find(bases_, socket, &Base::socket);
  if (base == bases_.end()) return;
  --opening_;
  events_.emplace_back(SocketFailed{.local = {IpAddress::any(base->family), config_.port}, .why = std::string{why}});
  tell_done();
}

/// The socket is bound to all addresses, so it is one base; the preferred one stands for it where one is needed.
void Gathering::announce_hosts(Instant now, const Base& base) {
  if (!may_use(Protocol::udp)) return;
  auto preference = ice::preference_of(base.manner);
  std::optional<ice::LocalCandidate> first;
  for (const auto& address : addresses_of(base.family)) {
    const Endpoint host{address, base.local->port};
    const ice::LocalCandidate local{.candidate = ice::make_candidate(ice::Kind::host, ice::Transport::udp, host,
                                                                     {.base = host, .local_preference = preference}),
                                    .base = base.socket,
                                    .manner = base.manner};
    if (base.manner == ice::Manner::fires) --preference;  // the others are known by theirs
    add(local);
    if (!first) first = local;
  }
  if (!first) return;
  gatherer_.add_base(now, *first);
  const bool is_asked =
      std::ranges::any_of(config_.stun, [&](const Endpoint& server) { return server.address.family() == base.family; });
  if (is_asked && !udp_asked_at_) udp_asked_at_ = now;
}

void Gathering::add(const ice::LocalCandidate& local) {
  if (config_.offer == Offer::relayed && local.candidate.kind != ice::Kind::relayed) return;
  if (candidates_.size() >= ice::most_candidates) return;
  candidates_.push_back(local);
  events_.emplace_back(Found{local});
}

/// At all relays that are to be asked by now and can be reached.
void Gathering::allocate(Instant now) {
  for (auto& relay : relays_)
    if (!relay.client && relay.server.use == RelayServer::Use::at_once) allocate(now, relay);
}

void Gathering::allocate(Instant now, Relay& relay) {
  const auto& server = relay.server.address;
  const auto base = std::ranges::find_if(bases_, [&](const Base& one) {
    return one.local && one.manner == ice::Manner::fires && one.family == server.endpoint.address.family();
  });
  if (base == bases_.end()) return;
  if (server.protocol == Protocol::udp) {
    relay.base = base->socket;
    if (!udp_asked_at_) udp_asked_at_ = now;
  }
  relay.client = std::make_unique<turn::Client>(turn::Client::Config{.socket = relay.base,
                                                                     .server = server,
                                                                     .credentials = relay.server.credentials,
                                                                     .families = turn::RelayedFamilies::both},
                                                rng_);
  relay.client->start(now);
  is_told_done_ = false;
}

std::optional<Instant> Gathering::relays_due() const {
  return relays_by_ && udp_by_ && !has_heard_udp_ ? std::min(*relays_by_, *udp_by_) : relays_by_;
}

void Gathering::check_relays(Instant now) {
  const auto due = relays_due();
  if (!due || now < *due) return;
  relays_by_.reset();
  if (std::ranges::any_of(relays_, [](const Relay& relay) { return relay.known == Relay::Known::announced; })) return;
  for (auto& relay : relays_) relay.server.use = RelayServer::Use::at_once;
  allocate(now);
}

Gathering::Relay* Gathering::relay_of(SocketId relayed) {
  const auto found = std::ranges::find(relays_, relayed, &Relay::relayed);
  return found == relays_.end() || !found->client ? nullptr : &*found;
}

void Gathering::permit(Instant now, const IpAddress& peer) {
  for (auto& relay : relays_)
    if (relay.client) relay.client->permit(now, peer);
}

void Gathering::send(Instant now, Datagram out) {
  if (streams_.owns(out.socket)) {
    streams_.send(out);
  } else if (!is_relayed(out.socket) && !is_routed(out.socket)) {
    outgoing_.push_back(std::move(out));
  } else if (auto* relay = relay_of(out.socket)) {
    relay->client->send(now, out.remote, out.payload);
  }
}

void Gathering::close(Instant now) {
  is_closing_ = true;
  relays_by_.reset();
  for (auto& relay : relays_)
    if (relay.client) relay.client->close(now);
  streams_.close();
}

void Gathering::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  if (streams_.owns(socket)) streams_.handle_connected(now, socket, remote);
}

void Gathering::handle_datagram(Instant now, const Datagram& in) {
  const auto relay =
      std::ranges::find_if(relays_, [&](const Relay& one) { return one.client && one.client->owns(in); });
  if (relay != relays_.end()) {
    has_heard_udp_ |= in.protocol == Protocol::udp;
    relay->client->handle_datagram(now, in);
  } else if (streams_.owns(in.socket)) {
    streams_.handle_datagram(now, in);
  } else if (gatherer_.handle_datagram(now, in)) {
    has_heard_udp_ = true;
  } else {
    received_.push_back(in);
  }
  hear(now);
}

void Gathering::handle_timeout(Instant now) {
  if (!is_closing_) gatherer_.handle_timeout(now);
  streams_.handle_timeout(now);
  for (auto& relay : relays_)
    if (relay.client) relay.client->handle_timeout(now);
  check_relays(now);
  hear(now);
}

void Gathering::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  for (auto& relay : relays_)
    if (relay.client && relay.base == lost.socket && relay.client->server().endpoint == lost.remote)
      relay.client->handle_send_failure(now, lost, why);
  if (streams_.owns(lost.socket)) {
    streams_.handle_send_failure(lost);
    gatherer_.handle_send_failure(now, lost);
  }
  hear(now);
}

/// A host candidate over TCP is asked about once for each socket, since all its addresses have the same NAT before
/// them.
void Gathering::hear_streams(Instant now) {
  while (const auto host = streams_.poll_candidate()) {
    const bool is_first =
        std::ranges::none_of(candidates_, [&](const ice::LocalCandidate& one) { return one.base == host->base; });
    add(*host);
    if (is_first && host->candidate.transport != ice::Transport::tcp_active) gatherer_.add_base(now, *host);
  }
  while (auto received = streams_.poll_received())
    if (!gatherer_.handle_datagram(now, *received)) received_.push_back(std::move(*received));
}

void Gathering::hear(Instant now) {
  hear_streams(now);
  while (auto event = gatherer_.poll_event())
    if (const auto* found = std::get_if<ice::Gatherer::Found>(&*event)) add(found->candidate);
  for (auto& relay : relays_)
    if (relay.client) hear_relay(relay);
  tell_done();
}

void Gathering::hear_relay(Relay& relay) {
  auto& client = *relay.client;
  while (auto received = client.poll_received())
    received_.push_back({.socket = relay.relayed, .remote = received->peer, .payload = std::move(received->payload)});
  while (client.poll_refusal()) {
  }
  if (relay.known != Relay::Known::open) return;
  if (const auto* failure = client.failure()) {
    relay.known = Relay::Known::failed;
    events_.emplace_back(RelayFailed{*failure});
    return;
  }
  if (client.state() != turn::Client::State::ready) return;
  relay.known = Relay::Known::announced;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto address = client.relayed(family);
    if (!address) continue;
    // Towards the peer we are what the relay shows; our own address is told only where nothing is hidden.
    auto candidate = ice::make_candidate(ice::Kind::relayed, ice::Transport::udp, *address,
                                         {.base = *address, .server = relay.server.address.endpoint.address});
    if (config_.offer == Offer::all) candidate.related = client.mapped();
    add({.candidate = std::move(candidate), .base = relay.relayed});
  }
}

void Gathering::tell_done() {
  const bool is_open = std::ranges::any_of(
      relays_, [](const Relay& relay) { return relay.client && relay.known == Relay::Known::open; });
  if (is_told_done_ || opening_ > 0 || streams_.is_opening() || is_open || !gatherer_.is_done()) return;
  is_told_done_ = true;
  events_.emplace_back(Done{});
}

std::optional<SocketChange> Gathering::poll_socket() {
  if (sockets_.empty()) return streams_.poll_socket();
  auto out = std::move(sockets_.front());
  sockets_.pop_front();
  return out;
}

std::optional<Datagram> Gathering::poll_transmit() {
  if (!outgoing_.empty()) {
    auto out = std::move(outgoing_.front());
    outgoing_.pop_front();
    return out;
  }
  while (!is_closing_) {
    auto out = gatherer_.poll_transmit();
    if (!out) break;
    if (out->protocol == Protocol::udp) return out;
    streams_.send_question(*out);
  }
  if (auto out = streams_.poll_transmit()) return out;
  for (auto& relay : relays_)
    if (relay.client)
      if (auto out = relay.client->poll_transmit()) return out;
  return std::nullopt;
}

std::optional<Instant> Gathering::poll_timeout() const {
  auto due = is_closing_ ? std::nullopt : gatherer_.poll_timeout();
  const auto note = [&](std::optional<Instant> at) {
    if (at && (!due || *at < *due)) due = at;
  };
  note(relays_due());
  note(streams_.poll_timeout());
  for (const auto& relay : relays_)
    if (relay.client) note(relay.client->poll_timeout());
  return due;
}

std::optional<Gathering::Event> Gathering::poll_event() {
  if (events_.empty()) return std::nullopt;
  auto out = std::move(events_.front());
  events_.pop_front();
  return out;
}

std::optional<Datagram> Gathering::poll_received() {
  if (received_.empty()) return std::nullopt;
  auto out = std::move(received_.front());
  received_.pop_front();
  return out;
}

std::optional<Endpoint> Gathering::local(SocketId socket) const {
  const auto found = std::ranges::find(bases_, socket, &Base::socket);
  return found == bases_.end() ? streams_.local(socket) : found->local;
}

Protocol Gathering::transport(SocketId socket) const {
  if (streams_.owns(socket)) return Protocol::tcp;
  const auto found = std::ranges::find(relays_, socket, &Relay::relayed);
  return found == relays_.end() ? Protocol::udp : found->server.address.protocol;
}
}  // namespace natkit::link
