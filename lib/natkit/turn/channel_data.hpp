#pragma once
/// ChannelData messages on the wire (RFC 8656 §12.4, §12.5): the short form in which data of a bound peer travels
/// between a client and its relay.
///
///    0                   1                   2                   3
///   +---------------+---------------+---------------+---------------+
///   |  channel number, 0x4000–0x4FFF|  length of the data           |     Over a stream the data is filled up to a
///   whole
///   +---------------+---------------+---------------+---------------+     word; the length does not count the filler.
///   |  data …
///
/// The two top bits, 01, tell it from STUN (00). Any bytes may be passed in.
#include <cstdint>
#include <expected>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"

namespace natkit::turn {
inline constexpr std::uint16_t first_channel = 0x4000;
inline constexpr std::uint16_t last_channel = 0x4FFF;  ///< RFC 8656 §12; what lies above is media's (RFC 7983)
/// RFC 5766 §11. A relay takes these from clients of that time, `turnutils_uclient` of coturn 4.6 among them.
inline constexpr std::uint16_t last_old_channel = 0x7FFF;
inline constexpr std::size_t channel_header_bytes = 4;

[[nodiscard]] constexpr bool is_channel(std::uint16_t number) {
  return number >= first_channel && number <= last_channel;
}
[[nodiscard]] constexpr bool is_channel_of_any_time(std::uint16_t number) {
  return number >= first_channel && number <= last_old_channel;
}

struct ChannelData {
  std::uint16_t channel = 0;
  ByteView payload{};  ///< a view into the datagram
};

/// `not_channel_data` lets a demultiplexer offer the datagram to somebody else; the other is a fault.
enum class ChannelError : std::uint8_t { not_channel_data, truncated };
/// What stands behind the data (filler that some clients send over UDP as well, §12.5) is passed over.
[[nodiscard]] std::expected<ChannelData, ChannelError> parse_channel_data(ByteView datagram);

/// Over TCP with filler, over UDP without. The payload must be shorter than 65536 bytes.
[[nodiscard]] Bytes write_channel_data(std::uint16_t channel, ByteView payload, Protocol protocol);
}  // namespace natkit::turn
