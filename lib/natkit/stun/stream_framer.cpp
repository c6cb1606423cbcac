#include "natkit/stun/stream_framer.hpp"

#include <algorithm>
#include <array>

#include "natkit/stun/message.hpp"

namespace natkit::stun {
namespace {
constexpr std::size_t cookie_position = 4;
constexpr std::array<std::uint8_t, 4> cookie_bytes{0x21, 0x12, 0xA4, 0x42};  // magic_cookie, in network order
}  // namespace

void StreamFramer::append(ByteView piece) {
  if (is_broken_) return;
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  buffer_.insert(buffer_.end(), piece.begin(), piece.end());
  (void)front_size();  // so that a stranger is recognised before anybody asks for a message
}

std::optional<Bytes> StreamFramer::next() {
  const auto size = front_size();
  if (!size || buffer_.size() - taken_ < *size) return std::nullopt;
  const auto begin = buffer_.begin() + static_cast<std::ptrdiff_t>(taken_);
  Bytes message(begin, begin + static_cast<std::ptrdiff_t>(*size));
  taken_ += *size;
  (void)front_size();
  return message;
}

std::optional<std::size_t> StreamFramer::front_size() {
  const auto front = ByteView{buffer_}.subspan(taken_);
  if (is_broken_ || front.empty()) return std::nullopt;
  bool fits = (front[0] & 0xC0U) == 0;
  std::optional<std::size_t> size;
  if (front.size() >= 4) {
    const std::size_t length = static_cast<std::size_t>(front[2]) << 8U | front[3];
    size = header_bytes + length;
    fits = fits && length % 4 == 0 && *size <= most_message_bytes_;
  }
  for (std::size_t i = 0; i < cookie_bytes.size() && cookie_position + i < front.size(); ++i) {
    fits = fits && front[cookie_position + i] == cookie_bytes[i];
  }
  if (fits) return size;
  is_broken_ = true;
  buffer_ = {};
  taken_ = 0;
  return std::nullopt;
}
}  // namespace natkit::stun
