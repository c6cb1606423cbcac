#pragma once
/// The two ends of the wire that the router stands in.
#include <cstdint>

namespace natkit::lab {
enum class Side : std::uint8_t { inside, outside };

[[nodiscard]] constexpr Side opposite(Side side) { return side == Side::inside ? Side::outside : Side::inside; }
}  // namespace natkit::lab
