#pragma once
// Private to the room: wakes at an Instant. asio's own timers wait by a clock that stands still while the machine is
// suspended, and would then wake hours after a lease is over.
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <functional>

#include "natkit/base/time.hpp"

namespace natkit::io {
class Alarm {
 public:
  Alarm(asio::io_context& context, std::function<void()> on_due);
  /// In place of what was set before; at once where it is over already.
  void set(Instant due);
  void clear();

 private:
  void wait();
  asio::posix::stream_descriptor timer_;
  std::function<void()> on_due_;
};
}  // namespace natkit::io
