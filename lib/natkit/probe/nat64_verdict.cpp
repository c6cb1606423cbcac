#include <fmt/format.h>

#include <algorithm>

#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
Evidence prefix_evidence(const char* reason, std::string detail) {
  return {.about = "nat64.prefix", .reason = reason, .detail = std::move(detail)};
}

Evidence judge_prefix(Nat64Report& nat64, const HostFacts& host) {
  if (!host.ipv4only)
    return prefix_evidence("not-told", "the resolver was not asked for ipv4only.arpa, or had not answered by the end");
  if (host.ipv4only->empty())
    return prefix_evidence("no-nat64",
                           "ipv4only.arpa has no IPv6 address here, as everywhere without a NAT64 (RFC 7050)");
  for (const auto& address : *host.ipv4only) {
    nat64.prefix = find_nat64_prefix(address);
    if (nat64.prefix)
      return prefix_evidence("ipv4only-arpa",
                             fmt::format("ipv4only.arpa is {} here: the resolver made that from an IPv4 address, with "
                                         "this prefix (RFC 7050)",
                                         to_text(address)));
  }
  if (std::ranges::all_of(*host.ipv4only, &IpAddress::is_placeholder))
    return prefix_evidence("addresses-are-redacted", "which prefix the resolver gave was redacted");
  return prefix_evidence("not-an-embedded-address",
                         fmt::format("ipv4only.arpa is {} here, in which its IPv4 address does not stand (RFC 6052)",
                                     to_text(host.ipv4only->front())));
}

Evidence clat_evidence(const char* reason, std::string detail) {
  return {.about = "nat64.clat", .reason = reason, .detail = std::move(detail)};
}

Evidence judge_clat(Nat64Report& nat64, const std::optional<FamilyReport>& ipv4, const HostFacts& host) {
  if (ipv4 && ipv4->address_kind == AddressKind::clat) {
    nat64.clat = true;
    return clat_evidence("local-address", fmt::format("{} is an address for such translators only (RFC 7335)",
                                                      to_text(ipv4->local->address)));
  }
  nat64.clat = host.has_clat;
  if (!host.has_clat) return clat_evidence("not-told", "the interfaces of this host were not looked at");
  if (*host.has_clat)
    return clat_evidence("interface", "an interface of this host is a translator's, by its name or its address");
  return clat_evidence("no-interface", "no interface of this host is a translator's");
}
}  // namespace

Nat64Verdict judge_nat64(const std::optional<FamilyReport>& ipv4, const HostFacts& host) {
  Nat64Verdict verdict;
  verdict.evidence.push_back(judge_prefix(verdict.nat64, host));
  verdict.evidence.push_back(judge_clat(verdict.nat64, ipv4, host));
  return verdict;
}
}  // namespace natkit::probe
