#pragma once
/// How much each source address may still ask and be given. One account a host: an IPv4 address, or an IPv6 /64, which
/// is what a single household is handed out (RFC 6177) and can thus forge or roam within.
/// The table is bounded; whoever was silent longest is forgotten first. Its hash is keyed with a secret, so that nobody
/// can choose addresses that all fall into one bucket.
#include <cstdint>
#include <list>
#include <unordered_map>

#include "natkit/base/ip_address.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/stun/token_bucket.hpp"

namespace natkit::stun {
class AddressAccounts {
 public:
  struct Config {
    std::size_t most = 65536;  ///< about 9 MB when full
    BucketSize requests{};
    BucketSize allowance{};  ///< bytes that may go out without having come in
  };
  struct Account {
    TokenBucket requests;
    TokenBucket allowance;
  };

  AddressAccounts(const Config& config, Rng& rng);
  /// Opens an account where there is none. The reference holds until the next call.
  [[nodiscard]] Account& of(const IpAddress& address, Instant now);
  [[nodiscard]] std::size_t size() const { return by_host_.size(); }

 private:
  struct Host {
    std::uint64_t prefix = 0;
    Family family{};
    bool operator==(const Host&) const = default;
  };
  struct KeyedHash {
    std::uint64_t key;
    std::size_t operator()(const Host& host) const noexcept;
  };
  struct Entry {
    Host host;
    Account account;
  };
  static Host host_of(const IpAddress& address);

  Config config_;
  std::list<Entry> by_age_;  // the most recent first
  std::unordered_map<Host, std::list<Entry>::iterator, KeyedHash> by_host_;
};
}  // namespace natkit::stun
