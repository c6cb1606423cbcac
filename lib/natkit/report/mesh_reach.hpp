#pragma once
/// What meshctl says of who can be reached and how: this host's own network, and what each pair of members is predicted
/// to need beside what it has.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/behavior.hpp"
#include "natkit/base/endpoint.hpp"

namespace natkit::report {
/// This host's own network, as it found out. What is unknown has its reason in `reason`.
struct MeshReach {
  std::string reach{};             ///< "open", "easy", "hard"; empty: unknown
  std::string reason{};            ///< "mapped", "port-each-peer", "not-measured" … (man page)
  std::optional<bool> can_host{};  ///< whether strangers can be let in
  std::optional<bool> nat{};
  BehaviorSet mapping{}, filtering{};
  std::optional<Endpoint> seen_as{};  ///< by the first server, of a socket of its own
  /// The port at the router.
  struct Port {
    std::string state{"not-asked"};  ///< "not-asked", "asking", "held", "useless", "refused", "given-back"
    std::optional<Endpoint> external{};
    std::optional<Endpoint> internal{};
    std::string method{};  ///< "pcp", "nat-pmp", "upnp"
    std::string detail{};  ///< why there is none
  } port{};
  /// What is to be forwarded by hand, where nothing else lets strangers in.
  struct Forward {
    Endpoint internal{};
    std::uint16_t external_port = 0;
    std::string rule{};  ///< a sentence for who sits before the router's settings
  };
  std::optional<Forward> forward{};
  std::vector<std::string> evidence{};  ///< what it rests on
};

/// Two members; empty where it is not known, `has` also where they have no link.
struct MeshPair {
  std::string a{}, b{};     ///< ids
  std::string predicted{};  ///< "direct", "direct-with-prediction", "member", "relay"
  std::string has{};        ///< "direct", "routed", "relayed"
};

/// One sentence without its end: "this host can be joined by anybody: …".
[[nodiscard]] std::string reach_text(const MeshReach& reach);
/// Whether a member of this reach can host, for a table: "yes", "no", "unknown".
[[nodiscard]] std::string can_host_text(const std::optional<bool>& can_host);
/// What is to be done, for a host that strangers cannot reach; empty: nothing, or it is not known.
[[nodiscard]] std::string forward_text(const MeshReach& reach);
/// Above the diagonal what each pair is predicted to need, below it what it has; empty for fewer than two.
[[nodiscard]] std::string pair_matrix(const std::vector<std::pair<std::string, std::string>>& names,
                                      const std::vector<MeshPair>& pairs);
/// What a link takes that there is none of: "needs a member that carries packets (--relay-for-others)"; empty: unknown.
[[nodiscard]] std::string need_text(std::string_view predicted);
}  // namespace natkit::report
