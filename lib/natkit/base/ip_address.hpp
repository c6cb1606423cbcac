#pragma once
/// One IPv4 or IPv6 address (RFC 791, RFC 4291) and the special-purpose ranges a NAT tool must know (RFC 6890).
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/bytes.hpp"

namespace natkit {
enum class Family : std::uint8_t { ipv4, ipv6 };

class IpAddress {
 public:
  /// 0.0.0.0
  constexpr IpAddress() = default;
  [[nodiscard]] static IpAddress v4(std::uint32_t value);  ///< host byte order: 0xC0000201 is 192.0.2.1
  [[nodiscard]] static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);
  [[nodiscard]] static IpAddress any(Family family);  ///< 0.0.0.0 or ::
  /// 4 or 16 bytes in network order; `nullopt` for any other count.
  [[nodiscard]] static std::optional<IpAddress> from_bytes(ByteView bytes);

  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] bool is_v4() const { return family_ == Family::ipv4; }
  [[nodiscard]] bool is_v6() const { return family_ == Family::ipv6; }
  /// 4 or 16 bytes in network order, a view into this object.
  [[nodiscard]] ByteView bytes() const;
  /// Host byte order; only for IPv4.
  [[nodiscard]] std::uint32_t v4_value() const;

  [[nodiscard]] bool is_unspecified() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_link_local() const;  ///< 169.254/16, fe80::/10
  [[nodiscard]] bool is_multicast() const;   ///< 224/4 and 255.255.255.255, ff00::/8
  [[nodiscard]] bool is_private() const;     ///< RFC 1918, fc00::/7
  [[nodiscard]] bool is_shared() const;      ///< 100.64/10, the space of carrier-grade NATs (RFC 6598)
  /// 240/4 (RFC 1112 §4), 100::/64 (RFC 6666): no host has such an address, so it may stand for one that is not told.
  [[nodiscard]] bool is_placeholder() const;
  /// Whether the first `prefix_length` bits are equal; false across families.
  [[nodiscard]] bool shares_prefix(const IpAddress& other, unsigned prefix_length) const;

  /// Families apart, then bytes: an order for containers, without meaning.
  auto operator<=>(const IpAddress&) const = default;

 private:
  Family family_ = Family::ipv4;
  std::array<std::uint8_t, 16> bytes_{};  // IPv4 uses the first four, the rest stay zero
};

/// Dotted decimal, or RFC 4291 text (RFC 5952 §4 gives the form we print). No brackets, no zone, no host names.
[[nodiscard]] std::optional<IpAddress> parse_ip_address(std::string_view text);
[[nodiscard]] std::string to_text(const IpAddress& address);
[[nodiscard]] std::string_view to_text(Family family);  ///< "IPv4", "IPv6"
}  // namespace natkit

template <>
struct std::hash<natkit::IpAddress> {
  std::size_t operator()(const natkit::IpAddress& address) const noexcept;
};
