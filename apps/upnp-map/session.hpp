#pragma once
// What every command that talks to routers needs: ways out, the journal, chance, and the child that makes UPnP calls.
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "natkit/cli/output.hpp"
#include "natkit/crypto/secure_rng.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/io/errand_children.hpp"
#include "natkit/io/journal_file.hpp"
#include "natkit/portmap/mapping.hpp"
#include "options.hpp"
#include "supervised.hpp"

namespace natkit {
/// The journal and what stood in it when it was opened.
struct Notebook {
  std::unique_ptr<io::JournalFile> file;
  std::vector<portmap::JournalEntry> entries;

  /// Whether a living run holds it at this moment.
  [[nodiscard]] bool is_held(const portmap::JournalEntry& entry) const {
    return entry.stage != portmap::JournalEntry::Stage::kept && file->is_alive(entry.run);
  }
};

struct Session {
  cli::Output& output;
  io::ErrandChildren& errands;
  crypto::SecureRng rng{};

  /// In $XDG_STATE_HOME/natkit, else ~/.local/state/natkit.
  [[nodiscard]] Result<Notebook> open_notebook();

  /// Runs `machine` until it is finished. `on_stop` is called at the first SIGINT or SIGTERM, so that the machine can
  /// end in order; without it the run ends there.
  [[nodiscard]] Result<io::RunEnd> run(Supervised& machine, const std::function<void(Instant)>& on_stop = {},
                                       const std::function<void(Instant)>& on_routes_changed = {});
};

/// The routes to ask over, nearest first; with --local-address only that one's. Fails with `no-gateway`.
[[nodiscard]] Result<std::vector<portmap::Route>> routes_for(const RouterOptions& options);

/// The one that packets to `internal` would come by: its own, or another of its interface with this address in front.
[[nodiscard]] std::optional<portmap::Route> route_of(const IpAddress& internal,
                                                     const std::vector<portmap::Route>& routes);

/// "--timeout 0s" leaves no time for anything.
[[nodiscard]] Result<void> check_timeout(Duration timeout);

/// 130 or 143, said as an error.
[[nodiscard]] cli::Exit interrupted(cli::Output& output, io::RunEnd end, std::string_view what);
}  // namespace natkit
