#pragma once
// Private to the room: keeps the watcher up to date with what a machine wants said.
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/io/last_words.hpp"
#include "natkit/io/udp_ports.hpp"

namespace natkit::io {
class LastWordsLine {
 public:
  /// Without a watcher nothing is kept.
  explicit LastWordsLine(LastWords* watcher) : watcher_(watcher) {}

  [[nodiscard]] bool is_wanted() const { return watcher_ != nullptr && watcher_->watcher() != 0; }
  void replace(std::vector<Datagram> words);
  /// A socket was closed, perhaps one of those.
  void handle_closed_socket() { has_changed_ = has_changed_ || !words_.empty(); }
  /// Tells the watcher what has changed. Where it has not read the last yet, the next call tells it the newest.
  void flush(const UdpPorts& ports);
  void take_leave();

 private:
  LastWords* watcher_;
  std::vector<Datagram> words_;
  bool has_changed_ = false;
};
}  // namespace natkit::io
