#include "mapping.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "culprit.hpp"
#include "natkit/cli/duration.hpp"

namespace natkit {
std::vector<portmap::JournalEntry> renewable(const Notebook& notebook) {
  auto entries = notebook.entries;
  std::erase_if(entries, [&](const portmap::JournalEntry& entry) { return notebook.is_held(entry); });
  return entries;
}

portmap::Keeper::Config keeper_config(const Plan& plan, const MappingOptions& o, portmap::Keeper::Goal goal,
                                      const Notebook& notebook) {
  return {.routes = plan.routes,
          .wishes = plan.wishes,
          .goal = goal,
          .layers = o.layers,
          .run = notebook.file->run(),
          .known = renewable(notebook)};
}

report::MappingAnswer answer_of(const portmap::Wish& wish, const portmap::Keeper::Outcome& outcome, Duration elapsed) {
  report::MappingAnswer answer{.protocol = wish.protocol, .internal = wish.internal, .elapsed = elapsed};
  if (wish.external_port != 0) answer.requested_external = wish.external_port;
  if (outcome.held) {
    answer.layers = outcome.held->layers;
    answer.internal = answer.layers.front().internal;  // this host's address may be another one by now
  }
  return answer;
}

Error error_of(const cli::Output& output, const Plan& plan, const portmap::Keeper& keeper, Duration timeout) {
  for (std::size_t i = 0; i < keeper.wishes(); ++i) {
    const auto& failed = keeper.outcome(i).failed;
    if (!failed) continue;
    if (failed->error) return *failed->error;
    return culprit(output, portmap::diagnose(portmap::symptoms_of(plan.wishes[i], plan.routes.front(), *failed)));
  }
  return {Errc::nobody_there, "timed-out",
          fmt::format("the router did not come to an end within {}", cli::to_text(timeout)),
          "try again with a longer --timeout"};
}
}  // namespace natkit
