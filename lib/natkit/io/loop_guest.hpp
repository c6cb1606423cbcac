#pragma once
/// What a server does beside its machine on the same thread: it waits by the driver's loop and is never called at the
/// same time as the machine. An interface, so that programs without such a guest do not load its libraries.
namespace asio {
class io_context;  // NOLINT(readability-identifier-naming): not our name
}

namespace natkit::io {
class LoopGuest {
 public:
  LoopGuest() = default;
  LoopGuest(const LoopGuest&) = delete;
  LoopGuest& operator=(const LoopGuest&) = delete;
  virtual ~LoopGuest() = default;

  /// Begins to wait.
  virtual void enter(asio::io_context& context) = 0;
  /// Waits for nothing any more; the context is about to go.
  virtual void leave() = 0;
};
}  // namespace natkit::io
