#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
/// What follows from it, by the number of the kind.
constexpr std::array<std::string_view, 14> meanings{
    "an address of the internet",
    "an address of the internet",
    "a private address, which only this site can reach (RFC 1918)",
    "a unique local address, which only this site can reach (RFC 4193)",
    "an address that only carriers give, between their NAT and their customers (RFC 6598)",
    "an address that this host's own translator uses, which carries IPv4 over an IPv6 network (RFC 7335)",
    "a 6to4 address, made from an IPv4 address, whose relays are gone (RFC 7526)",
    "a Teredo address, which carries IPv6 through an IPv4 NAT (RFC 4380)",
    "the IPv6 form of an IPv4 address (RFC 6052)",
    "a link-local address, which no router passes on",
    "a loopback address, which never leaves this host",
    "an address for documentation, as used in laboratories",
    "an address for benchmarks",
    "a reserved address"};

TranslationVerdict verdict(std::optional<Translation> translation, const char* reason, std::string detail) {
  return {.translation = translation, .evidence = {{.reason = reason, .detail = std::move(detail)}}};
}
}  // namespace

AddressKindVerdict judge_address_kind(const FamilyReport& family) {
  if (!family.local) return {};
  const auto& local = family.local->address;
  if (local.is_placeholder())
    return {.kind = {},
            .evidence = {
                {.reason = "addresses-are-redacted", .detail = "which kind of address this host has was redacted"}}};
  const auto kind = kind_of(local);
  if (!kind) return {};
  const auto meaning = meanings.at(static_cast<std::size_t>(*kind));
  return {.kind = kind, .evidence = {{.reason = "range", .detail = fmt::format("{} is {}", to_text(local), meaning)}}};
}

TranslationVerdict judge_translation(const FamilyReport& family) {
  if (!family.local || !family.mapped || !family.nat) return {};
  const auto& local = *family.local;
  const auto& mapped = *family.mapped;
  if (!local.address.is_v6()) return {};
  if (mapped.address.is_v4())
    return verdict({}, "mapped-is-ipv4",
                   fmt::format("{} is {} outside: a NAT64 translates to IPv4", to_text(local), to_text(mapped)));
  if (!*family.nat)
    return verdict(Translation::none, "mapped-equals-local",
                   fmt::format("this host is seen as {} itself", to_text(local.address)));
  if (local.address.is_placeholder())
    return verdict({}, "addresses-are-redacted", "what the two addresses have in common was redacted");
  const auto both = fmt::format("{} is {} outside", to_text(local), to_text(mapped));
  switch (prefix_change(local, mapped)) {
    case PrefixChange::checksum_neutral:
      return verdict(Translation::prefix, "checksum-neutral",
                     both + ": another prefix, the same port, and no checksum changes, as by NPTv6 (RFC 6296)");
    case PrefixChange::plain:
      return verdict(Translation::prefix, "interface-identifier-kept",
                     both + ": another prefix, with all the rest and the port kept");
    case PrefixChange::unclear:
      return verdict({}, "interface-identifier-is-short",
                     both + ": the prefix may have been exchanged, or a router may have the same short number there");
    case PrefixChange::no:
      break;
  }
  return verdict(Translation::nat66, "addresses-differ", both + ": neither is made from the other");
}

TemporaryVerdict judge_temporary(const FamilyReport& family, const HostFacts& host) {
  if (!family.local || !family.local->address.is_v6()) return {};
  const auto& local = family.local->address;
  const auto is_among = [&](const std::vector<IpAddress>& all) { return std::ranges::find(all, local) != all.end(); };
  const auto verdict = [](std::optional<bool> temporary, const char* reason, std::string detail) {
    return TemporaryVerdict{.temporary = temporary, .evidence = {{.reason = reason, .detail = std::move(detail)}}};
  };
  if (is_among(host.temporary))
    return verdict(true, "system-says-temporary",
                   fmt::format("{} was made at random, and gives way to another address after a day or less (RFC 8981)",
                               to_text(local)));
  if (is_among(host.stable))
    return verdict(false, "system-says-stable",
                   fmt::format("{} stays this host's for as long as the network keeps its prefix", to_text(local)));
  return verdict({}, "not-told", fmt::format("the system did not tell whether {} is temporary", to_text(local)));
}
}  // namespace natkit::probe
