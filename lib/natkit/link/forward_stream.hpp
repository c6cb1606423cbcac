#pragma once
// Private to the room: one forwarded TCP connection, at either side of the link. Its bytes are messages of one stream:
//
//   program --pipe--> ForwardStream ==stream "tcp host:port"==> ForwardStream --pipe--> host:port
//
// Binary messages are bytes; text is one of
//   take N       the sender may send N bytes more; both begin with `first_window`
//   end          no more bytes from this side; the other direction goes on
//   reset        cut off: the pipe at the sender's side was
//   refused WHY  nobody is connected to at the sender's side
// So one slow reader holds up its own connection and no other, and each side keeps no more than it allowed.
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/pipe.hpp"
#include "natkit/link/link.hpp"

namespace natkit::link {
class ForwardStream {
 public:
  static constexpr std::size_t first_window = 65'536;
  static constexpr std::size_t most_window = std::size_t{4} << 20;  ///< as much as the link keeps of what it sends

  /// `out`: where the wishes for pipes go.
  ForwardStream(PipeId pipe, channel::StreamId stream, std::deque<PipeChange>& out)
      : out_(out), pipe_(pipe), stream_(stream) {}

  /// The pipe stands.
  void begin() { read_next(); }
  /// One address after the other, until one takes it.
  void connect(Instant deadline, std::vector<Endpoint> targets);

  void handle_opened();
  void handle_read(ByteView piece);
  void handle_written();
  void handle_failure(std::string_view why);
  void handle_timeout(Instant now);
  void handle_stream_closed();
  void hear(const channel::Message& message);
  /// Takes back all that it has, and tells the peer.
  void refuse(std::string why);

  enum class Flushed : std::uint8_t { all, blocked };
  /// Sends what is to be sent. `window`: how much the peer may have on its way.
  Flushed flush(Instant now, Link& link, std::size_t window);

  [[nodiscard]] std::optional<Instant> poll_timeout() const { return connect_deadline_; }
  [[nodiscard]] const std::optional<channel::StreamId>& stream() const { return stream_; }
  /// Why there is no connection: said by this side, or by the peer. Once.
  struct Refusal {
    enum class By : std::uint8_t { us, peer } by{};
    std::string why;
  };
  [[nodiscard]] std::optional<Refusal> take_refusal() { return std::exchange(refusal_, std::nullopt); }
  [[nodiscard]] bool is_over() const { return !stream_ && (!has_pipe_ || (has_input_ended_ && has_output_ended_)); }

 private:
  void connect_next();
  void read_next();
  void write_next();
  void hear_word(std::string_view word);
  void hear_bytes(const Bytes& bytes);
  void drop_pipe();
  void cut_off(std::string word);
  void leave(Instant now, Link& link);
  [[nodiscard]] bool send_word(Instant now, Link& link, std::string_view word);
  [[nodiscard]] bool grant(Instant now, Link& link, std::size_t window);

  std::deque<PipeChange>& out_;
  PipeId pipe_;
  std::optional<channel::StreamId> stream_;
  bool has_pipe_ = true;
  std::vector<Endpoint> targets_;  ///< still to be tried
  std::optional<Instant> connect_deadline_;

  // From the pipe to the peer.
  Bytes waiting_;                      ///< was read, and did not fit
  std::size_t credit_ = first_window;  ///< may be read still
  bool is_reading_ = false;
  bool has_input_ended_ = false;
  bool is_end_told_ = false;

  // From the peer to the pipe.
  std::deque<Bytes> queue_;
  std::size_t writing_ = 0;          ///< so many are being written
  std::size_t queued_ = 0;           ///< those, and those in the queue
  std::size_t room_ = first_window;  ///< what the peer may send still
  bool has_peer_ended_ = false;
  bool has_output_ended_ = false;

  std::optional<std::string> farewell_;  ///< the last word, still to be said
  std::optional<Refusal> refusal_;
};
}  // namespace natkit::link
