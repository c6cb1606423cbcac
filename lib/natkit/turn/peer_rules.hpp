#pragma once
/// To which addresses a relay may carry data. Whoever may use the relay speaks with the relay's own address and from
/// inside its network, so without rules he would reach what a firewall keeps from him: the machine's loopback services,
/// the rooms next door, the cloud's metadata address (169.254.169.254). So only public unicast addresses are open; the
/// other classes are opened one by one. Some never are: unspecified, multicast, broadcast and reserved addresses.
///
/// An IPv6 address that stands for an IPv4 one, and would come out there, is judged as that one: mapped
/// (::ffff:0:0/96), NAT64 (64:ff9b::/96, RFC 6052) and 6to4 (2002::/16).
#include <cstdint>
#include <optional>
#include <string_view>

#include "natkit/base/ip_address.hpp"

namespace natkit::turn {
enum class PeerClass : std::uint8_t {
  public_unicast,  ///< open to everybody
  private_use,     ///< RFC 1918, fc00::/7, fec0::/10, 64:ff9b:1::/48
  shared,          ///< 100.64/10: the customers of one carrier (RFC 6598)
  link_local,      ///< 169.254/16, fe80::/10
  loopback,
  never,  ///< nobody's unicast address
};

/// The IPv4 address that an IPv6 one stands for, or the address itself.
[[nodiscard]] IpAddress where_it_comes_out(const IpAddress& address);
[[nodiscard]] PeerClass classify_peer(const IpAddress& peer);
/// "private", "shared", "link-local", "loopback"; only those that can be opened have a name.
[[nodiscard]] std::optional<PeerClass> parse_peer_class(std::string_view name);

class PeerRules {
 public:
  void open(PeerClass peers);
  [[nodiscard]] bool admits(const IpAddress& address) const;

 private:
  static constexpr std::uint8_t bit(PeerClass peers) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(peers));
  }
  std::uint8_t open_ = bit(PeerClass::public_unicast);
};
}  // namespace natkit::turn
