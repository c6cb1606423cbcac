#pragma once
// Private to the room: last words as they go to the watcher. The sockets go beside them, in the order of their index.
//
//   count (1)  then for each: socket index (1), source (1), hop limit (1), local, remote, length (2), payload
//   an endpoint: length of the address (1: 4 or 16), address, port (2)
#include <optional>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/io/native_socket.hpp"

namespace natkit::io {
struct LastWord {
  std::uint8_t socket = 0;  ///< index among those that go along
  Source source{};
  Datagram datagram{};
};

/// As many as there is room for, from the first.
[[nodiscard]] Bytes write_last_words(const std::vector<LastWord>& words, std::size_t largest);
/// Our own process wrote it; what is cut short is left out.
[[nodiscard]] std::vector<LastWord> parse_last_words(ByteView frame);
}  // namespace natkit::io
