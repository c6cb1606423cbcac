#pragma once
// What can be typed, and what it means.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/result.hpp"
#include "natkit/base/time.hpp"
#include "natkit/mesh/invite.hpp"
#include "natkit/mesh/view.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): not our name
class App;
}

namespace natkit {
struct Options {
  /// What needs a process of its own, what asks the directory, and what asks a process that runs.
  enum class Command : std::uint8_t { create, join, match, list, block, report, ask } command = Command::ask;
  std::string word;                  ///< of `ask`: "status", "kick" …
  std::string session;               ///< its name; for `join` perhaps an invite, and then the name in it
  std::string member;                ///< for kick, handover, send: name or the beginning of the id
  std::string text;                  ///< for send
  std::vector<std::string> servers;  ///< HOST[:PORT], by preference
  std::string name;                  ///< this member's, for people
  std::string game;
  std::vector<std::string> tags;  ///< K=V
  std::size_t most = 8;
  std::string password_file;
  mesh::Shape shape{};
  mesh::Policy policy = mesh::Policy::oldest;
  mesh::Partition partition = mesh::Partition::pause;
  bool is_listed = true;
  std::size_t forwards = 0;
  std::uint16_t local_port = 0;
  enum class Map : std::uint8_t { automatic, never } map = Map::automatic;
  Duration export_every = std::chrono::seconds{5};
  std::string admit_command, policy_command, export_command, import_command, on_host_command;
  Duration timeout = std::chrono::seconds{10};
  bool chat = false;
  bool detach = false;
  std::string log_file;
  std::string svg_file;
  bool ban = false;
  bool as_rendezvous = false;
  std::optional<mesh::Invite> invite;  ///< that was given for a name
  std::string identity_file;           ///< empty: a new one for this run
  std::string reason;                  ///< of a report
  bool remove = false;                 ///< a block
  std::size_t players = 2;             ///< of a match, this one included
  Duration match_timeout = std::chrono::minutes{5};
  std::optional<Duration> longest_trip;     ///< to those to be matched with
  std::optional<std::uint8_t> most_strain;  ///< of their machines
};

void add_commands(CLI::App& app, Options& options);
/// Takes the invite apart that stands in place of a name, if one does.
[[nodiscard]] Result<void> take_invite(Options& options);
[[nodiscard]] std::optional<std::pair<std::string, std::string>> parse_tag(const std::string& text);
}  // namespace natkit
