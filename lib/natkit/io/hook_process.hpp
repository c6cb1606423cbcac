#pragma once
// Private to the room: one command of the user's as a process.
#include <sys/types.h>

#include <expected>
#include <string>

#include "natkit/base/hook.hpp"
#include "natkit/io/native_socket.hpp"

namespace natkit::io {
/// A shell in a process group of its own, with nothing of ours open. It dies with us.
struct HookProcess {
  pid_t process = 0;
  Descriptor life{};    ///< readable once it has ended (pidfd_open(2))
  Descriptor output{};  ///< non-blocking, as is
  Descriptor errors{};
};

/// The error is a sentence.
[[nodiscard]] std::expected<HookProcess, std::string> start_process(const Hook& hook);
/// To it and to all that it has started and that has not left its group.
void signal_group(pid_t process, int signal);
/// Where whoever started this program had it ignore SIGCHLD, the system would forget how children end (wait(2)).
void keep_endings();
/// Waits for its end; gives what wait(2) says, and no success where somebody else has taken its status. Until then its
/// number, and its group's, are nobody else's.
[[nodiscard]] int reap(pid_t process);
}  // namespace natkit::io
