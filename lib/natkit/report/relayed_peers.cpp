#include "natkit/report/relayed_peers.hpp"

#include <algorithm>

#include "natkit/base/bytes.hpp"
#include "natkit/crypto/digest.hpp"

namespace natkit::report {
namespace {
constexpr std::string_view kind_of_meeting = "natkit meeting 1\n";
constexpr std::string_view kind_of_peer = "natkit peer 1\n";

/// Every part but the last has one length, so no two lists of parts give the same text.
crypto::Sha256Digest hash(std::string_view kind, ByteView from, ByteView last) {
  Bytes text{kind.begin(), kind.end()};
  text.insert(text.end(), from.begin(), from.end());
  text.insert(text.end(), last.begin(), last.end());
  return crypto::sha256(text);
}
}  // namespace

MeetingId meeting_id(const NetworkId& network, std::string_view name) {
  return hash(kind_of_meeting, network, as_bytes(name));
}

PeerId peer_id(const MeetingId& meeting, const IpAddress& peer) { return hash(kind_of_peer, meeting, peer.bytes()); }

void forget_old(RelayedPeers& peers, std::chrono::sys_seconds now) {
  std::erase_if(peers, [&](const RelayedPeer& one) { return one.at > now || now - one.at > longest_relayed_memory; });
}

bool is_relay_expected(const RelayedPeers& peers, const MeetingId& meeting) {
  return std::ranges::find(peers, meeting, &RelayedPeer::meeting) != peers.end();
}

std::optional<Duration> relayed_ago(const RelayedPeers& peers, const PeerId& peer, std::chrono::sys_seconds now) {
  const auto found = std::ranges::find(peers, peer, &RelayedPeer::peer);
  if (found == peers.end()) return std::nullopt;
  // The clock may have been set back since what is old was dropped.
  return std::max(now - found->at, std::chrono::seconds{});
}

void note_relayed(RelayedPeers& peers, const RelayedPeer& relayed) {
  static_cast<void>(note_direct(peers, relayed.peer));
  peers.push_back(relayed);
  if (peers.size() > most_relayed_peers) peers.erase(peers.begin());
}

Learned note_direct(RelayedPeers& peers, const PeerId& peer) {
  return std::erase_if(peers, [&](const RelayedPeer& one) { return one.peer == peer; }) > 0 ? Learned::something
                                                                                            : Learned::nothing;
}
}  // namespace natkit::report
