#include "natkit/probe/translation.hpp"

#include <array>
#include <cassert>

namespace natkit::probe {
namespace {
constexpr std::size_t prefix_words = 4;  // the other four are the interface identifier (RFC 4291 §2.5.1)
using Words = std::array<std::uint16_t, 8>;

Words words_of(const IpAddress& address) {
  Words words{};
  const auto bytes = address.bytes();
  for (std::size_t i = 0; i < words.size(); ++i)
    words.at(i) = static_cast<std::uint16_t>((bytes[2 * i] << 8U) | bytes[2 * i + 1]);
  return words;
}

/// One's complement: what a checksum would add up. 0xFFFF is another way to write 0 (RFC 1624 §2).
std::uint32_t sum_of(const Words& words) {
  std::uint32_t sum = 0;
  for (const auto word : words) sum += word;
  return sum % 0xFFFFU;
}

std::size_t differences(const Words& one, const Words& other, std::size_t from, std::size_t to) {
  std::size_t count = 0;
  for (auto i = from; i < to; ++i) count += one.at(i) != other.at(i) ? 1U : 0U;
  return count;
}

/// "::1", "::53": two hosts may well have the same.
bool is_short(const Words& words) { return words[4] == 0 && words[5] == 0 && words[6] == 0; }
}  // namespace

std::string_view to_text(Translation translation) {
  constexpr std::array<std::string_view, 3> names{"none", "prefix", "nat66"};
  return names.at(static_cast<std::size_t>(translation));
}

PrefixChange prefix_change(const Endpoint& inside, const Endpoint& outside) {
  assert(inside.address.is_v6() && outside.address.is_v6());
  if (inside.port != outside.port) return PrefixChange::no;
  const auto here = words_of(inside.address);
  const auto there = words_of(outside.address);
  if (differences(here, there, 0, prefix_words) == 0) return PrefixChange::no;
  const auto changed = differences(here, there, prefix_words, here.size());
  if (changed <= 1 && sum_of(here) == sum_of(there)) return PrefixChange::checksum_neutral;
  if (changed > 0) return PrefixChange::no;
  return is_short(here) ? PrefixChange::unclear : PrefixChange::plain;
}
}  // namespace natkit::probe
