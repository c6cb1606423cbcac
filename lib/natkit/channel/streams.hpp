#pragma once
// The streams of one association: who opens which, what is told to the peer about it (RFC 8832), and how one ends
// (RFC 8831 §6.7). Messages go through here in both directions, since what a stream promises decides how they are sent.
#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <utility>

#include "natkit/channel/association.hpp"
#include "natkit/channel/channel.hpp"
#include "natkit/channel/dcep.hpp"
#include "natkit/channel/stream_table.hpp"

namespace natkit::channel {
class Streams {
 public:
  Streams(Role role, std::uint16_t limit) : table_(role, limit), limit_(limit) {}

  [[nodiscard]] std::expected<StreamId, OpenError> open(StreamOptions options);
  [[nodiscard]] std::expected<StreamId, OpenError> open_agreed(StreamId stream, StreamOptions options);
  void close(StreamId stream, Association* association);
  [[nodiscard]] std::expected<void, SendError> send(Association& association, StreamId stream, MessageKind kind,
                                                    ByteView payload);

  /// The association has this many streams outwards: tells the peer what was opened, ends what was closed meanwhile.
  void handle_up(Association& association, std::uint16_t outgoing);
  /// For the owner, if it is any of the owner's business; a text if the peer broke the protocol.
  [[nodiscard]] std::expected<std::optional<Event>, std::string> handle_incoming(Association& association,
                                                                                 Association::Incoming incoming);
  /// A stream that was gone before the peer opened its number anew, to be told before that.
  [[nodiscard]] std::optional<StreamClosed> take_replaced() { return std::exchange(replaced_, std::nullopt); }
  /// Whether a stream that somebody tried to send on in vain takes messages now. Once.
  [[nodiscard]] bool take_released() { return std::exchange(has_released_, false); }
  [[nodiscard]] bool is_held(StreamId stream);
  /// Those that are gone now, in both directions.
  [[nodiscard]] std::deque<StreamClosed> handle_reset(Association& association, const SctpSocket::Reset& reset);
  /// Says what the send buffer had no room for.
  void flush(Association& association);
  /// Whether something is under way that timers have to carry on.
  [[nodiscard]] bool is_waiting() const;

 private:
  struct Word {
    StreamId stream{};
    dcep::Message message{};
  };
  void release(Association& association, StreamId stream, StreamTable::Entry& entry);
  void tell(Association& association, StreamId stream, dcep::Message message);
  [[nodiscard]] std::expected<std::optional<Event>, std::string> handle_dcep(Association& association, StreamId stream,
                                                                             ByteView bytes);
  [[nodiscard]] std::expected<std::optional<Event>, std::string> handle_open(Association& association, StreamId stream,
                                                                             dcep::Open open);

  StreamTable table_;
  std::uint16_t limit_;
  bool is_up_ = false;
  std::optional<StreamClosed> replaced_;
  bool has_released_ = false;
  std::deque<Word> untold_;  ///< at most `limit_`
};
}  // namespace natkit::channel
