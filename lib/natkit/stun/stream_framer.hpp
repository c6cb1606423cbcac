#pragma once
/// STUN over a stream (RFC 8489 §6.2.2): messages stand back to back, each header says where the next one begins.
/// The stream comes in pieces cut anywhere; whole messages come out. Append a piece, take messages until there is none,
/// and so on: then no more than one unfinished message is kept.
/// A stream that is no STUN is known by its first wrong bits, before a byte is kept in vain, and stays broken: there is
/// no way to find the next message, so the connection is to be closed.
#include <cstddef>
#include <cstdint>
#include <optional>

#include "natkit/base/bytes.hpp"

namespace natkit::stun {
class StreamFramer {
 public:
  /// Longer messages break the stream. The default is several times what any Binding exchange needs, and bounds what a
  /// stranger can make us hold; the relaying of data needs up to 65556.
  explicit StreamFramer(std::size_t most_message_bytes = 4096) : most_message_bytes_(most_message_bytes) {}

  void append(ByteView piece);
  /// The next whole message: one datagram for `parse_message`.
  [[nodiscard]] std::optional<Bytes> next();
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  /// The size of the message at the front, as far as its header is there and can be a header.
  [[nodiscard]] std::optional<std::size_t> front_size();

  std::size_t most_message_bytes_;
  Bytes buffer_;
  std::size_t taken_ = 0;  // bytes at the front of the buffer that were handed out already
  bool is_broken_ = false;
};
}  // namespace natkit::stun
