#pragma once
/// What upnp-map has to say, before it becomes text or JSON. Strings from routers stand here raw: the writers escape
/// them.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/time.hpp"
#include "natkit/portmap/mapping.hpp"

namespace natkit::report {
/// How an external address looks to the internet. Behind a private or shared one stands another NAT.
enum class Scope : std::uint8_t { on_internet, inside, carrier };
[[nodiscard]] Scope scope_of(const IpAddress& address);
[[nodiscard]] std::string_view to_text(Scope scope);  ///< "public", "private", "shared"

/// One port, asked to be mapped. It stands when there are layers.
struct MappingAnswer {
  Protocol protocol = Protocol::udp;
  Endpoint internal{};
  std::optional<std::uint16_t> requested_external{};  ///< nullopt: any
  std::vector<portmap::Grant> layers{};               ///< innermost first; the last is where the world sends to
  std::optional<bool> verified{};                     ///< open from outside; nullopt when not asked or not known
  std::string verdict{};                              ///< why it is not, or why nobody knows; empty: not asked
  Duration elapsed{};
};

/// What `list` shows: the router's entry, our note, or both of the same mapping.
struct ListedMapping {
  Protocol protocol = Protocol::udp;
  std::optional<IpAddress> external_address{};
  std::uint16_t external_port = 0;
  Endpoint internal{};
  std::optional<std::chrono::seconds> lease{};  ///< remaining; nullopt: not known; zero: permanent
  std::optional<portmap::Method> via{};
  IpAddress gateway{};
  std::string description{};
  enum class Source : std::uint8_t { router, journal, both } source = Source::router;
  enum class Owner : std::uint8_t {
    ours,       ///< upnp-map made it, for this user
    this_host,  ///< another program of this host, or another user
    other,      ///< another host
  } owner = Owner::other;
};
[[nodiscard]] std::string_view to_text(ListedMapping::Owner owner);    ///< "ours", "this-host", "other"
[[nodiscard]] std::string_view to_text(ListedMapping::Source source);  ///< "router", "journal", "both"

struct RemovalAnswer {
  Protocol protocol = Protocol::udp;
  Endpoint external{};
  IpAddress gateway{};
  std::optional<portmap::Method> via{};
  std::optional<bool> is_gone{};  ///< nullopt: the gateway could not be asked
  std::string detail{};           ///< why it is not gone, or not known to be
};

struct CheckAnswer {
  Protocol protocol = Protocol::udp;
  Endpoint external{};
  std::optional<bool> is_open{};
  std::string detail{};  ///< what was seen, or why nobody knows
};

/// One language that a gateway was spoken to in.
struct MethodAnswer {
  portmap::Method method{};
  std::optional<bool> is_available{};  ///< nullopt: nobody answered
  std::optional<IpAddress> external{};
  std::optional<std::chrono::seconds> uptime{};  ///< since it last lost its mappings
  std::optional<portmap::Refusal> refusal{};
};
struct GatewayAnswer {
  IpAddress address{};
  portmap::Route route{};
  std::vector<MethodAnswer> methods{};
  std::string manufacturer{};
  std::string model{};
  std::string location{};
  std::string udn{};                   ///< "uuid:…", by which a device is known; empty: it told none
  std::optional<IpAddress> same_as{};  ///< the address of one further up that is the same device
};
}  // namespace natkit::report
