#pragma once
// What a channel is behind its public face: DTLS below, SCTP in it, streams on top, and the order in which they live.
#include <deque>
#include <optional>
#include <string>

#include "natkit/channel/association.hpp"
#include "natkit/channel/channel.hpp"
#include "natkit/channel/dtls.hpp"
#include "natkit/channel/greeting.hpp"
#include "natkit/channel/streams.hpp"

namespace natkit::channel {
class Session {
 public:
  Session(const Channel::Config& config, crypto::Identity identity);

  void prepare(Instant now, const crypto::Fingerprint& peer);
  void start(Instant now, const crypto::Fingerprint& peer, std::optional<Duration> round_trip);
  [[nodiscard]] ByteView greeting() const { return greeting_.said(); }
  void handle_greeting(Instant now, ByteView greeting);
  void handle_datagram(Instant now, ByteView datagram);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Bytes> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] std::expected<StreamId, OpenError> open_stream(Instant now, StreamOptions options);
  [[nodiscard]] std::expected<StreamId, OpenError> open_agreed_stream(StreamId stream, StreamOptions options);
  void close_stream(Instant now, StreamId stream);
  [[nodiscard]] std::expected<void, SendError> send(Instant now, StreamId stream, MessageKind kind, ByteView payload);
  [[nodiscard]] std::size_t buffered_bytes() const;
  void set_mtu(Instant now, std::size_t mtu);
  void close(Instant now);
  void abort(Instant now);

 private:
  enum class Phase : std::uint8_t {
    idle,
    handshaking,
    open,
    closing,    ///< close() was called, and what was sent before is under way
    lingering,  ///< over, but the peer may not have heard so
    over,
  };
  /// Every input begins here: SCTP's timers catch up with the time first.
  void begin(Instant now);
  void keep(ByteView datagram);
  void look_at_dtls();
  void become_secured();
  void associate(std::optional<Duration> round_trip);
  void keep_greeting();
  void go_on();
  void take_in(ByteView datagram);
  void read_records();
  void check_deadlines();
  void finish(CloseReason reason, std::string detail);
  void seal_packets();
  void translate(Association::Event event);
  [[nodiscard]] bool is_association_busy() const;
  [[nodiscard]] bool is_running() const { return phase_ == Phase::open || phase_ == Phase::closing; }
  [[nodiscard]] bool is_ended() const { return phase_ == Phase::lingering || phase_ == Phase::over; }

  Channel::Config config_;
  Dtls dtls_;
  Streams streams_;
  Greeting greeting_;
  std::optional<Association> association_;  ///< from prepare() or Secured until Closed has been fetched
  Phase phase_ = Phase::idle;
  Instant now_{};         ///< of the latest input
  Instant started_{};     ///< of the handshake, the closing or the lingering
  Instant last_heard_{};  ///< something authentic
  Instant last_active_{};
  bool has_path_ = false;  ///< until then no clock runs
  std::optional<Duration> path_round_trip_;
  bool is_up_ = false;      ///< SCTP's own handshake is done
  bool may_go_on_ = false;  ///< with that, for there is data to go with it, or there was time for some
  bool is_full_ = false;    ///< somebody waits for WritableAgain
  std::deque<Bytes> early_;
  std::deque<Event> events_;
  std::optional<Closed> end_;
  std::optional<Bytes> last_words_;
  unsigned repetitions_ = 0;
  std::deque<Bytes> repeated_;
};
}  // namespace natkit::channel
