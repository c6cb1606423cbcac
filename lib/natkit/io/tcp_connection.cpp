#include "natkit/io/tcp_connection.hpp"

#include <array>
#include <asio/buffer.hpp>
#include <utility>

#include "natkit/io/asio_address.hpp"
#include "natkit/io/asio_error.hpp"
#include "natkit/io/clock.hpp"

namespace natkit::io {
namespace {
constexpr std::size_t piece_bytes = 16384;
constexpr int pieces_in_a_row = 4;  // then the other sockets get their turn
// Of a stranger: several times what any Binding or Allocate exchange needs, and the most that he can make us hold.
constexpr std::size_t most_message_bytes = 4096;
// A first byte tells who speaks: STUN begins with 0 or 1, and nobody begins with ChannelData (RFC 8656 §12).
constexpr std::uint8_t tls_handshake = 22;  // RFC 8446 §5.1
constexpr std::uint8_t line_begin = '{';    // JSON, in lines
}  // namespace

TcpConnection::TcpConnection(TcpConnections& all, Origin origin, SocketId socket, const Endpoint& remote,
                             asio::ip::tcp::socket stream)
    : all_(all), origin_(origin), socket_(socket), remote_(remote), stream_(std::move(stream)), last_message_(now()) {
  if (all.options_.framing != TcpFraming::none) framer_.emplace(most_message_bytes);
}

void TcpConnection::connect(const Endpoint& local, PortUse use) {
  if (state_ == State::closed) return;
  std::error_code error;
  stream_.open(remote_.address.is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6(), error);
  if (!error && use == PortUse::meets && !share_port(stream_.native_handle()))
    error = std::make_error_code(std::errc::address_in_use);
  if (!error && (!local.address.is_unspecified() || local.port != 0)) stream_.bind(to_asio(local), error);
  if (error) return fail(error.message());
  stream_.async_connect(to_asio(remote_), [self = shared_from_this()](const std::error_code& failed) {
    if (self->state_ == State::closed) return;
    if (failed) {
      self->fail(failed.message());
      self->all_.owner_.settle();
      return;
    }
    self->all_.owner_.report_connected(self->socket_, self->remote_);
    self->start();
    self->all_.owner_.settle();
  });
}

void TcpConnection::start() {
  state_ = State::open;
  std::error_code error;
  stream_.non_blocking(true, error);
  stream_.set_option(asio::ip::tcp::no_delay(true), error);  // a request is one small piece: never wait for a second
  if (const auto local = stream_.local_endpoint(error); !error) local_ = from_asio(local);
  if (all_.overflow_of(socket_) == Overflow::drops) keep_queue_short(stream_.native_handle());
  write();
  read();
}

void TcpConnection::use_tls(const crypto::TlsContext& context, const std::string& server) {
  tls_ = context.connect(server);
}

void TcpConnection::close() {
  if (tls_ && state_ == State::open && unsent_.empty()) {
    tls_->close();
    const auto farewell = tls_->take();
    std::error_code ignored;  // who does not take it will take the connection for cut off
    static_cast<void>(stream_.write_some(asio::buffer(farewell), ignored));
  }
  state_ = State::closed;
  std::error_code ignored;  // it is over either way
  stream_.close(ignored);
}

void TcpConnection::yield_to(TcpConnection& other) { other.send(std::exchange(unsent_, {})); }

void TcpConnection::end() {
  is_ending_ = true;
  if (unsent_.empty()) shut();
}

/// A server lets its client close first: closing on bytes not yet read would take the last words back (RFC 1122
/// §4.2.2.13). One that does not is swept away with the idle ones.
void TcpConnection::shut() {
  if (origin_ == Origin::ours || state_ != State::open) return all_.remove(*this);
  std::error_code ignored;  // then it is closed already
  if (tls_) {
    tls_->close();
    static_cast<void>(stream_.write_some(asio::buffer(tls_->take()), ignored));
  }
  stream_.shutdown(asio::socket_base::shutdown_send, ignored);
}

void TcpConnection::fail(std::string_view why) { is_ending_ ? all_.remove(*this) : all_.drop(*this, why); }

void TcpConnection::read() {
  if (state_ != State::open) return;
  stream_.async_wait(asio::socket_base::wait_read, [self = shared_from_this()](const std::error_code& error) {
    if (error || self->state_ != State::open) return;
    const bool is_alive = self->read_available();
    self->all_.owner_.settle();
    if (is_alive) self->read();
  });
}

bool TcpConnection::read_available() {
  std::array<std::uint8_t, piece_bytes> piece;  // NOLINT(*-member-init): read_some fills what is looked at
  for (int i = 0; i < pieces_in_a_row; ++i) {
    std::error_code error;
    const auto count = stream_.read_some(asio::buffer(piece), error);
    if (would_block(error)) return true;
    if (error) {
      fail(error == asio::error::eof ? "the other side closed the connection" : error.message());
      return false;
    }
    if (!receive(ByteView{piece}.first(count))) return false;
    if (count < piece.size()) return true;
  }
  return true;
}

bool TcpConnection::receive(ByteView piece) {
  const bool is_first = !std::exchange(has_received_, true);
  if (is_first && origin_ == Origin::accepted && all_.options_.tls && piece.front() == tls_handshake)
    tls_ = all_.options_.tls->accept();
  return tls_ ? receive_tls(piece) : deliver(piece);
}

bool TcpConnection::receive_tls(ByteView piece) {
  tls_->receive(piece);
  const auto plain = tls_->read();
  if (!plain.empty() && !deliver(plain)) return false;
  send({});  // what the session has to say itself
  if (state_ == State::open && !tls_->failure().empty()) fail(tls_->failure());
  return state_ == State::open;
}

bool TcpConnection::deliver(ByteView piece) {
  if (is_ending_) return true;
  if (!std::exchange(is_told_apart_, true) && all_.options_.framing == TcpFraming::turn_or_lines &&
      piece.front() == line_begin)
    framer_.reset();
  if (!framer_) {
    hand_over(Bytes(piece.begin(), piece.end()));
    return state_ == State::open;
  }
  if (framer_->most_message_bytes() == most_message_bytes && is_needed())
    framer_->set_most_message_bytes(turn::StreamFramer::largest_message);
  framer_->append(piece);
  while (const auto message = framer_->next()) {
    if (!is_welcome(*message)) {
      fail("the other side does not speak STUN");
      return false;
    }
    hand_over(Bytes(message->begin(), message->end()));
  }
  if (framer_->is_broken()) fail("the other side does not speak STUN");
  return state_ == State::open;
}

/// ChannelData begins with other bits than STUN (RFC 8656 §12).
bool TcpConnection::is_welcome(ByteView message) const {
  return all_.options_.framing != TcpFraming::stun || (message[0] & 0xC0U) == 0;
}

bool TcpConnection::is_needed() const {
  return all_.options_.needs_connection && all_.options_.needs_connection(socket_, local_, remote_);
}

void TcpConnection::hand_over(Bytes payload) {
  last_message_ = now();
  all_.owner_.deliver({.socket = socket_,
                       .protocol = Protocol::tcp,
                       .local = local_,
                       .remote = remote_,
                       .payload = std::move(payload)});
}

void TcpConnection::send(const Bytes& payload) {
  if (state_ == State::closed) return;
  if (unsent_.size() + payload.size() > all_.options_.tcp.unsent_bytes) {
    if (all_.overflow_of(socket_) == Overflow::drops) return;
    if (framer_ && all_.options_.framing != TcpFraming::stun) return;
    return fail("the other side does not read what it is sent");
  }
  if (tls_) {
    tls_->write(payload);
    const auto sealed = tls_->take();
    unsent_.insert(unsent_.end(), sealed.begin(), sealed.end());
  } else {
    unsent_.insert(unsent_.end(), payload.begin(), payload.end());
  }
  if (!is_writing_) write();
}

void TcpConnection::write() {
  if (state_ != State::open || unsent_.empty()) return;
  std::error_code error;
  const auto count = stream_.write_some(asio::buffer(unsent_), error);
  const bool is_full = would_block(error);
  if (error && !is_full) return fail(error.message());
  unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(count));
  is_writing_ = !unsent_.empty();
  if (!is_writing_ && is_ending_) return shut();
  if (!is_writing_) return;
  stream_.async_wait(asio::socket_base::wait_write, [self = shared_from_this()](const std::error_code& failed) {
    if (failed) return;
    self->write();
    self->all_.owner_.settle();
  });
}
}  // namespace natkit::io
