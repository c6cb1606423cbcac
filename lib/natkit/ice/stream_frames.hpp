#pragma once
/// Packets over a TCP connection between two agents (RFC 6544 §3, RFC 4571 §2): each behind its length.
///
///    0                   1                   2
///    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 ...
///   +-------------------------------+-----------------
///   |  length, 16 bits, big-endian  |  packet …          checks and payload alike; told apart as over UDP
///   +-------------------------------+-----------------
#include <cstddef>
#include <optional>

#include "natkit/base/bytes.hpp"

namespace natkit::ice {
inline constexpr std::size_t largest_framed_packet = 65535;
/// Of at most `largest_framed_packet` bytes; a longer one gives nothing.
[[nodiscard]] Bytes write_frame(ByteView packet);

/// The stream comes in pieces cut anywhere, whole packets come out: append a piece, take packets until there is none,
/// and so on. Then no more than one unfinished packet is kept.
class FrameReader {
 public:
  /// Longer packets break the stream; they bound what a stranger can make us hold.
  explicit FrameReader(std::size_t longest_packet = largest_framed_packet) : longest_packet_(longest_packet) {}

  void append(ByteView piece);
  /// Empty packets, which some send to keep a connection alive, are passed over.
  [[nodiscard]] std::optional<Bytes> next();
  /// A packet that is too long was announced: there is no way to find the next one, so the connection is to be closed.
  [[nodiscard]] bool is_broken() const { return is_broken_; }

 private:
  std::size_t longest_packet_;
  Bytes buffer_;
  std::size_t taken_ = 0;  // bytes at the front of the buffer that were handed out already
  bool is_broken_ = false;
};
}  // namespace natkit::ice
