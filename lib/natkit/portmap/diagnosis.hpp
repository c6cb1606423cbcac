#pragma once
/// Why there is no mapping: the one culprit that a person should act on, out of all that was and was not heard; a pure
/// function. What to type is not said here: `next_step` is a value, which the tool turns into words.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/portmap/discovery.hpp"
#include "natkit/portmap/keeper.hpp"
#include "natkit/portmap/mapping.hpp"

namespace natkit::portmap {
/// One gateway, as far as it was heard.
struct HeardGateway {
  Route route{};        ///< by which it was asked
  IpAddress address{};  ///< the route's router, or one further out or beside it
  enum class Place : std::uint8_t {
    nearest,      ///< the route's router
    further_out,  ///< behind the nearest, which did its part
    beside,       ///< on the same network, and not the way out
  } place = Place::nearest;
  std::vector<Refusal> refusals{};      ///< Cause::silent for a method that was asked and not answered
  std::vector<Method> pending{};        ///< asked, and the search ended before they could answer
  std::optional<IpAddress> external{};  ///< its own address outside, where it told
};

struct Symptoms {
  std::vector<HeardGateway> gateways{};  ///< empty: this host has no default route
  std::optional<Wish> wish{};            ///< what was asked for; nullopt: nothing in particular
};
[[nodiscard]] Symptoms symptoms_of(const Findings& findings);
[[nodiscard]] Symptoms symptoms_of(const Wish& wish, const Route& route, const Keeper::Failed& failed);

/// One thing to do. Each is one sentence of advice in a tool.
enum class NextStep : std::uint8_t {
  wait_longer,       ///< too early to say anything
  connect_host,      ///< to a network
  leave_tunnel,      ///< end the VPN, or go round it
  switch_on,         ///< in the router's settings
  switch_on_outer,   ///< in the settings of the router behind the router
  use_other_router,  ///< the one that answers is not the way out
  allow_host,        ///< in the router's settings
  take_high_port,    ///< above 1023
  take_other_port,
  clear_table,
  check_uplink,
  map_all_layers,  ///< at the router behind the router too
  join_routers,    ///< that was tried: make one of the two a mere bridge
  ask_provider,    ///< for a public address
  try_other_method,
};

/// What to enter by hand in the router's own settings (behaviour B27).
struct ManualRule {
  IpAddress router{};
  Protocol protocol = Protocol::udp;
  std::uint16_t external_port = 0;  ///< 0: whichever is needed
  Endpoint internal{};              ///< port 0 with it
};
[[nodiscard]] std::string to_text(const ManualRule& rule);

struct Diagnosis {
  Cause cause = Cause::unknown;         ///< unknown: not enough was heard; `sentence` says why
  std::string sentence{};               ///< printable, without a stop
  std::vector<std::string> evidence{};  ///< what it rests on: one line for each thing heard or missed; printable
  NextStep next_step = NextStep::wait_longer;
  std::optional<ManualRule> rule{};  ///< where a rule by hand would help
};
[[nodiscard]] Diagnosis diagnose(const Symptoms& symptoms);
}  // namespace natkit::portmap
