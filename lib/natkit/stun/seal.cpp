#include "natkit/stun/seal.hpp"

namespace natkit::stun {
std::optional<Seal> find_seal(const Message& message, AttributeType type) {
  for (auto cursor = message.attributes(); const auto attribute = cursor.next();) {
    if (attribute->type != type) continue;
    const auto datagram = message.datagram();
    const std::size_t length = cursor.position() + 4 + attribute->value.size() - header_bytes;
    return Seal{attribute->value,
                datagram.first(2),
                {static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length)},
                datagram.subspan(4, cursor.position() - 4)};
  }
  return std::nullopt;
}
}  // namespace natkit::stun
