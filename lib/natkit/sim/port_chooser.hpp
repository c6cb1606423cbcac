#pragma once
/// Chooses the external endpoint of a new mapping: the address by the pooling rule, the port by the allocation rule.
/// It knows nothing of mappings; whether a candidate may be had is asked of the caller.
#include <concepts>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/sim/nat_config.hpp"

namespace natkit::sim {
class PortChooser {
 public:
  /// `config` and `rng` must outlive it.
  PortChooser(const NatConfig& config, Rng& rng);

  /// One of the external addresses for `inside`. `used` are those that its live mappings already have.
  [[nodiscard]] IpAddress choose_address(const Endpoint& inside, const std::vector<IpAddress>& used);

  /// A port on `external` for `inside` that `is_free(port)`; `nullopt` when there is none.
  template <std::predicate<std::uint16_t> IsFree>
  [[nodiscard]] std::optional<std::uint16_t> choose_port(const Endpoint& inside, const IpAddress& external,
                                                         IsFree is_free) {
    if (prefers_inside_port() && in_range(inside.port) && is_free(inside.port)) return inside.port;
    const auto range = range_for(inside, external);
    if (!range) return std::nullopt;
    // A search from a random (or the next) place, round once: for a sparse table the first candidate is free.
    std::uint32_t step = first_step(external, *range);
    for (std::uint32_t tried = 0; tried < range->count; ++tried, step = (step + 1) % range->count) {
      const auto port = static_cast<std::uint16_t>(range->first + step * range->stride);
      if (!is_free(port)) continue;
      note_chosen(external, *range, step);
      return port;
    }
    return std::nullopt;
  }

  /// Gives back the blocks of hosts for which `is_idle(host)`.
  template <std::predicate<const IpAddress&> IsIdle>
  void release_blocks(IsIdle is_idle) {
    std::erase_if(blocks_, [&](const auto& item) {
      if (!is_idle(item.first.first)) return false;
      blocks_taken_.erase({item.first.second, item.second});
      return true;
    });
  }

 private:
  /// `count` ports: first, first + stride, …
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    std::uint32_t stride = 1;
  };
  [[nodiscard]] bool prefers_inside_port() const;
  [[nodiscard]] bool in_range(std::uint16_t port) const;
  [[nodiscard]] Range whole_range() const;
  [[nodiscard]] std::optional<Range> range_for(const Endpoint& inside, const IpAddress& external);
  [[nodiscard]] std::optional<Range> block_of(const IpAddress& host, const IpAddress& external);
  [[nodiscard]] std::uint32_t first_step(const IpAddress& external, const Range& range);
  void note_chosen(const IpAddress& external, const Range& range, std::uint32_t step);

  const NatConfig& config_;
  Rng& rng_;
  std::uint64_t salt_;                                               // which host is paired with which address
  std::map<IpAddress, std::uint32_t> next_step_;                     // for `sequential`, per external address
  std::map<std::pair<IpAddress, IpAddress>, std::uint16_t> blocks_;  // (host, external address) to first port
  std::set<Endpoint> blocks_taken_;                                  // the same, as external endpoints
};
}  // namespace natkit::sim
