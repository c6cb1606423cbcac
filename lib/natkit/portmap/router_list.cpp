#include "natkit/portmap/router_list.hpp"

#include <algorithm>
#include <utility>

#include "natkit/portmap/igd_control.hpp"

namespace natkit::portmap {
namespace {
/// Unknown contradicts nothing.
bool may_be_same(const std::optional<IpAddress>& one, const std::optional<IpAddress>& other) {
  return !one || !other || *one == *other;
}

bool is_same_gateway(const RouterEntry& one, const RouterEntry& other) {
  if (one.gateway == other.gateway) return true;
  if (!one.udn.empty() && !other.udn.empty()) return one.udn == other.udn;
  return may_be_same(one.external, other.external);
}

/// RFC 6887 §11.1 and WANIPConnection agree: protocol and external port are what a gateway knows a mapping by; another
/// remote host makes another one.
bool is_repeat(const RouterEntry& one, const RouterEntry& other) {
  return one.entry.protocol == other.entry.protocol && one.entry.external_port == other.entry.external_port &&
         one.entry.internal == other.entry.internal && one.entry.remote_host == other.entry.remote_host &&
         is_same_gateway(one, other);
}
}  // namespace

std::vector<RouterEntry> without_repeats(std::vector<RouterEntry> entries) {
  std::vector<RouterEntry> kept;
  for (auto& entry : entries)
    if (std::ranges::none_of(kept, [&](const RouterEntry& one) { return is_repeat(one, entry); }))
      kept.push_back(std::move(entry));
  return kept;
}

bool is_same_mapping(const RouterEntry& listed, const JournalEntry& written) {
  if (has_tag(listed.entry.description, written.id)) return true;
  const auto external =
      written.external.address.is_unspecified() ? std::nullopt : std::optional{written.external.address};
  return listed.entry.protocol == written.protocol && listed.entry.external_port == written.external.port &&
         listed.entry.internal == Endpoint{written.mapped_host, written.internal_port} &&
         (listed.gateway == written.gateway || may_be_same(listed.external, external));
}
}  // namespace natkit::portmap
