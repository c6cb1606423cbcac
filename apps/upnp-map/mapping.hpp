#pragma once
// What `add`, `pinhole` and `hold` share: the keeper's outcomes as answers, and what stands in the way as an error.
#include <string>
#include <vector>

#include "natkit/portmap/keeper.hpp"
#include "natkit/report/portmap_answers.hpp"
#include "session.hpp"
#include "wishes.hpp"

namespace natkit {
/// Entries of earlier runs that nobody holds any more: they are renewed instead of made anew.
[[nodiscard]] std::vector<portmap::JournalEntry> renewable(const Notebook& notebook);

[[nodiscard]] portmap::Keeper::Config keeper_config(const Plan& plan, const MappingOptions& options,
                                                    portmap::Keeper::Goal goal, const Notebook& notebook);

[[nodiscard]] report::MappingAnswer answer_of(const portmap::Wish& wish, const portmap::Keeper::Outcome& outcome,
                                              Duration elapsed);

/// Names the culprit and one thing to do about it; `timed-out` where the keeper has not come to an end.
[[nodiscard]] Error error_of(const cli::Output& output, const Plan& plan, const portmap::Keeper& keeper,
                             Duration timeout);
}  // namespace natkit
