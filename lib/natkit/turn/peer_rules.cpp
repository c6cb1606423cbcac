#include "natkit/turn/peer_rules.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace natkit::turn {
namespace {
PeerClass classify_v4(const IpAddress& address) {
  const auto value = address.v4_value();
  // 0/8 is this network, 240/4 reserved with the broadcast address at its end (RFC 6890).
  if (value >> 24U == 0 || value >> 28U == 0xF || address.is_multicast()) return PeerClass::never;
  if (address.is_loopback()) return PeerClass::loopback;
  if (address.is_link_local()) return PeerClass::link_local;
  if (address.is_private()) return PeerClass::private_use;
  return address.is_shared() ? PeerClass::shared : PeerClass::public_unicast;
}

bool begins_with(ByteView bytes, std::initializer_list<std::uint8_t> prefix) {
  return std::ranges::equal(bytes.first(prefix.size()), prefix);
}

IpAddress v4_in(ByteView bytes, std::size_t position) { return *IpAddress::from_bytes(bytes.subspan(position, 4)); }

bool is_v4_mapped(ByteView bytes) { return begins_with(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}); }
bool is_nat64(ByteView bytes) { return begins_with(bytes, {0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0}); }
}  // namespace

IpAddress where_it_comes_out(const IpAddress& address) {
  const auto bytes = address.bytes();
  if (address.is_v4()) return address;
  if (is_v4_mapped(bytes) || is_nat64(bytes)) return v4_in(bytes, 12);
  return begins_with(bytes, {0x20, 0x02}) ? v4_in(bytes, 2) : address;
}

PeerClass classify_peer(const IpAddress& peer) {
  const auto address = where_it_comes_out(peer);
  if (address.is_v4()) return classify_v4(address);
  if (address.is_unspecified() || address.is_multicast()) return PeerClass::never;
  if (address.is_loopback()) return PeerClass::loopback;
  if (address.is_link_local()) return PeerClass::link_local;
  if (begins_with(address.bytes(), {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) return PeerClass::never;  // "compatible"
  // Some network's own NAT64 (RFC 8215), and what was private before fc00::/7 was (RFC 3879).
  const bool is_local_nat64 = begins_with(address.bytes(), {0, 0x64, 0xFF, 0x9B, 0, 1});
  const bool is_site_local = address.bytes()[0] == 0xFE && address.bytes()[1] >= 0xC0;
  return address.is_private() || is_local_nat64 || is_site_local ? PeerClass::private_use : PeerClass::public_unicast;
}

std::optional<PeerClass> parse_peer_class(std::string_view name) {
  if (name == "private") return PeerClass::private_use;
  if (name == "shared") return PeerClass::shared;
  if (name == "link-local") return PeerClass::link_local;
  if (name == "loopback") return PeerClass::loopback;
  return std::nullopt;
}

void PeerRules::open(PeerClass peers) {
  assert(peers != PeerClass::never);
  open_ |= bit(peers);
}

bool PeerRules::admits(const IpAddress& address) const {
  const auto peers = classify_peer(address);
  return peers != PeerClass::never && (open_ & bit(peers)) != 0;
}
}  // namespace natkit::turn
