#include "natkit/turn/channel_data.hpp"

#include <cassert>

namespace natkit::turn {
std::expected<ChannelData, ChannelError> parse_channel_data(ByteView datagram) {
  ByteReader reader{datagram};
  const auto channel = reader.read_u16();
  if (!channel || !is_channel_of_any_time(*channel)) return std::unexpected(ChannelError::not_channel_data);
  const auto length = reader.read_u16();
  if (!length) return std::unexpected(ChannelError::truncated);
  const auto payload = reader.read_bytes(*length);
  if (!payload) return std::unexpected(ChannelError::truncated);
  return ChannelData{*channel, *payload};
}

Bytes write_channel_data(std::uint16_t channel, ByteView payload, Protocol protocol) {
  assert(is_channel_of_any_time(channel) && payload.size() <= 0xFFFF);
  const std::size_t filler = protocol == Protocol::tcp ? (4 - payload.size() % 4) % 4 : 0;
  Bytes out;
  out.reserve(channel_header_bytes + payload.size() + filler);
  ByteWriter writer{out};
  writer.write_u16(channel);
  writer.write_u16(static_cast<std::uint16_t>(payload.size()));
  writer.write_bytes(payload);
  writer.write_zeros(filler);
  return out;
}
}  // namespace natkit::turn
