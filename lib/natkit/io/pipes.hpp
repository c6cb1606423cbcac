#pragma once
// Private to the room: standard input and output, for a machine that asks for them.
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "natkit/base/pipe.hpp"
#include "natkit/io/machine_owner.hpp"

namespace natkit::io {
/// The descriptors are shared with whoever started us, so they are not made non-blocking: that would change them for
/// the shell as well. Instead the system is asked when there is something to read or room for a piece, and files, which
/// the system cannot be asked about, are read and written at once.
class Pipes {
 public:
  Pipes(asio::io_context& context, MachineOwner& owner) : context_(context), owner_(owner) {}
  Pipes(const Pipes&) = delete;
  Pipes& operator=(const Pipes&) = delete;
  ~Pipes() = default;

  void read(const PipeRead& wish);
  void write(PipeWrite wish);

 private:
  enum class For : std::uint8_t { reading, writing };
  /// An epoll descriptor that is readable when the other one is ready: asio makes what it is given non-blocking.
  using Readiness = asio::posix::stream_descriptor;

  void wait(Readiness& readiness, int number, For purpose, std::function<void()> then);
  void read_now(const PipeRead& wish);
  void write_some();

  asio::io_context& context_;
  MachineOwner& owner_;
  Readiness input_{context_};
  Readiness output_{context_};
  PipeWrite writing_{};
  std::size_t written_ = 0;
};
}  // namespace natkit::io
