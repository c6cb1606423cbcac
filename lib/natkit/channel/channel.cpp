#include "natkit/channel/channel.hpp"

#include "natkit/channel/session.hpp"

namespace natkit::channel {
std::string_view to_text(CloseReason reason) {
  switch (reason) {
    case CloseReason::closed_here:
      return "closed-here";
    case CloseReason::aborted_here:
      return "aborted-here";
    case CloseReason::closed_by_peer:
      return "closed-by-peer";
    case CloseReason::aborted_by_peer:
      return "aborted-by-peer";
    case CloseReason::wrong_fingerprint:
      return "wrong-fingerprint";
    case CloseReason::refused_by_peer:
      return "refused-by-peer";
    case CloseReason::handshake_failed:
      return "handshake-failed";
    case CloseReason::handshake_timed_out:
      return "handshake-timed-out";
    case CloseReason::peer_silent:
      return "peer-silent";
    case CloseReason::violation:
      return "violation";
  }
  return "";
}

Channel::Channel(Config config, crypto::Identity identity)
    : session_(std::make_unique<Session>(config, std::move(identity))) {}
Channel::~Channel() = default;
Channel::Channel(Channel&&) noexcept = default;
Channel& Channel::operator=(Channel&&) noexcept = default;

void Channel::start(Instant now, const crypto::Fingerprint& peer, std::optional<Duration> round_trip) {
  session_->start(now, peer, round_trip);
}
void Channel::prepare(Instant now, const crypto::Fingerprint& peer) { session_->prepare(now, peer); }
ByteView Channel::greeting() const { return session_->greeting(); }
void Channel::handle_greeting(Instant now, ByteView greeting) { session_->handle_greeting(now, greeting); }
void Channel::handle_datagram(Instant now, ByteView datagram) { session_->handle_datagram(now, datagram); }
void Channel::handle_timeout(Instant now) { session_->handle_timeout(now); }
std::optional<Event> Channel::poll_event() { return session_->poll_event(); }
std::optional<Bytes> Channel::poll_transmit() { return session_->poll_transmit(); }
std::optional<Instant> Channel::poll_timeout() const { return session_->poll_timeout(); }

std::expected<StreamId, OpenError> Channel::open_stream(Instant now, StreamOptions options) {
  return session_->open_stream(now, std::move(options));
}
std::expected<StreamId, OpenError> Channel::open_agreed_stream(StreamId stream, StreamOptions options) {
  return session_->open_agreed_stream(stream, std::move(options));
}
void Channel::close_stream(Instant now, StreamId stream) { session_->close_stream(now, stream); }
std::expected<void, SendError> Channel::send(Instant now, StreamId stream, MessageKind kind, ByteView payload) {
  return session_->send(now, stream, kind, payload);
}
std::size_t Channel::buffered_bytes() const { return session_->buffered_bytes(); }
void Channel::set_mtu(Instant now, std::size_t mtu) { session_->set_mtu(now, mtu); }
void Channel::close(Instant now) { session_->close(now); }
void Channel::abort(Instant now) { session_->abort(now); }
}  // namespace natkit::channel
