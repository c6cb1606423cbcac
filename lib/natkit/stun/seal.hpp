#pragma once
// Private to the room.
#include <array>
#include <cstdint>
#include <optional>

#include "natkit/stun/message.hpp"

namespace natkit::stun {
// An attribute that vouches for the bytes before it, and those bytes as they were when it was computed: the length in
// the header then ended with this very attribute.
//    type | length as of then | cookie, id, attributes … | this attribute | what was added later
struct Seal {
  ByteView value;
  ByteView type;
  std::array<std::uint8_t, 2> length{};
  ByteView rest;
};

[[nodiscard]] std::optional<Seal> find_seal(const Message& message, AttributeType type);
}  // namespace natkit::stun
