#pragma once
// Private to the room: what the transports tell the driver.
#include <string_view>

#include "natkit/base/datagram.hpp"
#include "natkit/base/errand.hpp"
#include "natkit/base/hook.hpp"
#include "natkit/base/pipe.hpp"
#include "natkit/base/socket.hpp"

namespace natkit::io {
class MachineOwner {
 public:
  virtual void deliver(const Datagram& in) = 0;
  virtual void report_lost(const Datagram& lost, std::string_view why) = 0;
  virtual void report_errand(const ErrandReply& reply) = 0;
  virtual void report_hook(const HookReply& reply) = 0;
  virtual void report_path_error(const PathError& error) = 0;
  virtual void report_pipe_read(PipeId pipe, ByteView piece) = 0;
  virtual void report_pipe_written(PipeId pipe) = 0;
  virtual void report_pipe_failure(PipeId pipe, std::string_view why) = 0;
  virtual void report_pipe_opened(PipeId pipe, const Endpoint& local) = 0;
  virtual void report_pipe_accepted(PipeId listener, PipeId pipe, const Endpoint& remote) = 0;
  virtual void report_connected(SocketId socket, const Endpoint& remote) = 0;
  /// Drains the machine's outputs; due after every batch of the others, except while outputs are being drained.
  virtual void settle() = 0;

 protected:
  MachineOwner() = default;
  MachineOwner(const MachineOwner&) = default;
  MachineOwner& operator=(const MachineOwner&) = default;
  ~MachineOwner() = default;
};
}  // namespace natkit::io
