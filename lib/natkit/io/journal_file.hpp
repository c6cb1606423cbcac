#pragma once
/// The journal as a file that several runs share: `port-mappings.journal`, one line an entry (portmap/journal.hpp), the
/// last line of an id counts, "erased <id>" ends it. Mode 0600, its folder 0700; written under a lock; what `put`
/// writes is synced before it returns; now and then rewritten without what is over, by rename.
///
/// A line that was cut off when its writer was killed is passed over. A damaged line is passed over as well and told
/// (`damaged_lines`); who has seen one rewrites the file without it before writing anything. Lines of another version
/// are damaged to this one, but stay: it can still read them.
///
/// Whether a run lives is told by a lock on one byte of a second file, at the offset of its RunId: it dies with the
/// process, however that ends, and is seen from other containers, where process ids are not.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "natkit/base/result.hpp"
#include "natkit/io/native_socket.hpp"
#include "natkit/portmap/journal.hpp"

namespace natkit::io {
class JournalFile final : public portmap::Journal {
 public:
  enum class Sync : std::uint8_t { now, later };  ///< whether what is written waits for the disk

  /// Makes the folder and the file where they are missing. Fails with `journal-not-writable`, `journal-not-safe`.
  [[nodiscard]] static Result<std::unique_ptr<JournalFile>> open(const std::string& folder, portmap::RunId run);

  [[nodiscard]] Result<void> put(const portmap::JournalEntry& entry) override;
  [[nodiscard]] Result<void> note(const portmap::JournalEntry& entry) override;
  [[nodiscard]] Result<void> erase(portmap::MappingId id) override;

  [[nodiscard]] Result<std::vector<portmap::JournalEntry>> entries();
  [[nodiscard]] std::size_t damaged_lines() const { return damaged_lines_; }
  /// Our own run lives.
  [[nodiscard]] bool is_alive(portmap::RunId run) const;
  [[nodiscard]] portmap::RunId run() const { return run_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  JournalFile(std::string path, portmap::RunId run) : path_(std::move(path)), run_(run) {}
  [[nodiscard]] Result<void> append(const std::string& line, Sync sync);
  [[nodiscard]] Result<Descriptor> open_locked() const;
  static constexpr std::size_t worth_compacting = 64U << 10U;
  enum class Compaction : std::uint8_t { done, not_worth_it };
  /// The file, whose text this is, must be locked.
  [[nodiscard]] Result<Compaction> compact(const std::string& text);
  [[nodiscard]] static std::vector<portmap::JournalEntry> read(const std::string& text,
                                                               std::vector<std::string>& damaged);

  std::string path_;
  portmap::RunId run_;
  Descriptor runs_;  ///< the file of the locks
  std::size_t damaged_lines_ = 0;
  /// Beyond this the file is read to see whether rewriting pays: not at every write, since whoever writes may have a
  /// path to keep alive meanwhile (2000 mappings take 100 ms in a build with sanitizers).
  std::size_t next_look_ = worth_compacting;
  bool has_torn_lines_ = false;  ///< damaged to every version
};
}  // namespace natkit::io
