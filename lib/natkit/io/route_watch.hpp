#pragma once
// Private to the room: hears from the system that routes or addresses have changed.
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <functional>

namespace natkit::io {
class RouteWatch {
 public:
  /// Where the system cannot be asked, `on_change` is never called.
  RouteWatch(asio::io_context& context, std::function<void()> on_change);

 private:
  void wait();
  asio::posix::stream_descriptor socket_;
  asio::steady_timer pause_;  // changes come in bursts: one call for all of them
  bool is_pausing_ = false;
  std::function<void()> on_change_;
};
}  // namespace natkit::io
