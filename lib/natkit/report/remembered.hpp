#pragma once
/// What nat-probe remembers of networks: how long mappings live and whether the NAT hairpins, which take minutes or are
/// only measured on request. A later run on the same network says them again, with their age. What takes three round
/// trips is always measured anew, and is what the NAT is known again by: remembered, it would be a confident wrong
/// answer. Which network it is and what time it is are arguments; nothing here reads a file or a clock.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/behavior.hpp"
#include "natkit/base/ip_address.hpp"
#include "natkit/base/time.hpp"
#include "natkit/probe/report.hpp"

namespace natkit::report {
inline constexpr std::size_t most_networks = 32;  ///< those heard of last
inline constexpr std::chrono::seconds longest_memory = std::chrono::hours{7 * 24};

/// A hash of what tells one network from all others. Which addresses it was made of cannot be read from it.
using NetworkId = std::array<std::uint8_t, 32>;

/// What a NAT is known again by.
struct NatTraits {
  BehaviorSet mapping{};
  BehaviorSet filtering{};
  std::optional<probe::PortAllocation::Rule> ports{};
  bool operator==(const NatTraits&) const = default;
};
[[nodiscard]] NatTraits traits_of(const probe::FamilyReport& family);

/// An answer, with the NAT that was measured beside it.
template <class T>
struct Memory {
  T value{};
  NatTraits nat{};
  std::chrono::sys_seconds at{};
};

struct NetworkMemory {
  NetworkId id{};
  std::optional<Memory<probe::MappingLifetime>> mapping_lifetime{};
  std::optional<Memory<bool>> hairpin{};
};
using NetworkMemories = std::vector<NetworkMemory>;  ///< the one heard of last at the end

enum class Learned : std::uint8_t { nothing, something };

/// Keeps what a run has measured of one family, and drops what it contradicts: then it is another NAT, or has been
/// given another configuration. Where a run only tells less than the one before (packets were lost, the server has one
/// address), the memory stays for a run that tells more. A lifetime that was not waited for to the end replaces none
/// that was, unless it contradicts it.
[[nodiscard]] Learned learn(NetworkMemories& memories, const NetworkId& network, const probe::FamilyReport& measured,
                            std::chrono::sys_seconds now);

/// Drops what is older than `longest_memory`, and what is dated in the future: the clock was wrong then, or is now.
void forget_old(NetworkMemories& memories, std::chrono::sys_seconds now);

/// A value of a report that an earlier run has measured.
struct Remembered {
  std::string about{};  ///< dotted path, "ipv4.mapping_lifetime_ms" standing for its range and its refresh, too
  Duration age{};
};
/// Fills in what this run has not measured of one family, with evidence "remembered", where the NAT is the same now.
[[nodiscard]] std::vector<Remembered> recall(const NetworkMemories& memories, const NetworkId& network, Family family,
                                             probe::Report& report, std::chrono::sys_seconds now);

[[nodiscard]] std::string age_text(Duration age);  ///< "12 min", "3 h", "2 days"; rounded down
}  // namespace natkit::report
