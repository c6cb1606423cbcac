#pragma once
/// What nat-probe found out: plain values, each known or unknown, each backed by evidence.
/// Words are those of RFC 4787; the older names ("port-restricted cone") are labels that `report` adds for readers.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/address_kind.hpp"
#include "natkit/base/behavior.hpp"
#include "natkit/base/endpoint.hpp"
#include "natkit/base/nat64_prefix.hpp"
#include "natkit/base/time.hpp"
#include "natkit/probe/port_mappings.hpp"
#include "natkit/probe/translation.hpp"

namespace natkit::probe {
/// Whether UDP passes. `blocked` needs a proof that the server lives (it answered over TCP); mere silence is `unknown`.
enum class UdpState : std::uint8_t { unknown, ok, blocked };

struct ServerReport {
  std::string name{};  ///< as the user gave it
  Endpoint address{};
  std::optional<Duration> rtt{};             ///< the shortest seen over UDP; none when it never answered
  std::optional<double> loss{};              ///< of requests to it or of their answers, as far as they were due
  std::optional<bool> behavior_discovery{};  ///< RFC 5780 with a usable second address; none when it never answered
};

/// How the NAT chooses the public port of a fresh socket (RFC 4787 §4.2), by what a row of them was given.
struct PortAllocation {
  enum class Rule : std::uint8_t {
    preserving,  ///< the socket's own port
    sequential,  ///< one after the other, `delta` apart
    block,       ///< any port of a small range that this host, or few hosts, have (RFC 7422)
    random,      ///< any port
  };
  std::optional<Rule> rule{};
  std::optional<int> delta{};                                      ///< of `sequential`; negative: downwards
  std::optional<std::pair<std::uint16_t, std::uint16_t>> range{};  ///< the lowest and highest port that was seen
};
[[nodiscard]] std::string_view to_text(PortAllocation::Rule rule);  ///< "preserving", …

/// Which public addresses the sockets of a host get (RFC 4787 §4.1). One address alone is `paired`, too.
enum class Pooling : std::uint8_t { paired, arbitrary };
[[nodiscard]] std::string_view to_text(Pooling pooling);  ///< "paired", "arbitrary"

/// What keeps a mapping alive (RFC 4787 §4.3). What comes from inside always does.
enum class Refresh : std::uint8_t { outbound, both };
[[nodiscard]] std::string_view to_text(Refresh refresh);  ///< "outbound", "both"

/// How long the mapping of a socket lives that says nothing any more.
struct MappingLifetime {
  std::optional<Duration> shortest{};  ///< it still lived after so long
  std::optional<Duration> longest{};   ///< … and no more after so long
  std::optional<Refresh> refresh{};

  /// In the middle of the two; off by half of their distance at most.
  [[nodiscard]] std::optional<Duration> estimate() const;
};

/// One address family. Asked for, but without an answer: everything in it is unknown.
struct FamilyReport {
  std::optional<Endpoint> local{};   ///< of the mapping question's socket, as the host saw it
  std::optional<Endpoint> mapped{};  ///< the same socket as the first server saw it
  std::optional<bool> nat{};         ///< whether the two differ
  BehaviorSet mapping{};
  BehaviorSet filtering{};
  std::optional<bool> port_preserved{};
  PortAllocation port_allocation{};
  std::optional<Pooling> pooling{};
  std::optional<bool> hairpin{};  ///< two hosts behind the NAT can reach each other by their public addresses
  MappingLifetime mapping_lifetime{};
  std::optional<unsigned> layers{};              ///< NATs in the way
  std::vector<std::optional<IpAddress>> hops{};  ///< the first routers on the way, the nearest first, as they say
  std::optional<bool> cgn{};                     ///< whether one of them is the carrier's
  std::optional<bool> rewritten{};  ///< an application-level gateway changes addresses inside packets (RFC 4787 §7)
  std::optional<AddressKind> address_kind{};  ///< of `local`
  std::optional<Translation> translation{};   ///< of IPv6 addresses
  /// The IPv6 address that this host sends from changes after a while (RFC 8981).
  std::optional<bool> temporary{};
};

/// What the NAT does with TCP, in the family that was measured; the terms are those of UDP (RFC 5382 §4).
struct TcpReport {
  BehaviorSet mapping{};
  BehaviorSet filtering{};
};

/// Where a server answered although its own port does not over UDP.
struct WayOut {
  std::string_view transport{};  ///< "udp", "tcp", "tls"
  Endpoint server{};
  bool operator==(const WayOut&) const = default;
};

/// How IPv4 is carried over a network that has IPv6 only (RFC 6146, RFC 6877).
struct Nat64Report {
  std::optional<Nat64Prefix> prefix{};  ///< IPv4 addresses behind it are reached over IPv6
  std::optional<bool> clat{};           ///< this host translates its own IPv4 packets
};

/// Why a value is what it is, or why it is unknown.
struct Evidence {
  std::string about{};   ///< dotted path of the value, e.g. "ipv4.filtering"
  std::string reason{};  ///< stable kebab-case name, e.g. "silence-after-receipts"
  std::string detail{};  ///< one sentence with addresses, counts and times
};

/// Of the evidence for `captive_portal`: a page is shown in the name of others. Where that stays unknown all the same,
/// a login page is likely.
inline constexpr std::string_view reason_of_page = "page-of-nobody";

struct Report {
  UdpState udp = UdpState::unknown;
  std::vector<ServerReport> servers{};  ///< in the order asked
  std::optional<FamilyReport> ipv4{};   ///< none when no server of the family was asked
  std::optional<FamilyReport> ipv6{};
  PortMappings port_mapping{};
  TcpReport tcp{};
  /// The largest IP packet, up to 1500 bytes, of which it was seen that it gets to the server in one piece.
  std::optional<unsigned> mtu_bytes{};
  std::optional<bool> fragments{};                ///< larger ones get there in fragments
  std::optional<std::vector<WayOut>> ways_out{};  ///< none: nobody needed to ask
  /// A login page answers in the name of others, and no server is reached (RFC 8952).
  std::optional<bool> captive_portal{};
  Nat64Report nat64{};
  std::vector<Evidence> evidence{};
  Duration elapsed{};
  std::uint32_t packets_sent = 0;
};
}  // namespace natkit::probe
