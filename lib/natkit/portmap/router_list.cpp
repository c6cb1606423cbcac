#include "natkit/portmap/router_list.hpp"

#include <algorithm>
#include <tuple>
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
std::optional<IpAddress> external_of(const JournalEntry& entry) {
  if (entry.external.address.is_unspecified()) return std::nullopt;
  return entry.external.address;
}

bool is_repeat(const JournalEntry& one, const JournalEntry& other) {
  return one.protocol == other.protocol && one.external.port == other.external.port &&
         one.mapped_host == other.mapped_host && one.internal_port == other.internal_port &&
         (one.gateway == other.gateway ||
          (one.route == other.route && may_be_same(external_of(one), external_of(other))));
}

bool is_better(const JournalEntry& one, const JournalEntry& other) {
  return std::tuple{one.via.has_value(), one.written_at} > std::tuple{other.via.has_value(), other.written_at};
}
}  // namespace

std::vector<JournalEntry> without_repeats(std::vector<JournalEntry> entries) {
  std::vector<JournalEntry> kept;
  for (auto& entry : entries) {
    const auto known = std::ranges::find_if(kept, [&](const JournalEntry& one) { return is_repeat(one, entry); });
    if (known == kept.end())
      kept.push_back(std::move(entry));
    else if (is_better(entry, *known))
      *known = std::move(entry);
  }
  return kept;
}

std::vector<RouterEntry> without_repeats(std::vector<RouterEntry> entries) {
  std::vector<RouterEntry> kept;
  for (auto& entry : entries)
    if (std::ranges::none_of(kept, [&](const RouterEntry& one) { return is_repeat(one, entry); }))
      kept.push_back(std::move(entry));
  return kept;
}

bool is_same_mapping(const RouterEntry& listed, const JournalEntry& written) {
  if (has_tag(listed.entry.description, written.id)) return true;
  return listed.entry.protocol == written.protocol && listed.entry.external_port == written.external.port &&
         listed.entry.internal == Endpoint{written.mapped_host, written.internal_port} &&
         (listed.gateway == written.gateway || may_be_same(listed.external, external_of(written)));
}
}  // namespace natkit::portmap
