#include "natkit/stun/address_cookie.hpp"

#include <algorithm>
#include <cassert>

#include "natkit/crypto/digest.hpp"

namespace natkit::stun {
AddressCookies::AddressCookies(Rng& rng, Duration epoch) : epoch_(epoch) {
  assert(epoch > Duration::zero());
  rng.fill(secret_);
}

AddressCookie AddressCookies::issue(const IpAddress& address, Instant now) const {
  return make(address, epoch_at(now));
}

bool AddressCookies::is_right(ByteView cookie, const IpAddress& address, Instant now) const {
  const auto epoch = epoch_at(now);
  return crypto::is_equal_in_constant_time(cookie, make(address, epoch)) ||
         crypto::is_equal_in_constant_time(cookie, make(address, epoch - 1));
}

AddressCookie AddressCookies::make(const IpAddress& address, std::int64_t epoch) const {
  std::array<std::uint8_t, sizeof epoch> number{};
  for (std::size_t i = 0; i < number.size(); ++i) {
    number[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(epoch) >> (8U * i));
  }
  const auto tag = crypto::hmac_sha256(secret_, {number, address.bytes()});
  AddressCookie cookie;
  std::copy_n(tag.begin(), cookie.size(), cookie.begin());
  return cookie;
}

std::int64_t AddressCookies::epoch_at(Instant now) const { return now.time_since_epoch() / epoch_; }
}  // namespace natkit::stun
