#pragma once
/// A router's own list of mappings, as it is read by UPnP: once for each way to the router, so mostly once by IPv4 and
/// once by IPv6. Here the same mapping is told apart from another one that looks like it.
#include <optional>
#include <string>
#include <vector>

#include "natkit/portmap/igd.hpp"
#include "natkit/portmap/journal.hpp"

namespace natkit::portmap {
/// One entry, and enough to remove it.
struct RouterEntry {
  igd::Service service{};
  igd::Entry entry{};
  IpAddress gateway{};                  ///< who was asked
  std::string udn{};                    ///< of that device; empty where it did not say
  std::optional<IpAddress> external{};  ///< of that service
};

/// Each mapping once, as it was read first. Two gateways may each have one for the same port of this host: those stay
/// apart as long as the gateways' names or external addresses differ.
[[nodiscard]] std::vector<RouterEntry> without_repeats(std::vector<RouterEntry> entries);

/// The same for what was written down: of several notes about one mapping the newest that was granted. Attempts that
/// nobody answered leave notes too, until `gc` has taken them back.
[[nodiscard]] std::vector<JournalEntry> without_repeats(std::vector<JournalEntry> entries);

/// Whether this is the mapping that was written down: by the id in the description; or by where it leads, because many
/// routers list what PCP and NAT-PMP have made among the rest, in words of their own.
[[nodiscard]] bool is_same_mapping(const RouterEntry& listed, const JournalEntry& written);
}  // namespace natkit::portmap
