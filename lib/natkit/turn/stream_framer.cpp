#include "natkit/turn/stream_framer.hpp"

#include <algorithm>
#include <array>

#include "natkit/stun/message.hpp"
#include "natkit/turn/channel_data.hpp"

namespace natkit::turn {
namespace {
constexpr std::size_t cookie_position = 4;
constexpr std::array<std::uint8_t, 4> cookie_bytes{0x21, 0x12, 0xA4, 0x42};  // stun::magic_cookie, in network order
constexpr std::uint8_t first_channel_byte = first_channel >> 8U;
constexpr std::uint8_t last_channel_byte = last_old_channel >> 8U;

bool can_be_stun(ByteView front) {
  const auto there = front.subspan(std::min(front.size(), cookie_position));
  return front[0] <= 0x3F &&
         std::ranges::equal(there.first(std::min(there.size(), cookie_bytes.size())),
                            std::span{cookie_bytes}.first(std::min(there.size(), cookie_bytes.size())));
}
}  // namespace

void StreamFramer::append(ByteView piece) {
  if (is_broken_) return;
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  buffer_.insert(buffer_.end(), piece.begin(), piece.end());
  (void)front_size();  // so that a stranger is recognised before anybody asks for a message
}

std::optional<ByteView> StreamFramer::next() {
  const auto size = front_size();
  if (!size || buffer_.size() - taken_ < size->with_filler) return std::nullopt;
  const auto message = ByteView{buffer_}.subspan(taken_, size->message);
  taken_ += size->with_filler;
  has_begun_ = true;
  return message;
}

std::optional<StreamFramer::Size> StreamFramer::front_size() {
  const auto front = ByteView{buffer_}.subspan(taken_);
  if (is_broken_ || front.empty()) return std::nullopt;
  const bool is_channel_data = has_begun_ && front[0] >= first_channel_byte && front[0] <= last_channel_byte;
  if (!is_channel_data && !can_be_stun(front)) {
    fail();
    return std::nullopt;
  }
  if (front.size() < channel_header_bytes) return std::nullopt;
  const std::size_t length = static_cast<std::size_t>(front[2]) << 8U | front[3];
  const Size size = is_channel_data ? Size{channel_header_bytes + length, channel_header_bytes + (length + 3) / 4 * 4}
                                    : Size{stun::header_bytes + length, stun::header_bytes + length};
  if (size.with_filler <= most_message_bytes_ && (is_channel_data || length % 4 == 0)) return size;
  fail();
  return std::nullopt;
}

void StreamFramer::fail() {
  is_broken_ = true;
  buffer_ = {};
  taken_ = 0;
}
}  // namespace natkit::turn
