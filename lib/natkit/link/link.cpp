#include "natkit/link/link.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace natkit::link {
namespace {
/// RFC 7983 §7: the first byte tells STUN from DTLS.
enum class Content : std::uint8_t { stun, dtls, other };

Content content_of(ByteView payload) {
  if (payload.empty()) return Content::other;
  if (payload.front() <= 3) return Content::stun;
  return payload.front() >= 20 && payload.front() <= 63 ? Content::dtls : Content::other;
}

struct End {
  EndReason reason{};
  std::string_view detail;
};

End end_of(ice::Agent::FailureReason why) {
  using enum ice::Agent::FailureReason;
  switch (why) {
    case no_pairs:
      return {EndReason::no_common_address_family, "no address of this side goes with one of the peer's"};
    case unheard:
      return {EndReason::punch_failed, "nothing of the peer arrived: its packets are filtered, or it never sent any"};
    case one_way:
      return {EndReason::punch_failed, "the peer's packets arrive, but it never answered ours: they are filtered"};
    case path_lost:
      return {EndReason::connection_lost, "the last path died"};
  }
  return {EndReason::punch_failed, ""};
}

EndReason end_of(channel::CloseReason why) {
  using enum channel::CloseReason;
  switch (why) {
    case closed_here:
    case aborted_here:
      return EndReason::closed;
    case closed_by_peer:
    case aborted_by_peer:
      return EndReason::closed_by_peer;
    case wrong_fingerprint:
    case refused_by_peer:
      return EndReason::authentication_failed;
    case handshake_timed_out:
    case peer_silent:
      return EndReason::connection_lost;
    case handshake_failed:
    case violation:
      return EndReason::protocol_error;
  }
  return EndReason::protocol_error;
}
}  // namespace

namespace {
constexpr std::uint8_t application_data_record = 23;  // RFC 5246 §6.2.1
// A flight is one or two datagrams; behind the last one come the first packets of data.
constexpr std::size_t longest_flight = 16;

/// Of the handshake. It is not repeated before an answer by a relay can be there, which takes two of the round trips
/// that are guessed, and half of one more is for jitter.
Duration first_retransmission(Duration configured, std::optional<Duration> rtt_guess) {
  return std::max(configured, rtt_guess.value_or(Duration{}) * 5 / 2);
}

channel::Role channel_role(const Link::Peer& peer) {
  if (peer.description.setup == Setup::active) return channel::Role::server;
  if (peer.description.setup == Setup::passive) return channel::Role::client;
  return peer.role == ice::Role::controlling ? channel::Role::client : channel::Role::server;
}
}  // namespace

std::string_view to_text(EndReason reason) {
  switch (reason) {
    case EndReason::closed:
      return "closed";
    case EndReason::closed_by_peer:
      return "closed-by-peer";
    case EndReason::no_common_address_family:
      return "no-common-address-family";
    case EndReason::punch_failed:
      return "punch-failed";
    case EndReason::connection_lost:
      return "connection-to-target-lost";
    case EndReason::authentication_failed:
      return "authentication-failed";
    case EndReason::protocol_error:
      return "protocol-error";
  }
  return "";
}

Link::Link(Config config, Rng& rng) : config_(std::move(config)), agent_(config_.agent, rng) {}

void Link::begin(Instant now, const Peer& peer) {
  assert(phase_ == Phase::waiting);
  phase_ = Phase::connecting;
  peer_ = peer.description.fingerprint;
  if (peer_) {
    auto channel = config_.channel;
    channel.role = channel_role(peer);
    channel.first_retransmission = first_retransmission(channel.first_retransmission, peer.rtt_guess);
    channel_.emplace(channel, config_.identity);
    if (peer.description.ice.dialect == ice::Dialect::natkit) {
      channel_->prepare(now, *peer_);
      unpack(now, std::exchange(early_cargo_, {}));
    }
  }
  agent_.set_role(peer.role);
  if (peer.rtt_guess) agent_.set_rtt_guess(*peer.rtt_guess);
  const auto& ice = peer.description.ice;
  for (const auto& candidate : ice.candidates) agent_.add_remote(now, candidate);
  agent_.set_remote(now, ice.credentials, ice.dialect);
  if (ice.gathering == ice::Gathering::complete) agent_.end_remote(now);
  start_at_ = peer.start_at;
  handle_timeout(now);
}

void Link::remove_local(Instant now, SocketId base) {
  agent_.remove_local(now, base);
  hear_agent(now);
}

bool Link::handle_datagram(Instant now, const Datagram& in) {
  if (!take(now, in)) return false;
  volume_of(in).received += in.payload.size();
  return true;
}

/// What goes by a pair that is not known yet is an early check, and comes from where nobody stands in between.
Volume& Link::volume_of(const Datagram& datagram) {
  const auto kind = [&](const auto& way) -> Volume& {
    return way.is_routed() ? traffic_.routed : way.is_relayed() ? traffic_.relayed : traffic_.direct;
  };
  const auto& path = agent_.path();
  if (path && path->socket == datagram.socket && path->remote == datagram.remote) return kind(*path);
  for (const auto& pair : agent_.pairs())
    if (pair.local.base == datagram.socket && pair.remote.endpoint == datagram.remote) return kind(pair);
  return traffic_.direct;
}

bool Link::take(Instant now, const Datagram& in) {
  switch (content_of(in.payload)) {
    case Content::stun:
      take_cargo(now, in);
      if (!agent_.handle_datagram(now, in)) return false;
      break;
    case Content::dtls:
      if (!channel_ || !agent_.is_path(in.socket, in.remote)) return false;
      channel_->handle_datagram(now, in.payload);
      load_cargo();
      break;
    case Content::other:
      return false;
  }
  hear_agent(now);
  return true;
}

void Link::take_cargo(Instant now, const Datagram& in) {
  if (phase_ != Phase::waiting && phase_ != Phase::connecting) return;
  auto cargo = agent_.cargo_in(in);
  if (cargo.empty()) return;
  if (!channel_) {
    early_cargo_ = std::move(cargo);
    return;
  }
  unpack(now, cargo);
}

/// The channel's greeting and how long it is, then its last flight: records say themselves how long they are.
Bytes Link::packed() const {
  std::size_t flight = 0;
  for (const auto& datagram : flight_) flight += datagram.size();
  auto greeting = channel_->greeting();
  if (sizeof(std::uint16_t) + greeting.size() + flight > ice::most_cargo) greeting = {};
  Bytes cargo;
  ByteWriter out{cargo};
  out.write_u16(static_cast<std::uint16_t>(greeting.size()));
  out.write_bytes(greeting);
  for (const auto& datagram : flight_) out.write_bytes(datagram);
  return cargo;
}

void Link::unpack(Instant now, ByteView cargo) {
  ByteReader in{cargo};
  if (const auto size = in.read_u16()) {
    const auto greeting = in.read_bytes(*size);
    if (greeting && !greeting->empty()) channel_->handle_greeting(now, *greeting);
    if (greeting && in.remaining() > 0) channel_->handle_datagram(now, *in.read_bytes(in.remaining()));
  }
  load_cargo();
}

/// A new flight means that the one before has arrived.
void Link::load_cargo() {
  if (has_channel_begun_) return;
  std::deque<Bytes> said;
  while (auto datagram = channel_->poll_transmit()) said.push_back(std::move(*datagram));
  if (!said.empty() && said.front().front() != application_data_record) flight_.clear();
  for (auto& datagram : said)
    if (flight_.size() < longest_flight) flight_.push_back(std::move(datagram));
  agent_.set_cargo(packed());
}

void Link::handle_send_failure(Instant now, const Datagram& lost) {
  agent_.handle_send_failure(now, lost);
  hear_agent(now);
}

void Link::handle_timeout(Instant now) {
  if (phase_ == Phase::ended) return;
  if (start_at_ && *start_at_ <= now) {
    start_at_.reset();
    agent_.start(now);
  }
  agent_.handle_timeout(now);
  if (has_channel_begun_) channel_->handle_timeout(now);
  hear_agent(now);
}

void Link::hear_agent(Instant now) {
  while (auto event = agent_.poll_event()) {
    if (const auto* selected = std::get_if<ice::Agent::PathSelected>(&*event)) {
      hear_path(now, selected->path);
    } else if (const auto* lost = std::get_if<ice::Agent::PathLost>(&*event)) {
      events_.emplace_back(PathLost{lost->path});
    } else if (const auto* wish = std::get_if<ice::Agent::WantsFreshBase>(&*event)) {
      events_.emplace_back(WantsFreshBase{wish->family});
    } else if (const auto* failed = std::get_if<ice::Agent::Failed>(&*event)) {
      const auto [reason, detail] = end_of(failed->why);
      end(reason, std::string{detail});
    }
  }
  begin_channel(now);
}

void Link::hear_path(Instant now, const ice::Path& path) {
  const auto before = std::exchange(last_path_, path);
  if (phase_ == Phase::connecting) {
    phase_ = Phase::connected;
    events_.emplace_back(Connected{path});
  } else if (before && !before->is_same_way(path)) {
    events_.emplace_back(PathChanged{*before, path});
  }
  if (!channel_by_) channel_by_ = now + config_.channel.handshake_deadline;
}

/// A peer that can be reached answers checks before it has been told of us, and nothing else until then. So what the
/// handshake says waits for a check of the peer's own. (A foreign one may never send any: RFC 8445 §2.5, lite.)
bool Link::does_peer_know_us() const {
  return agent_.dialect() != ice::Dialect::natkit ||
         std::ranges::any_of(agent_.pairs(), [](const auto& pair) { return pair.heard == ice::Pair::Heard::yes; });
}

void Link::begin_channel(Instant now) {
  const auto& path = agent_.path();
  if (has_channel_begun_ || !channel_ || !path || phase_ == Phase::ended) return;
  if (does_peer_know_us()) {
    has_channel_begun_ = true;
    agent_.set_cargo({});
    channel_->start(now, *peer_, path->rtt);
  } else if (channel_by_ && *channel_by_ <= now) {
    end(EndReason::connection_lost, "the peer answers, but was never told of this side, or has left");
  }
}

/// Nullopt: nothing that the owner need know.
std::optional<Link::Event> Link::translate(channel::Event event) {
  if (const auto* secured = std::get_if<channel::Secured>(&event)) {
    if (phase_ == Phase::ended) return std::nullopt;
    phase_ = Phase::secured;
    return Secured{secured->round_trip};
  }
  if (auto* closed = std::get_if<channel::Closed>(&event)) {
    if (phase_ == Phase::ended) return std::nullopt;
    phase_ = Phase::ended;
    return Ended{end_of(closed->reason), std::move(closed->detail)};
  }
  if (auto* message = std::get_if<channel::Message>(&event)) return std::move(*message);
  if (auto* opened = std::get_if<channel::StreamOpened>(&event)) return std::move(*opened);
  if (auto* ended = std::get_if<channel::StreamClosed>(&event)) return *ended;
  return channel::WritableAgain{};
}

void Link::end(EndReason reason, std::string detail) {
  if (phase_ == Phase::ended) return;
  phase_ = Phase::ended;
  events_.emplace_back(Ended{reason, std::move(detail)});
}

std::expected<channel::StreamId, channel::OpenError> Link::open_stream(Instant now, channel::StreamOptions options) {
  if (!channel_) return std::unexpected(channel::OpenError::closed);
  return channel_->open_stream(now, std::move(options));
}

std::expected<channel::StreamId, channel::OpenError> Link::open_agreed_stream(channel::StreamId stream,
                                                                              channel::StreamOptions options) {
  if (!channel_) return std::unexpected(channel::OpenError::closed);
  return channel_->open_agreed_stream(stream, std::move(options));
}

std::expected<void, channel::SendError> Link::send(Instant now, channel::StreamId stream, channel::MessageKind kind,
                                                   ByteView payload) {
  if (!channel_) return std::unexpected(channel::SendError::not_secured);
  return channel_->send(now, stream, kind, payload);
}

void Link::close_stream(Instant now, channel::StreamId stream) {
  if (channel_) channel_->close_stream(now, stream);
}

void Link::close(Instant now) {
  if (phase_ == Phase::secured)
    channel_->close(now);
  else
    end(EndReason::closed, "before it was secured");
  hear_agent(now);
}

std::optional<Datagram> Link::poll_transmit() {
  auto out = next_datagram();
  if (out) volume_of(*out).sent += out->payload.size();
  return out;
}

std::optional<Datagram> Link::next_datagram() {
  if (auto out = agent_.poll_transmit()) return out;
  const auto& path = agent_.path();
  if (!path || !has_channel_begun_) return std::nullopt;  // what the channel has to say waits
  std::optional<Bytes> payload;
  if (!flight_.empty()) {
    payload = std::move(flight_.front());
    flight_.pop_front();
  } else {
    payload = channel_->poll_transmit();
  }
  if (!payload) return std::nullopt;
  return Datagram{
      .socket = path->socket, .protocol = path->protocol, .remote = path->remote, .payload = std::move(*payload)};
}

std::optional<Instant> Link::poll_timeout() const {
  if (phase_ == Phase::ended) return std::nullopt;
  auto due = agent_.poll_timeout();
  for (const auto at : {start_at_, has_channel_begun_ ? channel_->poll_timeout() : channel_by_})
    if (at && (!due || *at < *due)) due = at;
  return due;
}

std::optional<Link::Event> Link::poll_event() {
  if (!events_.empty()) {
    auto out = std::move(events_.front());
    events_.pop_front();
    return out;
  }
  // Taken from the channel only now: what is left there slows the peer down, so nothing grows.
  // Before there is a path the handshake may be done or have failed already: that is told then.
  if (!channel_ || phase_ == Phase::connecting) return std::nullopt;
  while (auto event = channel_->poll_event())
    if (auto out = translate(std::move(*event))) return out;
  return std::nullopt;
}
}  // namespace natkit::link
