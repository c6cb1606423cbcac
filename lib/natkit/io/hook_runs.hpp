#pragma once
// Private to the room: the hooks of one run.
//
//   waiting --turn--> running --exits, all read--> over
//      |                 | deadline, too much output: SIGTERM to its group
//      |                 v
//      |               ending --exited and nobody holds its output, or the grace is over: SIGKILL to its group--> over
//      `--deadline--> over
//
// A command that exited by itself may have left something in the background: that is what the user wanted, and it
// stays.
#include <asio/io_context.hpp>
#include <cstddef>
#include <list>
#include <memory>

#include "natkit/io/machine_owner.hpp"

namespace natkit::io {
class HookRuns {
 public:
  HookRuns(asio::io_context& context, MachineOwner& owner) : context_(context), owner_(owner) {}
  /// Ends what still runs.
  ~HookRuns();
  HookRuns(const HookRuns&) = delete;
  HookRuns& operator=(const HookRuns&) = delete;

  /// May be answered from within the call, when it cannot even wait.
  void begin(Hook hook);

 private:
  struct Run;
  using Shared = std::shared_ptr<Run>;

  void start_waiting();
  void start(const Shared& run);
  void hear_deadline(const Shared& run);
  void hear_output(const Shared& run);
  void hear_errors(const Shared& run);
  void hear_exit(const Shared& run);
  void stop(const Shared& run, HookReply::End why);
  void look(const Shared& run);
  void finish(const Shared& run);

  asio::io_context& context_;
  MachineOwner& owner_;
  std::list<Shared> runs_;
};
}  // namespace natkit::io
