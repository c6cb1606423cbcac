#include "natkit/sim/port_chooser.hpp"

#include <algorithm>
#include <cassert>

namespace natkit::sim {
PortChooser::PortChooser(const NatConfig& config, Rng& rng) : config_(config), rng_(rng), salt_(rng.next()) {
  assert(!config.external_addresses.empty());
  assert(config.first_port <= config.last_port);
}

IpAddress PortChooser::choose_address(const Endpoint& inside, const std::vector<IpAddress>& used) {
  const auto& pool = config_.external_addresses;
  if (pool.size() == 1 || config_.pooling == AddressPooling::single) return pool.front();
  if (config_.pooling == AddressPooling::paired) {
    std::uint64_t mixed = salt_;  // FNV-1a, so that a host keeps its address without a table of hosts
    for (const auto byte : inside.address.bytes()) mixed = (mixed ^ byte) * 0x100000001b3U;
    return pool[(mixed >> 32U) % pool.size()];
  }
  const auto uses = [&](const IpAddress& address) { return std::ranges::count(used, address); };
  const auto fewest = std::ranges::min(pool, {}, uses);
  std::size_t candidates = 0;
  IpAddress chosen = fewest;
  for (const auto& address : pool)  // each of those used least has the same chance
    if (uses(address) == uses(fewest) && rng_.below(++candidates) == 0) chosen = address;
  return chosen;
}

bool PortChooser::prefers_inside_port() const {
  return config_.allocation == PortAllocation::preserving ||
         config_.allocation == PortAllocation::preserving_with_overload;
}

bool PortChooser::in_range(std::uint16_t port) const { return port >= config_.first_port && port <= config_.last_port; }

PortChooser::Range PortChooser::whole_range() const {
  return {.first = config_.first_port, .count = config_.last_port - std::uint32_t{config_.first_port} + 1};
}

std::optional<PortChooser::Range> PortChooser::range_for(const Endpoint& inside, const IpAddress& external) {
  if (config_.allocation == PortAllocation::block) return block_of(inside.address, external);
  Range range = whole_range();
  if (config_.allocation != PortAllocation::parity_preserving) return range;
  if (range.first % 2 != inside.port % 2) {
    ++range.first;
    --range.count;
  }
  range.count = (range.count + 1) / 2;
  range.stride = 2;
  return range;
}

std::optional<PortChooser::Range> PortChooser::block_of(const IpAddress& host, const IpAddress& external) {
  const std::uint32_t blocks = whole_range().count / config_.block_size;
  if (blocks == 0) return std::nullopt;
  auto block = blocks_.find({host, external});
  if (block == blocks_.end()) {
    auto index = static_cast<std::uint32_t>(rng_.below(blocks));
    for (std::uint32_t tried = 0; tried < blocks; ++tried, index = (index + 1) % blocks) {
      const auto first = static_cast<std::uint16_t>(config_.first_port + index * config_.block_size);
      if (!blocks_taken_.insert({external, first}).second) continue;
      block = blocks_.emplace(std::pair{host, external}, first).first;
      break;
    }
  }
  if (block == blocks_.end()) return std::nullopt;
  return Range{.first = block->second, .count = config_.block_size};
}

std::uint32_t PortChooser::first_step(const IpAddress& external, const Range& range) {
  if (config_.allocation == PortAllocation::sequential)
    if (const auto next = next_step_.find(external); next != next_step_.end()) return next->second;
  return static_cast<std::uint32_t>(rng_.below(range.count));
}

void PortChooser::note_chosen(const IpAddress& external, const Range& range, std::uint32_t step) {
  if (config_.allocation == PortAllocation::sequential) next_step_[external] = (step + 1) % range.count;
}
}  // namespace natkit::sim
