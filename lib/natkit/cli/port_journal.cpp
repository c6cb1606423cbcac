#include "natkit/cli/port_journal.hpp"

#include "natkit/cli/state_folder.hpp"

namespace natkit::cli {
Result<std::unique_ptr<io::JournalFile>> open_port_journal(Rng& rng) {
  const auto folder = state_folder();
  if (!folder) return std::unexpected(folder.error());
  return io::JournalFile::open(*folder, portmap::RunId{rng.next()});
}
}  // namespace natkit::cli
