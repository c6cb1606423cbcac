#include "natkit/link/pairing.hpp"

#include <algorithm>
#include <utility>

namespace natkit::link {
namespace {
Hub::Config hub_config(Hub::Config config, std::size_t most_links) {
  config.most_links = most_links + 1;  // and the one that waits
  return config;
}

ice::Role ice_role(rendezvous::Role role) {
  return role == rendezvous::Role::controlling ? ice::Role::controlling : ice::Role::controlled;
}

/// What the peer is told, where it can be said in the words of signalling.
rendezvous::Reason reason_of(EndReason reason) {
  switch (reason) {
    case EndReason::closed:
    case EndReason::closed_by_peer:
      return rendezvous::Reason::closed;
    case EndReason::no_common_address_family:
      return rendezvous::Reason::no_common_address_family;
    case EndReason::punch_failed:
      return rendezvous::Reason::punch_failed;
    case EndReason::connection_lost:
      return rendezvous::Reason::connection_to_target_lost;
    case EndReason::authentication_failed:
      return rendezvous::Reason::authentication_failed;
    case EndReason::protocol_error:
      return rendezvous::Reason::version_mismatch;
  }
  return rendezvous::Reason::punch_failed;
}

EndReason end_of(rendezvous::Reason reason) {
  switch (reason) {
    case rendezvous::Reason::closed:
      return EndReason::closed_by_peer;
    case rendezvous::Reason::no_common_address_family:
      return EndReason::no_common_address_family;
    case rendezvous::Reason::punch_failed:
      return EndReason::punch_failed;
    case rendezvous::Reason::authentication_failed:
      return EndReason::authentication_failed;
    default:
      return EndReason::connection_lost;
  }
}
}  // namespace

RelayServer relay_of(const rendezvous::Service& service, RelayServer::Use use, std::optional<Duration> round_trip) {
  using Transport = rendezvous::Service::Transport;
  RelayServer relay{.address = {service.transport == Transport::udp ? Protocol::udp : Protocol::tcp, *service.address},
                    .credentials = service.credentials,
                    .use = use,
                    .round_trip = round_trip};
  if (service.transport == Transport::tls)
    relay.tls = TlsWish{.server = service.name.empty() ? to_text(service.address->address) : service.name};
  return relay;
}

Pairing::Pairing(Config config, Rng& rng)
    : config_(std::move(config)),
      rng_(rng),
      hub_(hub_config(config_.hub, config_.most_links), rng),
      client_(config_.client, rng) {}

void Pairing::start(Instant now) {
  if (config_.wait) wait_ends_ = now + *config_.wait;
  next_ = hub_.open(now);
  hub_.start(now);
  client_.start(now);
  // Held from now on, described once the addresses are known.
  place_ = client_.open(now, {.purpose = config_.purpose, .name = config_.name, .wait = config_.wait});
  hear(now);
}

void Pairing::describe(Instant now) {
  describe_by_.reset();
  if (!place_ || !next_ || is_over_) return;
  const auto& gathering = hub_.gathering();
  if (config_.hub.gathering.offer == Gathering::Offer::relayed && gathering.candidates().empty())
    return end(rendezvous::to_error(rendezvous::Reason::relay_unavailable,
                                    "no relay gave this host an address, and nothing else may be used"));
  is_described_ = true;
  late_.clear();
  const auto text = write_description(hub_.describe(*next_));
  client_.describe(now, *place_,
                   config_.seal.close(text,
                                      {.kind = rendezvous::TextKind::description,
                                       .sender = config_.client.id,
                                       .sender_purpose = config_.purpose,
                                       .attempt = {}},
                                      rng_));
}

void Pairing::hear(Instant now) {
  hear_hub(now);
  hear_client(now);
}

void Pairing::lead_with_relay(Instant now) {
  if (std::exchange(leads_with_relay_, true) || !describe_by_) return;
  const bool is_far = server_rtt_ && *server_rtt_ * config_.relay_round_trips > config_.gathering;
  if (is_far) return describe(now);
  describe_if_relayed(now);
}

void Pairing::describe_if_relayed(Instant now) {
  const auto is_relayed = [](const ice::LocalCandidate& one) { return one.candidate.kind == ice::Kind::relayed; };
  if (leads_with_relay_ && describe_by_ && std::ranges::any_of(hub_.gathering().candidates(), is_relayed))
    describe(now);
}

/// Messages stay in the link until the owner takes them; whatever else it says passes through here.
void Pairing::hear_hub(Instant now) {
  while (auto event = hub_.poll_own_event()) {
    if (const auto* found = std::get_if<Hub::Found>(&*event)) {
      events_.emplace_back(CandidateFound{found->local.candidate});
      if (is_described_) late_.push_back(found->local.candidate);
      for (const auto& [link, one] : tries_) tell_candidate(now, one, found->local.candidate);
    } else if (std::holds_alternative<Hub::Gathered>(*event)) {
      if (describe_by_) describe(now);
    } else if (const auto* failed = std::get_if<Gathering::RelayFailed>(&*event)) {
      events_.emplace_back(Trouble{turn::to_error(failed->failure)});
    } else if (const auto* closed = std::get_if<Gathering::SocketFailed>(&*event)) {
      if (config_.hub.gathering.port != 0)
        end(to_error(*closed));
      else
        events_.emplace_back(Trouble{to_error(*closed)});
    }
  }
  describe_if_relayed(now);
}

void Pairing::tell_candidate(Instant now, const Try& one, const ice::Candidate& candidate) {
  client_.send_candidate(now, one.attempt,
                         config_.seal.close(ice::write_candidate(candidate),
                                            {.kind = rendezvous::TextKind::candidate,
                                             .sender = config_.client.id,
                                             .sender_purpose = config_.purpose,
                                             .attempt = one.attempt},
                                            rng_));
}

void Pairing::hear_client(Instant now) {
  while (auto event = client_.poll_event()) {
    if (const auto* registered = std::get_if<rendezvous::RegisteredAt>(&*event)) {
      hear_registered(now, *registered);
    } else if (const auto* renewed = std::get_if<rendezvous::NewServices>(&*event)) {
      use_relays(now, renewed->services);
    } else if (const auto* found = std::get_if<rendezvous::FoundPeer>(&*event)) {
      hear_found(now, *found);
    } else if (const auto* remote = std::get_if<rendezvous::RemoteCandidate>(&*event)) {
      hear_candidate(now, *remote);
    } else if (const auto* left = std::get_if<rendezvous::PeerLeft>(&*event)) {
      hear_left(now, *left);
    } else if (const auto* not_possible = std::get_if<rendezvous::NotPossible>(&*event)) {
      if (not_possible->finality == rendezvous::Finality::final)
        end(not_possible->error);
      else
        events_.emplace_back(Trouble{not_possible->error});
    } else if (const auto* lost = std::get_if<rendezvous::ServerLost>(&*event)) {
      events_.emplace_back(Trouble{rendezvous::to_error(rendezvous::Reason::server_unreachable,
                                                        to_text(lost->server) + " is lost: " + lost->why)});
    }
  }
}

void Pairing::use_relays(Instant now, const std::vector<rendezvous::Service>& services) {
  const auto& transports = config_.relay_transports;
  for (const auto& service : services) {
    const bool is_wanted = std::ranges::find(transports, service.transport) != transports.end();
    if (service.kind != rendezvous::Service::Kind::turn || !service.address || !is_wanted) continue;
    const auto use =
        service.transport == transports.front() ? RelayServer::Use::at_once : RelayServer::Use::when_others_are_silent;
    hub_.add_relay(now, relay_of(service, use, server_rtt_));
  }
}

void Pairing::hear_registered(Instant now, const rendezvous::RegisteredAt& registered) {
  server_rtt_ = registered.round_trip;
  events_.emplace_back(Registered{registered});
  use_relays(now, registered.services);
  if (is_described_) return;
  describe_by_ = now + config_.gathering;
  if (hub_.gathering().is_done()) describe(now);
}

void Pairing::hear_found(Instant now, const rendezvous::FoundPeer& found) {
  if (!next_) return;
  const auto text = config_.seal.open(found.description, {.kind = rendezvous::TextKind::description,
                                                          .sender = found.peer,
                                                          .sender_purpose = found.peer_purpose,
                                                          .attempt = {}});
  if (!text)
    return refuse(now, found, rendezvous::Reason::authentication_failed,
                  std::string{rendezvous::to_text(text.error())});
  const auto parsed = parse_description(*text);
  if (!parsed)
    return refuse(now, found, rendezvous::Reason::version_mismatch,
                  "the peer's description is not understood: " + std::string{to_text(parsed.error())});
  wait_ends_.reset();
  wait_until_.reset();
  const auto link = *std::exchange(next_, std::nullopt);
  const auto role = ice_role(found.role);
  const auto& one = tries_
                        .emplace(link, Try{.attempt = found.attempt,
                                           .peer = found.peer,
                                           .peer_purpose = found.peer_purpose,
                                           .deadline = now + config_.timeout})
                        .first->second;
  events_.emplace_back(PeerFound{.link = link, .peer = found.peer, .role = role, .address = found.peer_address});
  hub_.begin(now, link,
             {.description = parsed->description, .role = role, .start_at = found.start, .rtt_guess = server_rtt_});
  for (const auto& candidate : late_) tell_candidate(now, one, candidate);
  open_next(now);
}

/// A listener waits for one more, where there is room; otherwise the next link to end makes it.
void Pairing::open_next(Instant now) {
  const bool is_full = tries_.size() >= config_.most_links;
  if (config_.purpose != rendezvous::Purpose::listen || !place_ || is_over_ || next_ || is_full) return;
  next_ = hub_.open(now);
  describe(now);
}

void Pairing::refuse(Instant now, const rendezvous::FoundPeer& found, rendezvous::Reason reason, std::string detail) {
  client_.send_bye(now, found.attempt, reason);
  const auto error = rendezvous::to_error(reason, std::move(detail));
  if (config_.purpose != rendezvous::Purpose::listen) return end(error);
  events_.emplace_back(Trouble{error});
  wait_until_ = wait_ends_;  // for the server the wait is over: it has brought somebody
  describe(now);
}

std::optional<LinkId> Pairing::link_of(rendezvous::AttemptId attempt) const {
  const auto found = std::ranges::find_if(tries_, [&](const auto& entry) { return entry.second.attempt == attempt; });
  return found == tries_.end() ? std::nullopt : std::optional{found->first};
}

void Pairing::hear_candidate(Instant now, const rendezvous::RemoteCandidate& remote) {
  const auto link = link_of(remote.attempt);
  if (!link) return;
  const auto& one = tries_.at(*link);
  const auto text = config_.seal.open(remote.text, {.kind = rendezvous::TextKind::candidate,
                                                    .sender = one.peer,
                                                    .sender_purpose = one.peer_purpose,
                                                    .attempt = remote.attempt});
  if (!text) return;  // an older server's or a liar's; the checks decide, not this
  if (const auto candidate = ice::parse_candidate(*text)) hub_.add_remote(now, *link, *candidate);
}

/// Once there is a path, the path says whether the peer is there.
void Pairing::hear_left(Instant now, const rendezvous::PeerLeft& left) {
  const auto link = link_of(left.attempt);
  if (!link || !tries_.at(*link).deadline) return;
  give_up(now, *link, end_of(left.reason), "the peer has gone: " + std::string{rendezvous::to_text(left.reason)});
}

void Pairing::give_up(Instant now, LinkId link, EndReason reason, std::string detail) {
  hear_link(now, {link, Link::Ended{reason, std::move(detail)}});
}

void Pairing::hear_link(Instant now, Hub::LinkEvent event) {
  const auto found = tries_.find(event.link);
  if (found == tries_.end()) return;
  auto& one = found->second;
  if (const auto* connected = std::get_if<Link::Connected>(&event.event)) {
    one.deadline.reset();
    client_.report(now, one.attempt, rendezvous::Outcome::connected,
                   connected->path.is_relayed() ? "relayed" : std::string{ice::to_text(connected->path.remote_kind)});
  } else if (const auto* ended = std::get_if<Link::Ended>(&event.event)) {
    if (one.deadline) client_.report(now, one.attempt, rendezvous::Outcome::failed);
    client_.send_bye(now, one.attempt, reason_of(ended->reason));
    tries_.erase(found);
    hub_.flush(now);
    hub_.drop(event.link);
    open_next(now);
  }
  events_.emplace_back(std::move(event));
}

void Pairing::check_deadlines(Instant now) {
  if (describe_by_ && *describe_by_ <= now) describe(now);
  if (wait_until_ && *wait_until_ <= now) {
    wait_until_.reset();
    end(rendezvous::to_error(rendezvous::Reason::target_not_connected, "nobody but who was refused came to that name"));
  }
  std::vector<LinkId> late;
  for (const auto& [link, one] : tries_)
    if (one.deadline && *one.deadline <= now) late.push_back(link);
  for (const auto link : late) give_up(now, link, EndReason::punch_failed, "no path within the time that was given");
}

void Pairing::end(Error error) {
  if (is_over_) return;
  is_over_ = true;
  events_.emplace_back(Over{std::move(error)});
}

Result<void> Pairing::hear_description(Instant /*now*/, std::string_view /*text*/) {
  return std::unexpected(Error{.code = Errc::usage,
                               .reason = "bad-description",
                               .detail = "descriptions come by the server here",
                               .advice = {}});
}

void Pairing::flush(Instant now) { hub_.flush(now); }

void Pairing::add_mapped(Instant now, const Endpoint& external) {
  hub_.add_mapped(now, external);
  hear(now);
}

void Pairing::stop_looking(Instant now) {
  wait_until_.reset();
  if (place_) client_.close(now, *std::exchange(place_, std::nullopt));
}

void Pairing::drop(LinkId link) {
  tries_.erase(link);
  hub_.drop(link);
}

void Pairing::close(Instant now) {
  if (std::exchange(is_closing_, true)) return;
  is_over_ = true;
  describe_by_.reset();
  wait_until_.reset();
  if (next_) hub_.drop(*std::exchange(next_, std::nullopt));
  std::vector<LinkId> all;
  for (const auto& [link, one] : tries_) all.push_back(link);
  for (const auto link : all)
    if (auto* found = hub_.find(link)) found->close(now);
  hub_.flush(now);
  hub_.close(now);
  client_.leave(now);
}

void Pairing::handle_datagram(Instant now, const Datagram& in) {
  if (client_.owns(in.socket))
    client_.handle_datagram(now, in);
  else
    hub_.handle_datagram(now, in);
  hear(now);
}

void Pairing::handle_timeout(Instant now) {
  hub_.handle_timeout(now);
  client_.handle_timeout(now);
  check_deadlines(now);
  hear(now);
}

void Pairing::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  if (client_.owns(socket))
    client_.handle_connected(now, socket, remote);
  else
    hub_.handle_connected(now, socket, remote);
  hear(now);
}

void Pairing::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  if (client_.owns(lost.socket))
    client_.handle_send_failure(now, lost, why);
  else
    hub_.handle_send_failure(now, lost, why);
  hear(now);
}

void Pairing::handle_path_error(Instant now, const PathError& error) { hub_.handle_path_error(now, error); }

void Pairing::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  if (!client_.owns(socket)) hub_.handle_socket_opened(now, socket, local);
  hear(now);
}

void Pairing::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  if (!client_.owns(socket)) hub_.handle_socket_failure(now, socket, why);
  hear(now);
}

std::optional<SocketChange> Pairing::poll_socket() {
  if (auto out = hub_.poll_socket()) return out;
  return client_.poll_socket();
}

std::optional<Datagram> Pairing::poll_transmit() {
  if (auto out = hub_.poll_transmit()) return out;
  return client_.poll_transmit();
}

std::optional<Instant> Pairing::poll_timeout() const {
  auto due = hub_.poll_timeout();
  const auto note = [&](std::optional<Instant> at) {
    if (at && (!due || *at < *due)) due = at;
  };
  note(client_.poll_timeout());
  note(describe_by_);
  note(wait_until_);
  for (const auto& [link, one] : tries_) note(one.deadline);
  return due;
}

std::optional<Introduction::Event> Pairing::poll_event(Instant now) {
  while (events_.empty()) {
    auto event = hub_.poll_link_event();
    if (!event) return std::nullopt;
    hear_link(now, std::move(*event));
  }
  auto out = std::move(events_.front());
  events_.pop_front();
  return out;
}
}  // namespace natkit::link
