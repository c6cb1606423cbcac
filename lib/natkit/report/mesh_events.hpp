#pragma once
/// What meshctl tells: one JSON object a line for scripts (schema "natkit/meshctl/1"), sentences for people. Every
/// function gives one line without its end, but for tables and drawings, which have as many as they need.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/result.hpp"
#include "natkit/base/time.hpp"
#include "natkit/report/mesh_fitness.hpp"
#include "natkit/report/mesh_reach.hpp"
#include "natkit/report/punch_events.hpp"

namespace natkit::report {
/// One member, as another one knows it.
struct MeshMember {
  std::string id{};    ///< 64 hexadecimal digits
  std::string name{};  ///< of its own choice: a stranger's text
  std::uint32_t number = 0;
  bool is_self = false;
  bool is_host = false;
  bool is_voter = false;
  bool is_ready = false;
  std::optional<unsigned> rank{};   ///< in the succession, from 1
  std::optional<PathFacts> path{};  ///< none: no link, or oneself
  std::string via{};                ///< the member that carries the path
  std::optional<double> score{};
  std::optional<MeshFitness> fitness{};
  std::optional<MeshTraffic> traffic{};  ///< with this one; none: oneself
};
struct MeshStatus {
  std::string session{};  ///< empty: not joined yet, or over; then only name, state and server are known
  std::string name{};
  std::string state{};  ///< "joining", "member", "host", "paused", "over"
  std::string host{};
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  std::size_t most = 0;
  bool is_locked = false;
  std::string witness{};             ///< the server's part in elections: "votes", "listens", or none
  std::optional<Endpoint> server{};  ///< the rendezvousd that is connected
  std::uint64_t carried_bytes = 0;   ///< for other pairs
  MeshTraffic traffic{};             ///< with all, also with who is gone
  std::vector<MeshMember> members{};
  std::optional<MeshReach> reach{};  ///< of this host's own network
  std::vector<MeshPair> pairs{};     ///< of members; while joining, of this host with them

  [[nodiscard]] bool is_known() const { return !session.empty(); }
};
/// A row of the directory.
struct MeshRow {
  std::string session{};
  std::string name{};
  std::string game{};
  std::string host{};
  std::string address{};
  std::uint32_t members = 0;
  std::uint32_t most = 0;
  bool has_password = false;
  std::optional<bool> router_is_open{};
  Duration age{};
  std::vector<std::pair<std::string, std::string>> tags{};
};

/// What strangers can join by.
struct MeshInvite {
  std::string text{};
  std::string scope{};  ///< who can use it: "anywhere", "perhaps" (as NATs allow), "network" (hosts of the same one)
  std::vector<std::pair<std::string, std::vector<Endpoint>>> entries{};  ///< members' ids, and where they are
};

struct MeshEvents {
  static std::string registered(const Endpoint& server);
  static std::string joined(const MeshStatus& status);
  static std::string member_joined(std::string_view member, std::string_view name);
  static std::string member_left(std::string_view member, std::string_view name, std::string_view cause);
  /// `before` is empty the first time.
  static std::string host_changed(std::string_view before, std::string_view now, std::uint64_t epoch,
                                  std::string_view cause);
  static std::string became_host(std::uint64_t epoch);
  /// What the old host left behind when it died.
  static std::string state_inherited(std::size_t bytes, Duration age);
  static std::string link(std::string_view peer, const std::optional<PathFacts>& path, std::string_view via);
  static std::string invite(const MeshInvite& invite);
  /// `by`: "knock", "server".
  static std::string entered(std::string_view member, std::string_view by, const std::optional<PathFacts>& path);
  static std::string paused();
  static std::string resumed();
  static std::string forked(std::string_view session, std::string_view origin);
  static std::string merged(std::string_view from);
  /// `pairs`: what a link with each of these is predicted to take.
  static std::string rejected(std::string_view reason, std::string_view text, const std::vector<std::string>& peers,
                              const std::vector<MeshPair>& pairs = {});
  static std::string reach(const MeshReach& reach);
  static std::string removed(std::string_view cause);
  static std::string message(std::string_view from, std::string_view name, std::string_view text);
  static std::string all_ready();
  static std::string ended();
  static std::string trouble(const Error& error);
  static std::string status(const MeshStatus& status);
  static std::string list(const std::vector<MeshRow>& rows);
  static std::string done(std::string_view command);
};

struct MeshWords {
  static std::string joined(const MeshStatus& status);
  static std::string member_joined(std::string_view name, std::size_t members);
  static std::string member_left(std::string_view name, std::string_view cause);
  static std::string host_changed(std::string_view before, std::string_view now, std::uint64_t epoch,
                                  std::string_view cause);
  static std::string link(std::string_view name, const std::optional<PathFacts>& path, std::string_view via);
  /// What there is to know beside; empty: nothing.
  static std::string invite_note(std::string_view scope);
  static std::string status(const MeshStatus& status);   ///< some lines, and the members
  static std::string members(const MeshStatus& status);  ///< a table
  static std::string list(const std::vector<MeshRow>& rows);
};
/// The mesh as a drawing: members in a circle, paths by kind, the host marked.
[[nodiscard]] std::string mesh_svg(const MeshStatus& status);
/// A member's name, or the beginning of its id.
[[nodiscard]] std::string short_name_of(const MeshMember& member);
}  // namespace natkit::report
