#include "natkit/io/look_up_beside.hpp"

#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace natkit::io {
/// What the thread may still write to, long after its owner has gone.
struct LookUpBeside::Board {
  std::mutex mutex;
  std::optional<Resolved> answer;
};

LookUpBeside::LookUpBeside(HostPort name, const LookUp& look_up) : board_(std::make_shared<Board>()) {
  try {
    std::thread{[board = board_, look_up, name = std::move(name)] {
      auto result = look_up(name);
      const std::lock_guard lock{board->mutex};
      board->answer = std::move(result);
    }}.detach();
  } catch (const std::system_error&) {  // then it stays unanswered, as it would with a resolver that is silent
    return;
  }
}

std::optional<Resolved> LookUpBeside::answer() const {
  const std::lock_guard lock{board_->mutex};
  return board_->answer;
}
}  // namespace natkit::io
