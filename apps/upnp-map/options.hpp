#pragma once
// What can be typed, and what it means; each command has a record of its own.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/result.hpp"
#include "natkit/base/time.hpp"
#include "natkit/portmap/keeper.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): not our name
class App;
}

namespace natkit {
/// What every command that talks to a router has in common.
struct RouterOptions {
  /// Longest search for routers and their answers. Silence is clear after a second; the rest is for slow ones.
  Duration timeout = std::chrono::seconds{5};
  std::string local_address;  ///< empty: as the default routes say
};

struct MappingOptions {
  RouterOptions router;
  std::string internal;
  std::string external;  ///< empty: the internal port where the router has it, else another
  std::vector<Protocol> protocols{Protocol::udp};
  Duration lease{};
  std::string description = "natkit";
  std::optional<portmap::Method> via;
  portmap::Keeper::Layers layers = portmap::Keeper::Layers::nearest;
  std::string verify;  ///< a server outside; empty: not asked
};

struct PinholeOptions {
  MappingOptions mapping;
  std::string address;
  std::string port;
};

struct RemoveOptions {
  RouterOptions router;
  std::string external;
  std::optional<Protocol> protocol;
  bool all_ours = false;
  bool force = false;
};

struct CheckOptions {
  Duration timeout = std::chrono::seconds{5};
  std::string external;
  std::vector<Protocol> protocols{Protocol::udp};
  std::string server;
};

struct Options {
  RouterOptions discover;
  RouterOptions status;
  RouterOptions list;
  MappingOptions add;
  MappingOptions hold;
  PinholeOptions pinhole;
  RemoveOptions remove;
  CheckOptions check;
  RouterOptions gc;
  std::vector<std::string> program;  ///< of hold: what stands after "--"
};

void add_commands(CLI::App& app, Options& options);

/// PORT or ADDRESS:PORT.
struct PortAt {
  std::optional<IpAddress> address;
  std::uint16_t port = 0;
};
[[nodiscard]] std::optional<PortAt> parse_port_at(std::string_view text);

/// The same with "/udp" or "/tcp" behind it, as the answers of `add` write it.
struct MappedPort {
  PortAt at;
  std::optional<Protocol> protocol;
};
[[nodiscard]] std::optional<MappedPort> parse_mapped_port(std::string_view text);

/// 0: any, nullopt: not said. The text was checked before.
[[nodiscard]] std::optional<std::uint16_t> requested_port(const MappingOptions& options);
}  // namespace natkit
