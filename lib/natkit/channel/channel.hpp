#pragma once
/// Streams of messages to one peer whose certificate is known, over any path that carries datagrams: SCTP (RFC 9260)
/// inside DTLS 1.2 (RFC 6347), as RFC 8261 and RFC 8831 lay down for WebRTC, so that a browser may be the other end.
///
///   idle --start(), prepare()--> handshaking --Secured--> open --close() | close of the peer--> closing ----> over
///                         |                      |                                     ^
///                         +---- wrong certificate, silence, abort(), violation --------+  (Closed says which)
///
/// A machine like the others, save that it knows no addresses: the owner hands in the datagrams that are DTLS (RFC
/// 7983) and sends what `poll_transmit` gives on whatever path it holds for the best, another one each time if it
/// likes. The owner drains `poll_event` and then `poll_transmit` after every input. Messages that it leaves unpolled
/// slow the peer down; nothing grows.
///
/// Two fences. OpenSSL and usrsctp read the system's clock and chance by themselves: for virtual time, the program has
/// to define `gettimeofday`, and two runs never give the same bytes. And usrsctp is one stack for the whole process, so
/// all channels of a process belong to one thread, and to one line of `Instant`s.
#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "natkit/base/bytes.hpp"
#include "natkit/base/time.hpp"
#include "natkit/channel/stream.hpp"
#include "natkit/crypto/identity.hpp"

namespace natkit::channel {
enum class Role : std::uint8_t {
  client,  ///< speaks first (`a=setup:active`)
  server,  ///< waits for the other (`a=setup:passive`)
};

enum class CloseReason : std::uint8_t {
  closed_here,     ///< by `close()`, and all that was sent before has arrived, unless the peer was too slow
  aborted_here,    ///< by `abort()`
  closed_by_peer,  ///< in order
  aborted_by_peer,
  wrong_fingerprint,    ///< the peer's certificate is not the expected one: this is somebody else
  refused_by_peer,      ///< the peer did not take our certificate, or none of our ciphers
  handshake_failed,     ///< the peer speaks no DTLS 1.2 that we understand
  handshake_timed_out,  ///< no answer, or none in time
  peer_silent,          ///< nothing authentic came for `Config::silence`
  violation,            ///< the peer broke a protocol or exceeded a limit
};
/// "closed-by-peer" …: stable names, for scripts
[[nodiscard]] std::string_view to_text(CloseReason reason);

/// The handshake is done and the peer is the expected one. Streams may be opened and messages sent from now on.
struct Secured {
  std::optional<Duration> round_trip{};  ///< as the handshake showed it; nothing where datagrams were lost
};
/// The peer opened a stream.
struct StreamOpened {
  StreamId stream{};
  StreamOptions options{};
};
/// The peer closed it, or both did; its number may come again.
struct StreamClosed {
  StreamId stream{};
};
struct Message {
  StreamId stream{};
  MessageKind kind{};
  Bytes payload{};
};
/// After `SendError::buffer_full`: what waits to be sent has sunk to `Config::low_water`.
struct WritableAgain {};
/// The last event, and the only one of its kind.
struct Closed {
  CloseReason reason{};
  std::string detail{};  ///< for people; may quote the peer's alert
};
using Event = std::variant<Secured, StreamOpened, StreamClosed, Message, WritableAgain, Closed>;

enum class SendError {
  not_secured,  ///< too early
  closed,       ///< too late
  no_such_stream,
  too_large,    ///< more than `Config::largest_message`
  buffer_full,  ///< WritableAgain will tell
};
enum class OpenError {
  closed,
  too_many,  ///< all `Config::streams` are in use
  taken,     ///< that number is in use already
  too_long,  ///< a label or protocol of more than 65535 bytes
};

class Session;

class Channel {
 public:
  struct Config {
    Role role = Role::client;
    /// Of a datagram's payload. 1200 passes everywhere: IPv6's least MTU less headers and a TURN header (RFC 8261 §5).
    std::size_t mtu = 1200;
    std::uint16_t streams = 64;            ///< in each direction; the peer may allow fewer
    std::size_t largest_message = 262144;  ///< either way; what browsers say of themselves in a=max-message-size
    std::size_t send_buffer = std::size_t{4} << 20;  ///< a round trip of 80 ms at 400 Mbit/s; a message must fit
    /// The same, and the peer may fill it. At least twice `largest_message` where messages may be given up half way.
    std::size_t receive_buffer = std::size_t{4} << 20;
    std::size_t low_water = std::size_t{2} << 20;  ///< half, so that the wire does not run dry meanwhile
    Duration first_retransmission = std::chrono::milliseconds{100};  ///< of the handshake; doubles up to a second
    Duration handshake_deadline = std::chrono::seconds{10};          ///< from start()
    Duration silence = std::chrono::seconds{30};        ///< longer than ICE takes to find another path (RFC 7675: 30 s)
    Duration close_deadline = std::chrono::seconds{3};  ///< for what was sent before close() to arrive
  };

  Channel(Config config, crypto::Identity identity);
  ~Channel();
  Channel(Channel&&) noexcept;
  Channel& operator=(Channel&&) noexcept;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// There is a path to the peer. Without `prepare` nothing is said before; what the peer said before is kept, and
  /// answered now. The round trip is what is known of that path.
  void start(Instant now, const crypto::Fingerprint& peer, std::optional<Duration> round_trip = {});
  /// Begins the handshake while the path is still looked for: what there is to say rides on something else, and no
  /// clock runs, so nothing is repeated and nothing times out before `start`.
  void prepare(Instant now, const crypto::Fingerprint& peer);
  /// Of a handshake that was prepared: what SCTP has to tell, which is neither encrypted nor DTLS, so that both need
  /// not shake hands one after the other. To be told beside the datagrams, by a way that lets nobody but the peer
  /// speak. Empty: nothing. What is never told costs a round trip and nothing else.
  [[nodiscard]] ByteView greeting() const;
  void handle_greeting(Instant now, ByteView greeting);
  void handle_datagram(Instant now, ByteView datagram);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Bytes> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// A stream both ways, told to the peer. May be called before Secured.
  [[nodiscard]] std::expected<StreamId, OpenError> open_stream(Instant now, StreamOptions options);
  /// A stream that both programs know of: nothing is told, and the peer must do the same.
  [[nodiscard]] std::expected<StreamId, OpenError> open_agreed_stream(StreamId stream, StreamOptions options);
  /// What was sent before still arrives. Unknown streams are passed over.
  void close_stream(Instant now, StreamId stream);

  /// All or nothing; the order of a stream is that of its calls.
  [[nodiscard]] std::expected<void, SendError> send(Instant now, StreamId stream, MessageKind kind, ByteView payload);
  /// Handed in, and not yet acknowledged by the peer.
  [[nodiscard]] std::size_t buffered_bytes() const;

  /// For the current path, when it is known; at least 576 (RFC 791), at most 16384 less DTLS's overhead.
  void set_mtu(Instant now, std::size_t mtu);

  /// After what was sent has arrived, or `Config::close_deadline`.
  void close(Instant now);
  /// At once; the peer is told, if that arrives.
  void abort(Instant now);

 private:
  std::unique_ptr<Session> session_;
};
}  // namespace natkit::channel
