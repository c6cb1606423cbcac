#include "natkit/channel/session.hpp"

#include <algorithm>
#include <utility>

namespace natkit::channel {
namespace {
// While anything is under way SCTP's timers are looked after this often: a tenth of the shortest of them.
constexpr Duration busy_tick = std::chrono::milliseconds{10};
// Otherwise only heartbeats are, which are seconds apart.
constexpr Duration idle_tick = std::chrono::milliseconds{500};
// How long after the last packet a delayed acknowledgement may still be due (20 ms, and a tick), twice.
constexpr Duration afterglow = std::chrono::milliseconds{60};
// For the peer to ask again because our last words were lost: its own repetitions come after 100, 200 and 400 ms.
constexpr Duration linger_time = std::chrono::seconds{1};
constexpr unsigned most_repetitions = 8;  // whoever asks a thousand times is answered no louder

// A flight of the handshake and the first packets of data, from a peer that is a round trip ahead of us.
constexpr std::size_t most_early_datagrams = 16;
constexpr std::size_t longest_early_datagram = 2048;

constexpr std::uint8_t application_data_record = 23;  // RFC 5246 §6.2.1
// Without a measured round trip, what RFC 9260 §16 begins with. With one, TCP's rule (RFC 6298 §2.2), within bounds.
constexpr std::chrono::milliseconds unknown_first_timeout{1000};
constexpr std::chrono::milliseconds shortest_first_timeout{200};
constexpr int heartbeats_per_silence = 4;  // one or two may be lost before anything is concluded

std::chrono::milliseconds first_timeout(std::optional<Duration> round_trip) {
  if (!round_trip) return unknown_first_timeout;
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(3 * *round_trip);
  return std::clamp(timeout, shortest_first_timeout, unknown_first_timeout);
}

/// All channels of a process are due together, so that the stack's timers are walked once for all of them.
Instant next_on_grid(Instant now, Duration period) { return Instant{(now.time_since_epoch() / period + 1) * period}; }
}  // namespace

Session::Session(const Channel::Config& config, crypto::Identity identity)
    : config_(config),
      dtls_({.role = config.role, .mtu = config.mtu, .first_retransmission = config.first_retransmission},
            std::move(identity)),
      streams_(config.role, config.streams),
      greeting_(config.role) {}

void Session::begin(Instant now) {
  now_ = now;
  SctpStack::of_process().advance(now);
  keep_greeting();
}

void Session::start(Instant now, const crypto::Fingerprint& peer, std::optional<Duration> round_trip) {
  if (has_path_) return;
  has_path_ = true;
  path_round_trip_ = round_trip;
  prepare(now, peer);
  begin(now);
  if (phase_ == Phase::handshaking) started_ = now;
  last_heard_ = now;
  dtls_.note_repetition(now);
}

void Session::prepare(Instant now, const crypto::Fingerprint& peer) {
  if (phase_ != Phase::idle) return;
  begin(now);
  phase_ = Phase::handshaking;
  started_ = now;
  dtls_.start(now, peer);
  if (!has_path_) {
    associate({});
    keep_greeting();
  }
  for (const auto& datagram : std::exchange(early_, {})) take_in(datagram);
}

/// Until the peer is known, nothing else of the association leaves.
void Session::keep_greeting() {
  if (phase_ != Phase::handshaking || !association_) return;
  while (auto packet = association_->poll_packet()) greeting_.say(std::move(*packet));
}

void Session::handle_greeting(Instant now, ByteView greeting) {
  begin(now);
  if (phase_ != Phase::handshaking || !association_ || !greeting_.hear(greeting)) return;
  if (config_.role == Role::server) return;  // data is to go with the answer, and there is none yet
  association_->handle_packet(*greeting_.take_heard());
  keep_greeting();
}

/// The server's half of SCTP's handshake, as soon as there are data for it to carry.
void Session::go_on() {
  if (config_.role != Role::server || !may_go_on_ || !is_running()) return;
  if (const auto heard = greeting_.take_heard()) association_->handle_packet(*heard);
}

void Session::keep(ByteView datagram) {
  if (early_.size() >= most_early_datagrams || datagram.size() > longest_early_datagram) return;
  early_.emplace_back(datagram.begin(), datagram.end());
}

void Session::handle_datagram(Instant now, ByteView datagram) {
  begin(now);
  if (phase_ == Phase::idle) {
    keep(datagram);
  } else if (phase_ == Phase::lingering) {
    if (last_words_ && repetitions_++ < most_repetitions) repeated_.push_back(*last_words_);
  } else if (phase_ != Phase::over) {
    take_in(datagram);
  }
}

void Session::take_in(ByteView datagram) {
  if (is_ended()) return;
  // It came before the end of the handshake that it belongs behind. OpenSSL would drop it.
  if (phase_ == Phase::handshaking && !datagram.empty() && datagram[0] == application_data_record) {
    keep(datagram);
    return;
  }
  dtls_.handle_datagram(now_, datagram);
  if (phase_ == Phase::handshaking && dtls_.is_secured()) become_secured();
  read_records();
  look_at_dtls();
  if (phase_ == Phase::open) {
    for (const auto& kept : std::exchange(early_, {})) take_in(kept);
  }
}

void Session::read_records() {
  while (const auto packet = dtls_.read()) {
    last_heard_ = last_active_ = now_;
    if (association_ && is_running()) association_->handle_packet(*packet);
  }
}

void Session::look_at_dtls() {
  if (dtls_.failure() && !is_ended()) finish(dtls_.failure()->reason, dtls_.failure()->detail);
}

void Session::become_secured() {
  phase_ = Phase::open;
  last_heard_ = last_active_ = now_;
  const auto round_trip = dtls_.round_trip() ? dtls_.round_trip() : path_round_trip_;
  events_.emplace_back(Secured{round_trip});
  // An INIT that was told to nobody is told anew: when it would be repeated, SCTP alone knows.
  if (association_ && !greeting_.has_heard()) association_.reset();
  if (association_)
    association_->set_first_timeout(first_timeout(round_trip));
  else
    associate(round_trip);
  streams_.flush(*association_);
}

void Session::associate(std::optional<Duration> round_trip) {
  association_.emplace(SctpOptions{.packet_bytes = config_.mtu - Dtls::overhead,
                                   .streams = config_.streams,
                                   .send_buffer = config_.send_buffer,
                                   .receive_buffer = config_.receive_buffer,
                                   .first_timeout = first_timeout(round_trip),
                                   .heartbeat = std::chrono::duration_cast<std::chrono::milliseconds>(config_.silence) /
                                                heartbeats_per_silence},
                       config_.largest_message);
  association_->connect();
}

void Session::handle_timeout(Instant now) {
  begin(now);
  if (!has_path_) return;
  if (phase_ == Phase::handshaking) dtls_.handle_timeout(now);
  may_go_on_ = may_go_on_ || is_running();
  look_at_dtls();
  check_deadlines();
}

void Session::check_deadlines() {
  const auto is_over = [this](Duration allowed) { return now_ - started_ >= allowed; };
  if (phase_ == Phase::handshaking && is_over(config_.handshake_deadline)) {
    finish(CloseReason::handshake_timed_out, "the peer did not complete the handshake");
  } else if (phase_ == Phase::closing && is_over(config_.close_deadline)) {
    finish(CloseReason::closed_here, "the peer did not take everything in time");
  } else if (is_running() && now_ - last_heard_ >= config_.silence) {
    finish(CloseReason::peer_silent, "nothing came from the peer for too long");
  } else if (phase_ == Phase::lingering && is_over(linger_time)) {
    phase_ = Phase::over;
  }
}

void Session::finish(CloseReason reason, std::string detail) {
  const bool keeps_messages = reason == CloseReason::closed_by_peer || reason == CloseReason::aborted_by_peer;
  end_ = Closed{reason, std::move(detail)};
  if (association_ && !keeps_messages) {
    association_->abort();
    if (dtls_.is_secured()) seal_packets();
    association_.reset();
  }
  dtls_.write_close();
  last_words_ = dtls_.last_datagram();
  phase_ = last_words_ ? Phase::lingering : Phase::over;
  started_ = now_;
  early_.clear();
}

void Session::seal_packets() {
  while (auto packet = association_->poll_packet()) dtls_.write(*packet);
}

std::optional<Bytes> Session::poll_transmit() {
  go_on();
  while (true) {
    if (auto datagram = dtls_.poll_transmit()) return datagram;
    auto packet = association_ && is_running() ? association_->poll_packet() : std::nullopt;
    if (!packet) break;
    last_active_ = now_;
    dtls_.write(*packet);
  }
  if (repeated_.empty()) return std::nullopt;
  auto out = std::move(repeated_.front());
  repeated_.pop_front();
  return out;
}

std::optional<Event> Session::poll_event() {
  while (true) {
    if (!events_.empty()) {
      auto out = std::move(events_.front());
      events_.pop_front();
      return out;
    }
    auto event = association_ ? association_->poll_event() : std::nullopt;
    if (!event) break;
    translate(std::move(*event));
  }
  if (association_ && is_running()) {
    streams_.flush(*association_);
    if (streams_.take_released() || (is_full_ && association_->buffered_bytes() <= config_.low_water)) {
      is_full_ = false;
      return WritableAgain{};
    }
  }
  if (!end_) return std::nullopt;
  association_.reset();
  return std::exchange(end_, {});
}

void Session::translate(Association::Event event) {
  if (auto* incoming = std::get_if<Association::Incoming>(&event)) {
    auto told = streams_.handle_incoming(*association_, std::move(*incoming));
    if (!told) {
      finish(CloseReason::violation, std::move(told.error()));
    } else if (*told) {
      if (const auto replaced = streams_.take_replaced()) events_.emplace_back(*replaced);
      events_.push_back(std::move(**told));
    }
  } else if (const auto* up = std::get_if<SctpSocket::Up>(&event)) {
    is_up_ = true;
    association_->lift_first_timeout();
    streams_.handle_up(*association_, up->outgoing_streams);
    if (phase_ == Phase::closing) association_->shutdown();
  } else if (const auto* reset = std::get_if<SctpSocket::Reset>(&event)) {
    for (const auto& gone : streams_.handle_reset(*association_, *reset)) events_.emplace_back(gone);
  } else if (std::holds_alternative<Association::TooLarge>(event)) {
    finish(CloseReason::violation, "a message larger than agreed");
  } else if (!is_ended()) {
    const bool is_orderly = std::get<SctpSocket::Down>(event).cause == SctpSocket::Down::Cause::closed;
    finish(phase_ == Phase::closing ? CloseReason::closed_here
           : is_orderly             ? CloseReason::closed_by_peer
                                    : CloseReason::aborted_by_peer,
           "");
  }
}

bool Session::is_association_busy() const {
  return !is_up_ || phase_ == Phase::closing || streams_.is_waiting() || now_ - last_active_ < afterglow ||
         (association_ && association_->buffered_bytes() > 0);
}

std::optional<Instant> Session::poll_timeout() const {
  if (!has_path_) return std::nullopt;
  switch (phase_) {
    case Phase::idle:
    case Phase::over:
      return std::nullopt;
    case Phase::lingering:
      return started_ + linger_time;
    case Phase::handshaking: {
      const auto deadline = started_ + config_.handshake_deadline;
      return std::min(dtls_.poll_timeout().value_or(deadline), deadline);
    }
    case Phase::open:
    case Phase::closing:
      break;
  }
  auto out = std::min(next_on_grid(now_, is_association_busy() ? busy_tick : idle_tick), last_heard_ + config_.silence);
  if (phase_ == Phase::closing) out = std::min(out, started_ + config_.close_deadline);
  return out;
}

std::expected<StreamId, OpenError> Session::open_stream(Instant now, StreamOptions options) {
  if (is_ended() || phase_ == Phase::closing) return std::unexpected(OpenError::closed);
  begin(now);
  auto stream = streams_.open(std::move(options));
  if (phase_ == Phase::open) streams_.flush(*association_);
  may_go_on_ = may_go_on_ || phase_ == Phase::open;
  return stream;
}

std::expected<StreamId, OpenError> Session::open_agreed_stream(StreamId stream, StreamOptions options) {
  if (is_ended() || phase_ == Phase::closing) return std::unexpected(OpenError::closed);
  return streams_.open_agreed(stream, std::move(options));
}

void Session::close_stream(Instant now, StreamId stream) {
  begin(now);
  streams_.close(stream, association_ ? &*association_ : nullptr);
}

std::expected<void, SendError> Session::send(Instant now, StreamId stream, MessageKind kind, ByteView payload) {
  if (is_ended() || phase_ == Phase::closing) return std::unexpected(SendError::closed);
  if (phase_ != Phase::open || !association_) return std::unexpected(SendError::not_secured);
  if (payload.size() > std::min(config_.largest_message, config_.send_buffer)) {
    return std::unexpected(SendError::too_large);
  }
  begin(now);
  auto sent = buffered_bytes() + payload.size() > config_.send_buffer
                  ? std::unexpected(SendError::buffer_full)
                  : streams_.send(*association_, stream, kind, payload);
  may_go_on_ = true;
  is_full_ |= !sent && sent.error() == SendError::buffer_full && !streams_.is_held(stream);
  return sent;
}

std::size_t Session::buffered_bytes() const { return association_ ? association_->buffered_bytes() : 0; }

void Session::set_mtu(Instant now, std::size_t mtu) {
  begin(now);
  config_.mtu = mtu;
  dtls_.set_mtu(mtu);
  if (association_) association_->set_packet_bytes(mtu - Dtls::overhead);
}

void Session::close(Instant now) {
  if (is_ended() || phase_ == Phase::closing) return;
  begin(now);
  if (phase_ != Phase::open) {
    finish(CloseReason::closed_here, "");
    return;
  }
  phase_ = Phase::closing;
  started_ = now;
  if (is_up_) association_->shutdown();
}

void Session::abort(Instant now) {
  if (is_ended()) return;
  begin(now);
  finish(CloseReason::aborted_here, "");
}
}  // namespace natkit::channel
