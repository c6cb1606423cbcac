#pragma once
/// What a NAT's mapping or filtering depends on (RFC 4787 §4.1 and §5), and the set of answers still possible.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace natkit {
enum class Behavior : std::uint8_t { endpoint_independent, address_dependent, address_and_port_dependent };

/// "endpoint-independent", "address-dependent", "address-and-port-dependent"
[[nodiscard]] std::string_view to_text(Behavior behavior);
[[nodiscard]] std::optional<Behavior> parse_behavior(std::string_view text);

/// Which behaviours the evidence leaves. All three left means unknown; the set is never empty, because evidence that
/// contradicts itself proves nothing and leaves all three.
class BehaviorSet {
 public:
  constexpr BehaviorSet() = default;                          ///< unknown
  constexpr BehaviorSet(Behavior only) : bits_(bit(only)) {}  // NOLINT(*-explicit-*): one answer is a set of one
  constexpr BehaviorSet(Behavior one, Behavior other) : bits_(static_cast<std::uint8_t>(bit(one) | bit(other))) {}

  [[nodiscard]] constexpr bool contains(Behavior behavior) const { return (bits_ & bit(behavior)) != 0; }
  [[nodiscard]] constexpr bool is_unknown() const { return bits_ == all; }
  /// The one answer, where only one is left.
  [[nodiscard]] std::optional<Behavior> single() const;
  /// What both allow; nothing when they contradict each other.
  [[nodiscard]] constexpr std::optional<BehaviorSet> intersect(BehaviorSet other) const {
    BehaviorSet both;
    both.bits_ = bits_ & other.bits_;
    return both.bits_ == 0 ? std::nullopt : std::optional{both};
  }
  bool operator==(const BehaviorSet&) const = default;

 private:
  static constexpr std::uint8_t all = 7;
  static constexpr std::uint8_t bit(Behavior behavior) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(behavior));
  }
  std::uint8_t bits_ = all;
};
/// "endpoint-independent or address-dependent"; "unknown" when all are left
[[nodiscard]] std::string to_text(BehaviorSet behaviors);
}  // namespace natkit
