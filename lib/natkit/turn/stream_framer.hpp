#pragma once
/// STUN and ChannelData messages over a stream (RFC 8656 §3.1, §12.5): they stand back to back, and each header says
/// where the next one begins. The stream comes in pieces cut anywhere; whole messages come out, ChannelData without its
/// filler. Append a piece, take messages until there is none, and so on: then no more than one unfinished message is
/// kept.
/// A stream that is neither is known by its first wrong bits, and stays broken: there is no way to find the next
/// message, so the connection is to be closed. Since nobody can have a channel without having asked for it, the first
/// message is STUN: so HTTP ("GE" might be a channel) is known at once, too.
#include <cstddef>
#include <optional>

#include "natkit/base/bytes.hpp"

namespace natkit::turn {
class StreamFramer {
 public:
  /// A STUN message around 65535 bytes of data, with room for the attributes beside it.
  static constexpr std::size_t largest_message = 65556;

  /// Longer messages break the stream; they bound what a stranger can make us hold.
  explicit StreamFramer(std::size_t most_message_bytes = largest_message) : most_message_bytes_(most_message_bytes) {}

  void append(ByteView piece);
  /// The next whole message, a view that lives until the next call.
  [[nodiscard]] std::optional<ByteView> next();
  [[nodiscard]] std::size_t most_message_bytes() const { return most_message_bytes_; }
  /// For a stream that has become trustworthy.
  void set_most_message_bytes(std::size_t bytes) { most_message_bytes_ = bytes; }
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  struct Size {
    std::size_t message = 0;
    std::size_t with_filler = 0;
  };
  /// Of the message at the front, as far as its header is there and can be a header.
  [[nodiscard]] std::optional<Size> front_size();
  void fail();

  std::size_t most_message_bytes_;
  Bytes buffer_;
  std::size_t taken_ = 0;  // bytes at the front of the buffer that were handed out already
  bool is_broken_ = false;
  bool has_begun_ = false;  // with a STUN message
};
}  // namespace natkit::turn
