#include "natkit/io/last_words_line.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "natkit/io/last_words_frame.hpp"

namespace natkit::io {
void LastWordsLine::replace(std::vector<Datagram> words) {
  words_ = std::move(words);
  has_changed_ = true;
}

void LastWordsLine::flush(const UdpPorts& ports) {
  if (!has_changed_) return;
  std::vector<int> sockets;
  std::vector<LastWord> words;
  for (const auto& datagram : words_) {
    const auto outlet = ports.outlet(datagram);
    if (!outlet) continue;  // nobody knows another socket of ours
    const auto place = std::ranges::find(sockets, outlet->descriptor);
    if (place == sockets.end() && sockets.size() == LastWords::most_sockets) continue;
    words.push_back(
        {.socket = static_cast<std::uint8_t>(place - sockets.begin()), .source = outlet->source, .datagram = datagram});
    if (place == sockets.end()) sockets.push_back(outlet->descriptor);
  }
  has_changed_ = watcher_->tell(write_last_words(words, LastWords::largest_frame), sockets) == LastWords::Told::not_now;
}

void LastWordsLine::take_leave() {
  if (is_wanted()) watcher_->take_leave();
}
}  // namespace natkit::io
