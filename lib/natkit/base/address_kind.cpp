#include "natkit/base/address_kind.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace natkit {
namespace {
using enum AddressKind;

constexpr std::array<std::string_view, 14> names{
    "public", "global", "private",    "unique-local", "shared",        "clat",         "6to4",
    "teredo", "nat64",  "link-local", "loopback",     "documentation", "benchmarking", "reserved"};

/// `bytes` of zeros follow where fewer are given.
struct Range {
  std::array<std::uint8_t, 6> first;
  unsigned length;
  AddressKind kind;
};

/// The narrower one first where two overlap.
constexpr std::array ranges4{Range{{10}, 8, private_use},
                             Range{{172, 16}, 12, private_use},
                             Range{{192, 168}, 16, private_use},
                             Range{{100, 64}, 10, shared},
                             Range{{192, 0, 0}, 29, clat},
                             Range{{192, 0, 0}, 24, reserved},
                             Range{{169, 254}, 16, link_local},
                             Range{{127}, 8, loopback},
                             Range{{192, 0, 2}, 24, documentation},
                             Range{{198, 51, 100}, 24, documentation},
                             Range{{203, 0, 113}, 24, documentation},
                             Range{{198, 18}, 15, benchmarking},
                             Range{{0}, 8, reserved},
                             Range{{0}, 0, public_internet}};
constexpr std::array ranges6{Range{{0xfc}, 7, unique_local},
                             Range{{0x20, 0x02}, 16, six_to_four},
                             Range{{0x20, 0x01, 0, 0}, 32, teredo},
                             Range{{0x20, 0x01, 0, 2, 0, 0}, 48, benchmarking},
                             Range{{0x20, 0x01, 0x0d, 0xb8}, 32, documentation},
                             Range{{0x3f, 0xff}, 20, documentation},
                             Range{{0x20, 0x01, 0}, 23, reserved},  // protocols of their own (RFC 2928)
                             Range{{0x20}, 3, global},
                             Range{{0xfe, 0x80}, 10, link_local},
                             Range{{0, 0x64, 0xff, 0x9b, 0, 1}, 48, nat64},
                             Range{{0}, 0, reserved}};

/// All zeros but what the range begins with.
IpAddress first_of(const Range& range, Family family) {
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(range.first, bytes.begin());
  if (family == Family::ipv6) return IpAddress::v6(bytes);
  return *IpAddress::from_bytes(ByteView{bytes}.first(4));
}

AddressKind find(std::span<const Range> ranges, const IpAddress& address) {
  return std::ranges::find_if(
             ranges,
             [&](const Range& range) { return address.shares_prefix(first_of(range, address.family()), range.length); })
      ->kind;
}
}  // namespace

std::string_view to_text(AddressKind kind) { return names.at(static_cast<std::size_t>(kind)); }

std::optional<AddressKind> kind_of(const IpAddress& address) {
  if (address.is_unspecified() || address.is_multicast() || address.is_placeholder()) return std::nullopt;
  if (address.is_v4()) return find(ranges4, address);
  if (address.is_loopback()) return loopback;
  const auto well_known = IpAddress::v6({0, 0x64, 0xff, 0x9b});  // its 96 bits are more than a row above holds
  return address.shares_prefix(well_known, 96) ? nat64 : find(ranges6, address);
}
}  // namespace natkit
