#pragma once
/// Cookies that prove a source address without remembering anybody: who echoes one has received it, so the address was
/// not forged. A cookie is bound to the address (not to the port, so that one proof serves all sockets of a run) and to
/// a time: made from this epoch's number, it is accepted in this epoch and the next.
#include <array>
#include <chrono>
#include <cstdint>

#include "natkit/base/bytes.hpp"
#include "natkit/base/ip_address.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/time.hpp"

namespace natkit::stun {
/// 64 bits: whoever guesses blindly needs 2^63 datagrams, far beyond any rate limit.
using AddressCookie = std::array<std::uint8_t, 8>;

class AddressCookies {
 public:
  AddressCookies(Rng& rng, Duration epoch);
  [[nodiscard]] AddressCookie issue(const IpAddress& address, Instant now) const;
  [[nodiscard]] bool is_right(ByteView cookie, const IpAddress& address, Instant now) const;

 private:
  [[nodiscard]] AddressCookie make(const IpAddress& address, std::int64_t epoch) const;
  [[nodiscard]] std::int64_t epoch_at(Instant now) const;

  std::array<std::uint8_t, 32> secret_{};
  Duration epoch_;
};
}  // namespace natkit::stun
