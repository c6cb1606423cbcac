#pragma once
// What routers and the journal say, as rows.
#include <string>
#include <vector>

#include "natkit/portmap/discovery.hpp"
#include "natkit/portmap/igd_calls.hpp"
#include "natkit/portmap/router_list.hpp"
#include "natkit/report/portmap_answers.hpp"
#include "session.hpp"

namespace natkit {
/// Who maps ports around here; nothing is made. `ends` is what ended the search.
struct Searched {
  portmap::Findings findings;
  io::RunEnd end = io::RunEnd::finished;
};
[[nodiscard]] Result<Searched> search(Session& session, const std::vector<portmap::Route>& routes, Duration timeout);

[[nodiscard]] std::vector<report::GatewayAnswer> gateway_answers(const portmap::Findings& findings);
/// Whether any method anywhere would map.
[[nodiscard]] bool has_any(const portmap::Findings& findings);
/// What stands in the way where none would.
[[nodiscard]] Error error_of(const cli::Output& output, const portmap::Findings& findings);

struct RouterList {
  std::vector<portmap::RouterEntry> entries{};
  bool is_read = false;  ///< at least one router showed its list
  io::RunEnd end = io::RunEnd::finished;
};
[[nodiscard]] Result<RouterList> router_list(Session& session, const portmap::Findings& findings, Duration timeout);
[[nodiscard]] bool is_this_host(const IpAddress& address);

/// Both lists in one: an entry of the router's that carries an id of ours is that mapping.
[[nodiscard]] std::vector<report::ListedMapping> merged(const std::vector<portmap::RouterEntry>& router,
                                                        const std::vector<portmap::JournalEntry>& journal);
}  // namespace natkit
