#pragma once
/// Runs errands in child processes, because the library that does them has neither a deadline nor a bound on memory: a
/// router that drips one byte every two seconds, or never stops sending, would take the whole tool with it.
///
/// A child is made by fork, not exec, when there is work for it, or when the run has nothing else to do (`prepare`): a
/// router that answers by PCP needs none, and forking takes as long as its answer. It has one descriptor, little
/// memory, no way to gain rights, ignores Ctrl-C (the parent still has things to take back then) and dies with its
/// parent. Each errand has an absolute deadline; who misses it is killed by process id and reaped, and the next errand
/// gets a fresh child.
#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "natkit/base/errand.hpp"
#include "natkit/io/native_socket.hpp"

namespace natkit::io {
class ErrandChildren {
 public:
  using Task = Bytes (*)(ByteView question);
  struct Limits {
    /// Data of one child (RLIMIT_DATA): a description may have 1 MB, and miniupnpc keeps it twice. Sanitizers map more
    /// than that for themselves; with them there is no limit.
    std::size_t memory_bytes = 24U << 20U;
    std::size_t at_once = 3;  ///< further errands wait for one to end
  };
  struct Child {
    pid_t process = 0;
    Descriptor line{};  ///< one message each way, cut by the system (SOCK_SEQPACKET)
  };

  explicit ErrandChildren(Task task) : ErrandChildren(task, Limits{}) {}
  ErrandChildren(Task task, Limits limits) : task_(task), limits_(limits) {}
  ErrandChildren(const ErrandChildren&) = delete;
  ErrandChildren& operator=(const ErrandChildren&) = delete;
  ~ErrandChildren();

  [[nodiscard]] const Limits& limits() const { return limits_; }
  /// One that waits for work, forked now where there is none. `process` is 0 when that failed.
  [[nodiscard]] Child take();
  /// Has one ready, so that the first errand need not wait for it.
  void prepare();
  /// Gives one that waits for work back.
  void put_back(Child child) { idle_.push_back(std::move(child)); }
  /// Kills and reaps. Says how it ended: "ended by signal 9", "left with status 1".
  static std::string end(Child child);

 private:
  [[nodiscard]] Child make() const;

  Task task_;
  Limits limits_;
  std::vector<Child> idle_;
};
}  // namespace natkit::io
