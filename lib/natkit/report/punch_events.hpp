#pragma once
/// What punch tells while it works: one JSON object a line for scripts (schema "natkit/punch/1"), sentences for people.
/// Every function gives one line without its end.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/result.hpp"
#include "natkit/base/time.hpp"

namespace natkit::report {
/// A way that packets go. `routed` goes through another member, `predicted` and `sprayed` by a port that was guessed.
enum class PathKind : std::uint8_t { host, reflexive, mapped, predicted, sprayed, routed, relayed };
[[nodiscard]] std::string_view to_text(PathKind kind);  ///< "host", "reflexive" …

struct PeerFacts {
  std::string_view name{};            ///< its certificate's fingerprint; empty: it shows none
  std::string_view role{};            ///< ours: "controlling", "controlled"
  std::optional<Endpoint> address{};  ///< as the server sees the peer
  std::optional<IpAddress> own{};     ///< as the server sees this host
  /// Then one NAT is in front of both, the home's or the carrier's. Unknown where one of them came by IPv4, the other
  /// by IPv6.
  [[nodiscard]] std::optional<bool> share_public_address() const;
};

struct PathFacts {
  PathKind kind{};
  Protocol transport = Protocol::udp;
  std::optional<Endpoint> local{};  ///< as the peer sees us, else as this host knows it
  Endpoint remote{};
  std::optional<Duration> rtt{};
  [[nodiscard]] bool is_direct() const { return kind != PathKind::relayed && kind != PathKind::routed; }
};

/// What `--then report` measured.
struct PathQuality {
  std::uint64_t sent = 0;      ///< probes
  std::uint64_t answered = 0;  ///< those that came back
  std::optional<Duration> least{}, median{}, most{};
  std::optional<Duration> jitter{};  ///< mean difference of neighbours (RFC 3550 §6.4.1 without its smoothing)
  [[nodiscard]] std::optional<double> loss() const {
    if (sent == 0) return std::nullopt;
    return 1.0 - static_cast<double>(answered) / static_cast<double>(sent);
  }
};

struct PunchEvents {
  static std::string registered(const Endpoint& server, const Endpoint& seen_as, std::optional<Duration> rtt);
  static std::string candidate(std::string_view kind, std::string_view transport, const Endpoint& endpoint);
  static std::string description(std::string_view text);
  static std::string peer_found(const PeerFacts& peer);
  static std::string path(const PathFacts& path);
  /// `relayed_ago`: since an earlier run has found no direct path to this peer, if that is remembered.
  static std::string connected(const PathFacts& path, Duration elapsed, std::optional<Duration> relayed_ago);
  static std::string secured(std::string_view peer, Duration elapsed);
  static std::string upgraded(const PathFacts& before, const PathFacts& path);
  static std::string lost(const PathFacts& path);
  static std::string quality(const PathFacts& path, const PathQuality& quality);
  /// `to`: the place at the peer's side, "host:port".
  static std::string listening(Protocol protocol, const Endpoint& at, std::string_view to);
  /// `by`: "here" or "peer".
  static std::string refused(std::string_view by, Protocol protocol, std::string_view to, std::string_view detail);
  static std::string closed(std::string_view reason, std::string_view detail);
  /// It goes on all the same.
  static std::string trouble(const Error& error);
};

struct PunchWords {
  static std::string registered(const Endpoint& server, const Endpoint& seen_as, std::optional<Duration> rtt);
  static std::string candidate(std::string_view kind, Protocol transport, const Endpoint& endpoint);
  static std::string peer_found(const PeerFacts& peer);
  /// A peer that was met under this name was reached by a relay only.
  static std::string relay_leads();
  enum class Relay : std::uint8_t { at_hand, unknown };  ///< whether one has given this host an address
  /// No direct path to this peer was found so long ago.
  static std::string remembered(Duration relayed_ago, Relay relay);
  /// Why an outgoing packet opens the way.
  static std::string sending();
  static std::string secured();
  static std::string lost();
  static std::string connected(const PathFacts& path, Duration elapsed);
  static std::string upgraded(const PathFacts& path);
  static std::string quality(const PathFacts& path, const PathQuality& quality);
  static std::string listening(Protocol protocol, const Endpoint& at, std::string_view to);
  /// Without `from` it is the peer who asks.
  static std::string forwarded(Protocol protocol, const std::optional<Endpoint>& from, std::string_view to);
};
}  // namespace natkit::report
