#pragma once
// Private to the room: the errands of one run, on the children that do them.
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <deque>
#include <list>
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
  using Place = std::list<std::unique_ptr<Run>>::iterator;

  void begin_waiting();
  void hear(Place run);
  void end(Place run, ErrandReply reply);

  asio::io_context& context_;
  MachineOwner& owner_;
  ErrandChildren* children_;
  std::deque<Errand> waiting_;
  std::list<std::unique_ptr<Run>> runs_;
  asio::steady_timer calm_;  ///< then there is time to prepare a child
};
}  // namespace natkit::io
