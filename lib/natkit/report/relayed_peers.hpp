#pragma once
/// What punch remembers of peers: to whom no direct path was found, from which network, and when. A later run says it,
/// and goes by the relay from the first moment on; a direct path is looked for all the same, and drops the memory.
///
/// A peer has no name that stays: its certificate is made for one run. What stays is the word under which the two meet,
/// and the address at which the server sees it, which is its NAT's. Both are needed: one word may bring many peers, and
/// one address of a carrier's hides many homes. Which network this host is in and what time it is are arguments;
/// nothing here reads a file or a clock.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "natkit/base/ip_address.hpp"
#include "natkit/base/time.hpp"
#include "natkit/report/remembered.hpp"

namespace natkit::report {
inline constexpr std::size_t most_relayed_peers = 64;  ///< those heard of last
/// "For the day": routers are restarted and people move; a week would show a path that came meanwhile too late.
inline constexpr std::chrono::seconds longest_relayed_memory = std::chrono::hours{24};

/// A hash of this host's network and of the word under which both meet: all that is known before the peer is.
using MeetingId = std::array<std::uint8_t, 32>;
/// A hash of that and of the address at which the server sees the peer, the port left out.
using PeerId = std::array<std::uint8_t, 32>;
[[nodiscard]] MeetingId meeting_id(const NetworkId& network, std::string_view name);
[[nodiscard]] PeerId peer_id(const MeetingId& meeting, const IpAddress& peer);

struct RelayedPeer {
  MeetingId meeting{};
  PeerId peer{};
  std::chrono::sys_seconds at{};  ///< until then a direct path had been looked for in vain
};
using RelayedPeers = std::vector<RelayedPeer>;  ///< the one heard of last at the end

/// Drops what is older than `longest_relayed_memory`, and what is dated in the future: the clock was wrong then, or is
/// now.
void forget_old(RelayedPeers& peers, std::chrono::sys_seconds now);

/// Whether anybody met there was reached by a relay only.
[[nodiscard]] bool is_relay_expected(const RelayedPeers& peers, const MeetingId& meeting);
/// How long ago no direct path to this one was found; nothing: nothing of the kind is known.
[[nodiscard]] std::optional<Duration> relayed_ago(const RelayedPeers& peers, const PeerId& peer,
                                                  std::chrono::sys_seconds now);

void note_relayed(RelayedPeers& peers, const RelayedPeer& relayed);
/// There was a direct path.
[[nodiscard]] Learned note_direct(RelayedPeers& peers, const PeerId& peer);
}  // namespace natkit::report
