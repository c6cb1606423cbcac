#pragma once
/// What is judged of one address family, each with its evidence. `about` is left for the caller to fill.
#include <vector>

#include "natkit/probe/digest.hpp"
#include "natkit/probe/report.hpp"

namespace natkit::probe {
struct Verdict {
  BehaviorSet behavior{};
  std::vector<Evidence> evidence{};
};

/// Compares what several endpoints saw of one socket (RFC 5780 §4.3).
[[nodiscard]] Verdict judge_mapping(const Digest& digest, Family family);
/// Asks what came through from places where the socket had never sent anything (RFC 5780 §4.4).
[[nodiscard]] Verdict judge_filtering(const Digest& digest, Family family, Duration now);
/// The same over TCP (RFC 5382 §4.1).
[[nodiscard]] Verdict judge_tcp_mapping(const Digest& digest, Family family);
/// Asks which connections came through that a server began from places where the port had never connected to. `mapping`
/// over TCP, as judged before.
[[nodiscard]] Verdict judge_tcp_filtering(const Digest& digest, Family family, const BehaviorSet& mapping,
                                          Duration now);

struct PathMtuVerdict {
  std::optional<unsigned> bytes{};
  std::optional<bool> fragments{};
  std::vector<Evidence> evidence{};
};
/// Looks which sizes got to the server in one piece.
[[nodiscard]] PathMtuVerdict judge_path_mtu(const Digest& digest, Duration now);

struct AllocationVerdict {
  PortAllocation allocation{};
  std::vector<Evidence> evidence{};
};
/// Compares the ports that a row of fresh sockets got outside.
[[nodiscard]] AllocationVerdict judge_allocation(const Digest& digest, Family family);

struct PoolingVerdict {
  std::optional<Pooling> pooling{};
  std::vector<Evidence> evidence{};
};
/// … and the addresses.
[[nodiscard]] PoolingVerdict judge_pooling(const Digest& digest, Family family);

struct HairpinVerdict {
  std::optional<bool> hairpin{};
  std::vector<Evidence> evidence{};
};
/// Whether two sockets that sent to each other's public endpoint heard each other. `mapping` as judged before: where it
/// depends on the destination, neither knows where the other one is.
[[nodiscard]] HairpinVerdict judge_hairpin(const Digest& digest, Family family, const BehaviorSet& mapping,
                                           Duration now);

struct LifetimeVerdict {
  MappingLifetime lifetime{};
  std::vector<Evidence> evidence{};
};
/// Looks which of the sockets that rested still heard what the server sent them.
[[nodiscard]] LifetimeVerdict judge_lifetime(const Digest& digest, Family family);

struct WaysOutVerdict {
  std::optional<std::vector<WayOut>> ways{};
  std::vector<Evidence> evidence{};
};
/// Where servers answered when their own ports did not over UDP.
[[nodiscard]] WaysOutVerdict judge_ways_out(const Digest& digest);

struct CaptivePortalVerdict {
  std::optional<bool> captive_portal{};
  std::vector<Evidence> evidence{};
};
/// Asks who answered for a web page where nobody is, while no server did.
[[nodiscard]] CaptivePortalVerdict judge_captive_portal(const Digest& digest);

struct LayersVerdict {
  std::optional<unsigned> layers{};
  std::optional<bool> cgn{};
  std::vector<Evidence> evidence{};  ///< of "layers"
};
/// The first routers on the way to the server, up to the last that said a word.
[[nodiscard]] std::vector<std::optional<IpAddress>> first_routers(const Digest& digest);
/// Counts NATs by what the router says of its own public address, and by addresses that only carriers use (RFC 6598):
/// this host's, its router's, and those of the first routers on the way.
[[nodiscard]] LayersVerdict judge_layers(const FamilyReport& family, const PortMappings& routers);

struct AddressKindVerdict {
  std::optional<AddressKind> kind{};
  std::vector<Evidence> evidence{};
};
/// What the address that this host sends from is for.
[[nodiscard]] AddressKindVerdict judge_address_kind(const FamilyReport& family);

struct TranslationVerdict {
  std::optional<Translation> translation{};
  std::vector<Evidence> evidence{};
};
/// Compares the IPv6 addresses inside and outside; nothing for IPv4.
[[nodiscard]] TranslationVerdict judge_translation(const FamilyReport& family);

struct TemporaryVerdict {
  std::optional<bool> temporary{};
  std::vector<Evidence> evidence{};
};
/// Looks the very address that was sent from up in what the system says of its own; nothing for IPv4.
[[nodiscard]] TemporaryVerdict judge_temporary(const FamilyReport& family, const HostFacts& host);

struct Nat64Verdict {
  Nat64Report nat64{};
  std::vector<Evidence> evidence{};  ///< with what it is about
};
/// From what the resolver says of ipv4only.arpa, and from addresses and interfaces that only translators have.
[[nodiscard]] Nat64Verdict judge_nat64(const std::optional<FamilyReport>& ipv4, const HostFacts& host);

/// Whether a server is of use for RFC 5780: it has a second address that answers, and it does not ignore
/// CHANGE-REQUEST.
[[nodiscard]] std::optional<bool> judge_behavior_discovery(const Digest& digest, std::uint32_t server);
}  // namespace natkit::probe
