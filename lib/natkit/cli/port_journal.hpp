#pragma once
/// The journal of ports that routers were asked for (io/journal_file.hpp), for a run of a tool.
#include <memory>

#include "natkit/base/result.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/io/journal_file.hpp"

namespace natkit::cli {
/// For a new run. Without a journal no router is asked: a killed run would leave the port open, and nobody knew. Fails
/// with `journal-not-writable`, `journal-not-safe`.
[[nodiscard]] Result<std::unique_ptr<io::JournalFile>> open_port_journal(Rng& rng);
}  // namespace natkit::cli
