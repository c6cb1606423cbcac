#pragma once
// Private to the room: the errands of one run, on the children that do them.
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>

#include "natkit/io/errand_children.hpp"
#include "natkit/io/machine_owner.hpp"

namespace natkit::io {
class ErrandRuns {
 public:
  /// Without children every errand fails.
  ErrandRuns(asio::io_context& context, MachineOwner& owner, ErrandChildren* children);
  ~ErrandRuns();
  ErrandRuns(const ErrandRuns&) = delete;
  ErrandRuns& operator=(const ErrandRuns&) = delete;

  void begin(Errand errand);

 private:
  struct Run;
  /// Counts the runs. A wait that was over when its run ended still comes back; then there is no such run any more.
  enum class Serial : std::uint64_t {};

  void begin_waiting();
  void start(Errand errand, ErrandChildren::Child child);
  void hear(Serial serial);
  void end(Serial serial, ErrandReply reply);

  asio::io_context& context_;
  MachineOwner& owner_;
  ErrandChildren* children_;
  std::deque<Errand> waiting_;
  std::map<Serial, std::unique_ptr<Run>> runs_;
  std::uint64_t begun_ = 0;
  asio::steady_timer calm_;  ///< then there is time to prepare a child
};
}  // namespace natkit::io
