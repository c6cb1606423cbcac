#pragma once
/// Says goodbye for a process that can no longer do so. A watcher, a child in a session of its own, holds duplicates of
/// the run's UDP sockets and the datagrams that are to be sent from them; when the line to its parent ends without a
/// farewell (kill -9, a crash, the out-of-memory killer) it sends each of them three times, within 60 ms, and ends.
///
/// Make it early: before threads, sockets and anything large, which it would share, and after a tool has gone to the
/// background. It has nothing open but the line and those sockets, and ignores the signals of a terminal. A run that
/// ends in order takes leave: a machine that is finished has nothing left to say. One that was cut short with something
/// to say (a second Ctrl-C) has it said when this object ends.
///
/// The watcher cannot help where it dies too: a power cut, the end of a container or of a service's control group.
/// While it holds a duplicate, the port of a socket that has been closed is still taken; it lets go as soon as it is
/// told.
#include <sys/types.h>

#include <cstddef>
#include <span>

#include "natkit/base/bytes.hpp"
#include "natkit/io/native_socket.hpp"

namespace natkit::io {
class LastWords {
 public:
  static constexpr std::size_t largest_frame = 65536;  ///< bytes of what it holds: 64 peers, a packet each
  static constexpr std::size_t most_sockets = 32;      ///< a socket counts for each family

  /// Waits until the watcher is in its place.
  LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;
  /// Waits until the watcher has ended: at once, or when it has said what there was to say.
  ~LastWords();

  /// Its process id; 0 when there is none, and nothing will be said.
  [[nodiscard]] pid_t watcher() const { return watcher_; }

  // For the driver.
  enum class Told : std::uint8_t { yes, not_now, never };
  /// Takes the place of what was said before. Never waits: `not_now` when the watcher has not read that yet.
  [[nodiscard]] Told tell(ByteView frame, std::span<const int> sockets);
  /// There is nothing to say any more. Waits for the watcher to hear it, at most a tenth of a second; then ends it.
  void take_leave();

 private:
  Descriptor line_;
  pid_t watcher_ = 0;
};
}  // namespace natkit::io
