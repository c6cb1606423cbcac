#include "natkit/ice/stream_frames.hpp"

namespace natkit::ice {
namespace {
constexpr std::size_t header_bytes = 2;
}  // namespace

Bytes write_frame(ByteView packet) {
  if (packet.size() > largest_framed_packet) return {};
  Bytes out;
  out.reserve(header_bytes + packet.size());
  ByteWriter writer{out};
  writer.write_u16(static_cast<std::uint16_t>(packet.size()));
  writer.write_bytes(packet);
  return out;
}

void FrameReader::append(ByteView piece) {
  if (is_broken_) return;
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  buffer_.insert(buffer_.end(), piece.begin(), piece.end());
}

std::optional<Bytes> FrameReader::next() {
  while (!is_broken_) {
    ByteReader reader{ByteView{buffer_}.subspan(taken_)};
    const auto length = reader.read_u16();
    if (!length) return std::nullopt;
    if (*length > longest_packet_) {
      is_broken_ = true;
      buffer_.clear();
      taken_ = 0;
      return std::nullopt;
    }
    const auto packet = reader.read_bytes(*length);
    if (!packet) return std::nullopt;
    taken_ += header_bytes + *length;
    if (*length > 0) return Bytes(packet->begin(), packet->end());
  }
  return std::nullopt;
}
}  // namespace natkit::ice
