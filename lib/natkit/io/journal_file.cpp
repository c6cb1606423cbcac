#include "natkit/io/journal_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

namespace natkit::io {
namespace {
using portmap::JournalEntry;
using portmap::MappingId;
using portmap::RunId;

constexpr std::size_t largest_file = 16U << 20U;  // read whole; a thousand mappings are 400 KB
constexpr std::string_view erased_word = "erased ";

std::unexpected<Error> failure(const std::string& what, const std::string& path, int error) {
  return std::unexpected(Error{
      .code = Errc::usage,
      .reason = "journal-not-writable",
      .detail = fmt::format("cannot {} {}: {}", what, path, std::generic_category().message(error)),
      .advice =
          "no mapping is made that could not be removed after a crash; make room there, or set XDG_STATE_HOME to a "
          "folder that can be written"});
}

std::unexpected<Error> unsafe(const std::string& path, const std::string& why) {
  return std::unexpected(
      Error{.code = Errc::usage,
            .reason = "journal-not-safe",
            .detail = fmt::format("{} {}", path, why),
            .advice = "it holds what is needed to remove mappings: it must be yours alone; move it away"});
}

/// What no other version can read either.
bool is_torn_line(const std::string& line) {
  const auto entry = portmap::parse_entry(line);
  return !entry && entry.error() != portmap::JournalError::unknown_version;
}

std::string stamped_line(JournalEntry entry) {
  entry.written_at = static_cast<std::int64_t>(std::time(nullptr));
  return write_entry(entry);
}

std::string read_all(int file, std::size_t size) {
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const auto count = ::pread(file, text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  text.resize(done);
  return text;
}

/// All of it or nothing: what was written of a line that did not fit is cut off again.
bool write_all(int file, std::string_view text, JournalFile::Sync sync) {
  struct stat before{};
  if (::fstat(file, &before) != 0) return false;
  std::size_t done = 0;
  while (done < text.size()) {
    const auto count = ::write(file, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  if (done == text.size() && (sync == JournalFile::Sync::later || ::fdatasync(file) == 0)) return true;
  const int error = errno == 0 ? ENOSPC : errno;
  [[maybe_unused]] const int cut = ::ftruncate(file, before.st_size);  // else the next line begins after half of this
  errno = error;
  return false;
}

std::optional<MappingId> erased_id(std::string_view line) {
  if (!line.starts_with(erased_word)) return std::nullopt;
  line.remove_prefix(erased_word.size());
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), id, 16);
  if (error != std::errc{} || end != line.data() + line.size()) return std::nullopt;
  return MappingId{id};
}

struct flock lock_of(RunId run, short type) {
  struct flock lock{};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(std::to_underlying(run) >> 2U);  // offsets are signed
  lock.l_len = 1;
  return lock;
}
}  // namespace

Result<std::unique_ptr<JournalFile>> JournalFile::open(const std::string& folder, RunId run) {
  std::error_code error;
  const bool is_new = std::filesystem::create_directories(folder, error);
  if (error) return failure("make", folder, error.value());
  if (is_new) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  const auto path = folder + "/port-mappings.journal";
  std::unique_ptr<JournalFile> journal{new JournalFile(path, run)};
  const auto file = journal->open_locked();
  if (!file) return std::unexpected(file.error());
  const auto runs = folder + "/port-mappings.runs";
  journal->runs_ = Descriptor{::open(runs.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (journal->runs_.number() < 0) return failure("open", runs, errno);
  struct stat state{};
  if (::fstat(journal->runs_.number(), &state) != 0 || !S_ISREG(state.st_mode)) return unsafe(runs, "is no file");
  auto lock = lock_of(run, F_WRLCK);
  if (::fcntl(journal->runs_.number(), F_OFD_SETLK, &lock) != 0) return failure("lock", runs, errno);
  return journal;
}

/// The lock is on the file, the name may by then belong to a newer one: then that is opened.
Result<Descriptor> JournalFile::open_locked() const {
  while (true) {
    Descriptor file{::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (file.number() < 0)
      return errno == ELOOP ? Result<Descriptor>{unsafe(path_, "is a symbolic link")} : failure("open", path_, errno);
    while (::flock(file.number(), LOCK_EX) != 0)
      if (errno != EINTR) return failure("lock", path_, errno);
    struct stat opened{};
    struct stat named{};
    if (::fstat(file.number(), &opened) != 0) return failure("look at", path_, errno);
    if (!S_ISREG(opened.st_mode)) return unsafe(path_, "is no file");
    if (static_cast<std::size_t>(opened.st_size) > largest_file) return unsafe(path_, "is larger than any journal");
    if (opened.st_uid != ::geteuid()) return unsafe(path_, "belongs to somebody else");
    if ((opened.st_mode & 077U) != 0 && ::fchmod(file.number(), 0600) != 0)
      return unsafe(path_, "can be read by others, and that cannot be changed");
    const bool is_current = ::stat(path_.c_str(), &named) == 0 && named.st_ino == opened.st_ino;
    if (is_current) return file;
  }
}

Result<void> JournalFile::append(const std::string& line, Sync sync) {
  auto file = open_locked();
  if (!file) return std::unexpected(file.error());
  struct stat state{};
  if (::fstat(file->number(), &state) != 0) return failure("look at", path_, errno);
  const auto size = static_cast<std::size_t>(state.st_size);
  if (size > next_look_ || std::exchange(has_torn_lines_, false)) {
    const auto written = compact(read_all(file->number(), size));
    if (!written) return std::unexpected(written.error());
    next_look_ = *written == Compaction::done ? worth_compacting : 2 * size;
    // Locking a file twice would wait for ourselves, so only a new one is opened.
    if (*written == Compaction::done) file = open_locked();
    if (!file) return std::unexpected(file.error());
    if (::fstat(file->number(), &state) != 0) return failure("look at", path_, errno);
  }
  // A line that was cut off must not swallow this one.
  char last = '\n';
  if (state.st_size > 0 && ::pread(file->number(), &last, 1, state.st_size - 1) != 1)
    return failure("read", path_, errno);
  const auto text = (last == '\n' ? "" : "\n") + line + "\n";
  if (!write_all(file->number(), text, sync)) return failure("write to", path_, errno);
  return {};
}

Result<JournalFile::Compaction> JournalFile::compact(const std::string& text) {
  std::vector<std::string> damaged;
  std::string kept;
  for (const auto& entry : read(text, damaged)) kept += write_entry(entry) + "\n";
  const bool is_torn = std::erase_if(damaged, is_torn_line) > 0;
  for (const auto& line : damaged) kept += line + "\n";
  if (!is_torn && kept.size() > text.size() / 2) return Compaction::not_worth_it;
  const auto fresh = path_ + ".new";
  const Descriptor next{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (next.number() < 0) return failure("open", fresh, errno);
  if (!write_all(next.number(), kept, Sync::now)) return failure("write to", fresh, errno);
  if (::rename(fresh.c_str(), path_.c_str()) != 0) return failure("replace", path_, errno);
  const Descriptor folder{
      ::open(std::filesystem::path{path_}.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.number() >= 0) static_cast<void>(::fsync(folder.number()));
  return Compaction::done;
}

std::vector<JournalEntry> JournalFile::read(const std::string& text, std::vector<std::string>& damaged) {
  std::vector<MappingId> order;
  std::map<MappingId, JournalEntry> entries;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = text.find('\n', begin);
    if (end == std::string::npos) break;  // cut off: its writer never went on, and nothing was asked of a gateway
    const std::string_view line{text.data() + begin, end - begin};
    begin = end + 1;
    if (line.empty()) continue;
    if (const auto id = erased_id(line)) {
      entries.erase(*id);
    } else if (auto entry = portmap::parse_entry(line)) {
      if (!entries.contains(entry->id)) order.push_back(entry->id);
      entries[entry->id] = std::move(*entry);
    } else {
      damaged.emplace_back(line);
    }
  }
  std::vector<JournalEntry> list;
  for (const auto id : order)
    if (const auto found = entries.find(id); found != entries.end()) {
      list.push_back(std::move(found->second));
      entries.erase(found);
    }
  return list;
}

Result<void> JournalFile::put(const JournalEntry& entry) { return append(stamped_line(entry), Sync::now); }

Result<void> JournalFile::note(const JournalEntry& entry) { return append(stamped_line(entry), Sync::later); }

Result<void> JournalFile::erase(MappingId id) {
  return append(fmt::format("{}{:016x}", erased_word, std::to_underlying(id)), Sync::later);
}

Result<std::vector<JournalEntry>> JournalFile::entries() {
  const auto file = open_locked();
  if (!file) return std::unexpected(file.error());
  struct stat state{};
  if (::fstat(file->number(), &state) != 0) return failure("look at", path_, errno);
  std::vector<std::string> damaged;
  auto list = read(read_all(file->number(), static_cast<std::size_t>(state.st_size)), damaged);
  damaged_lines_ = damaged.size();
  has_torn_lines_ = std::ranges::any_of(damaged, is_torn_line);
  return list;
}

bool JournalFile::is_alive(RunId run) const {
  if (run == run_) return true;
  auto lock = lock_of(run, F_WRLCK);
  if (::fcntl(runs_.number(), F_OFD_GETLK, &lock) != 0) return true;  // unknown: leave its mappings alone
  return lock.l_type != F_UNLCK;
}
}  // namespace natkit::io
