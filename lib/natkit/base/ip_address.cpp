#include "natkit/base/ip_address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <vector>

namespace natkit {
namespace {
std::optional<IpAddress> parse_v4(std::string_view text) {
  std::array<std::uint8_t, 4> octets{};
  for (std::size_t i = 0; i < octets.size(); ++i) {
    if (i > 0) {
      if (text.empty() || text.front() != '.') return std::nullopt;
      text.remove_prefix(1);
    }
    // A leading zero is refused: some readers take "010" for eight (RFC 6943 §3.1.1).
    if (text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9') return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), octets[i]);
    if (error != std::errc{} || end == text.data()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  if (!text.empty()) return std::nullopt;
  return IpAddress::from_bytes(octets);
}

/// The 16-bit groups of one side of "::"; the last may be a dotted IPv4 address, which counts as two.
std::optional<std::vector<std::uint16_t>> parse_groups(std::string_view text) {
  std::vector<std::uint16_t> groups;
  if (text.empty()) return groups;
  for (;;) {
    const auto colon = text.find(':');
    const auto group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      const auto v4 = parse_v4(group);
      if (!v4) return std::nullopt;
      groups.push_back(static_cast<std::uint16_t>(v4->v4_value() >> 16U));
      groups.push_back(static_cast<std::uint16_t>(v4->v4_value()));
      return groups;
    }
    std::uint16_t value = 0;
    if (group.empty() || group.size() > 4) return std::nullopt;
    const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), value, 16);
    if (error != std::errc{} || end != group.data() + group.size()) return std::nullopt;
    groups.push_back(value);
    if (colon == std::string_view::npos) return groups;
    text.remove_prefix(colon + 1);
  }
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  if (text.size() > 45) return std::nullopt;  // the longest form, with an embedded IPv4 address
  const auto gap = text.find("::");
  const auto head = parse_groups(text.substr(0, gap));
  const auto tail = gap == std::string_view::npos ? std::vector<std::uint16_t>{} : parse_groups(text.substr(gap + 2));
  if (!head || !tail) return std::nullopt;
  const std::size_t known = head->size() + tail->size();
  if (gap == std::string_view::npos ? known != 8 : known > 7) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  const auto put = [&bytes](std::size_t index, std::uint16_t group) {
    bytes[2 * index] = static_cast<std::uint8_t>(group >> 8U);
    bytes[2 * index + 1] = static_cast<std::uint8_t>(group);
  };
  for (std::size_t i = 0; i < head->size(); ++i) put(i, (*head)[i]);
  for (std::size_t i = 0; i < tail->size(); ++i) put(8 - tail->size() + i, (*tail)[i]);
  return IpAddress::v6(bytes);
}

std::string v6_to_text(ByteView bytes) {
  std::array<std::uint16_t, 8> groups{};
  for (std::size_t i = 0; i < groups.size(); ++i)
    groups[i] = static_cast<std::uint16_t>((bytes[2 * i] << 8U) | bytes[2 * i + 1]);
  std::size_t gap = groups.size();
  std::size_t gap_length = 1;  // a single zero group is not shortened (RFC 5952 §4.2.2)
  for (std::size_t i = 0; i < groups.size();) {
    const auto run = static_cast<std::size_t>(
        std::find_if(groups.begin() + static_cast<std::ptrdiff_t>(i), groups.end(), [](auto g) { return g != 0; }) -
        groups.begin() - static_cast<std::ptrdiff_t>(i));
    if (run > gap_length) {
      gap = i;
      gap_length = run;
    }
    i += std::max<std::size_t>(run, 1);
  }
  std::string text;
  for (std::size_t i = 0; i < groups.size();) {
    if (i == gap) {
      text += "::";
      i += gap_length;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += fmt::format("{:x}", groups[i]);
    ++i;
  }
  return text;
}
}  // namespace

IpAddress IpAddress::v4(std::uint32_t value) {
  IpAddress address;
  for (std::size_t i = 0; i < 4; ++i) address.bytes_[i] = static_cast<std::uint8_t>(value >> (8U * (3 - i)));
  return address;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  IpAddress address;
  address.family_ = Family::ipv6;
  address.bytes_ = bytes;
  return address;
}

IpAddress IpAddress::any(Family family) { return family == Family::ipv4 ? v4(0) : v6({}); }

std::optional<IpAddress> IpAddress::from_bytes(ByteView bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  IpAddress address;
  address.family_ = bytes.size() == 4 ? Family::ipv4 : Family::ipv6;
  std::ranges::copy(bytes, address.bytes_.begin());
  return address;
}

ByteView IpAddress::bytes() const { return ByteView{bytes_}.first(is_v4() ? 4 : 16); }

std::uint32_t IpAddress::v4_value() const {
  assert(is_v4());
  std::uint32_t value = 0;
  for (const auto byte : bytes()) value = (value << 8U) | byte;
  return value;
}

bool IpAddress::is_unspecified() const { return *this == any(family_); }

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return std::ranges::all_of(bytes().first(15), [](auto byte) { return byte == 0; }) && bytes_[15] == 1;
}

bool IpAddress::is_link_local() const {
  if (is_v4()) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0U) == 0x80;
}

bool IpAddress::is_multicast() const {
  if (is_v4()) return (bytes_[0] & 0xf0U) == 0xe0 || v4_value() == 0xffffffffU;
  return bytes_[0] == 0xff;
}

bool IpAddress::is_private() const {
  if (is_v6()) return (bytes_[0] & 0xfeU) == 0xfc;
  return bytes_[0] == 10 || (bytes_[0] == 172 && (bytes_[1] & 0xf0U) == 16) || (bytes_[0] == 192 && bytes_[1] == 168);
}

bool IpAddress::is_shared() const { return is_v4() && bytes_[0] == 100 && (bytes_[1] & 0xc0U) == 64; }

bool IpAddress::is_placeholder() const {
  if (is_v4()) return (bytes_[0] & 0xf0U) == 0xf0 && !is_multicast();  // which 255.255.255.255 counts as
  return bytes_[0] == 1 && std::ranges::all_of(bytes().subspan(1, 7), [](auto byte) { return byte == 0; });
}

bool IpAddress::shares_prefix(const IpAddress& other, unsigned prefix_length) const {
  if (family_ != other.family_) return false;
  assert(prefix_length <= bytes().size() * 8);
  const std::size_t whole = prefix_length / 8;
  if (!std::ranges::equal(bytes().first(whole), other.bytes().first(whole))) return false;
  const unsigned rest = prefix_length % 8;
  return rest == 0 || ((bytes_[whole] ^ other.bytes_[whole]) >> (8U - rest)) == 0;
}

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  return text.find(':') == std::string_view::npos ? parse_v4(text) : parse_v6(text);
}

std::string to_text(const IpAddress& address) {
  const auto bytes = address.bytes();
  if (address.is_v4()) return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
  return v6_to_text(bytes);
}

std::string_view to_text(Family family) { return family == Family::ipv4 ? "IPv4" : "IPv6"; }
}  // namespace natkit

std::size_t std::hash<natkit::IpAddress>::operator()(const natkit::IpAddress& address) const noexcept {
  return std::hash<std::string_view>{}(natkit::as_text(address.bytes()));
}
