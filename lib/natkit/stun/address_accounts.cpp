#include "natkit/stun/address_accounts.hpp"

#include <cassert>

namespace natkit::stun {
AddressAccounts::AddressAccounts(const Config& config, Rng& rng) : config_(config), by_host_(0, KeyedHash{rng.next()}) {
  assert(config.most > 0);
}

AddressAccounts::Account& AddressAccounts::of(const IpAddress& address, Instant now) {
  const Host host = host_of(address);
  if (const auto found = by_host_.find(host); found != by_host_.end()) {
    by_age_.splice(by_age_.begin(), by_age_, found->second);
    return by_age_.front().account;
  }
  if (by_host_.size() == config_.most) {
    by_host_.erase(by_age_.back().host);
    by_age_.pop_back();
  }
  by_age_.push_front({host, {{config_.requests, now}, {config_.allowance, now}}});
  by_host_.emplace(host, by_age_.begin());
  return by_age_.front().account;
}

AddressAccounts::Host AddressAccounts::host_of(const IpAddress& address) {
  if (address.is_v4()) return {address.v4_value(), Family::ipv4};
  return {*ByteReader{address.bytes()}.read_u64(), Family::ipv6};
}

std::size_t AddressAccounts::KeyedHash::operator()(const Host& host) const noexcept {
  // The finisher of splitmix64: every bit of the prefix and of the key reaches every bit of the result.
  std::uint64_t z = (host.prefix ^ key) + (host.family == Family::ipv6 ? 0x9e3779b97f4a7c15U : 0U);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return static_cast<std::size_t>(z ^ (z >> 31U));
}
}  // namespace natkit::stun
