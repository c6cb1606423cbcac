#pragma once
/// What is wished of a gateway, what it grants, and why it does not: one vocabulary for PCP, NAT-PMP and UPnP IGD.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.hpp"

namespace natkit::portmap {
enum class Method : std::uint8_t { pcp, nat_pmp, upnp };
[[nodiscard]] std::string_view to_text(Method method);  ///< "pcp", "nat-pmp", "upnp", as in the contract
[[nodiscard]] std::optional<Method> parse_method(std::string_view text);

/// One way out of this host: the default route of a family, as the system tells it.
struct Route {
  IpAddress local{};        ///< the address that datagrams leave with
  IpAddress router{};       ///< the next hop; link-local in most IPv6 networks
  std::string interface{};  ///< "eth0"
  /// A tunnel (VPN) that owns the default route hides the router behind it: mappings made there do not help.
  enum class Kind : std::uint8_t { unknown, link, tunnel } kind = Kind::unknown;
  bool operator==(const Route&) const = default;
};

/// Whether another external port than the one wished for is better than none.
enum class PortChoice : std::uint8_t { preferred, exact };

struct Wish {
  Protocol protocol = Protocol::udp;
  Endpoint internal{};              ///< an address of this host, and the port that packets shall arrive at
  std::uint16_t external_port = 0;  ///< 0: any; a gateway may grant another all the same
  PortChoice choice = PortChoice::preferred;
  std::chrono::seconds lifetime{7200};  ///< RFC 6886 §3.3 recommends 7200 s
  std::string description = "natkit";   ///< UPnP shows it in the router's own list
  std::optional<Method> only{};         ///< ask by this alone
};

struct Grant {
  Method via{};
  Protocol protocol = Protocol::udp;
  Endpoint internal{};
  Endpoint external{};              ///< as granted and read back; its address may be private (double NAT)
  std::chrono::seconds lifetime{};  ///< zero: permanent, until somebody removes it
  IpAddress gateway{};              ///< who granted it
};

/// Whether a gateway can have this address outside; a private one it can (double NAT). Routers have been seen to tell
/// nothing, 0.0.0.0, 127.0.0.1 and chance bytes (miniupnp#567): such a word counts as none.
[[nodiscard]] bool may_be_external(const IpAddress& address);

/// Why there is no mapping. Which of several a person should act on is for `diagnose` to say.
enum class Cause : std::uint8_t {
  unknown,
  no_gateway,         ///< no default route
  tunnel_owns_route,  ///< a VPN
  silent,             ///< nobody answered by any method
  switched_off,       ///< answers, but mapping is disabled (PCP NOT_AUTHORIZED to everything, no WAN service …)
  not_authorized,     ///< secure mode, or this host is not allowed
  port_denied,        ///< this port range is not allowed
  port_taken,         ///< another host owns it
  table_full,
  not_connected,     ///< the gateway has no external address now
  double_nat,        ///< its external address is private: another NAT stands behind it
  carrier_nat,       ///< … is in 100.64/10 (RFC 6598)
  address_mismatch,  ///< PCP found a NAT between us and it
  unsupported,       ///< the protocol, option or version is not
  malformed,         ///< answers, but not by the book
  failed,            ///< says only that it failed
};
[[nodiscard]] std::string_view to_text(Cause cause);  ///< stable kebab-case: "no-gateway", …

struct Refusal {
  Method method{};
  Cause cause{};
  std::optional<int> code{};  ///< as the protocol numbers it: PCP result, NAT-PMP result, UPnP error
  std::string detail{};       ///< our own words; parts that came from the gateway are printable and short
};
}  // namespace natkit::portmap
