#pragma once
/// Cuts a stream of bytes into lines. The stream comes in pieces cut anywhere; append a piece, take lines until there
/// is none, and so on: then no more than one unfinished line is kept, and nothing at all between lines.
#include <cstddef>
#include <optional>
#include <string>

#include "natkit/base/bytes.hpp"

namespace natkit::rendezvous {
/// Of a line of the protocol, its end included: the longest description (16384), half of it escaped, and the rest.
inline constexpr std::size_t longest_line = 32768;

class LineSplitter {
 public:
  explicit LineSplitter(std::size_t longest = longest_line) : longest_(longest) {}
  void append(ByteView piece);
  /// Without its end ("\n" or "\r\n").
  [[nodiscard]] std::optional<std::string> next();
  /// A line was longer than allowed. There is no way on.
  [[nodiscard]] bool is_broken() const { return is_broken_; }
  /// Whether the beginning of a line waits for its end.
  [[nodiscard]] bool has_part() const { return part_bytes() > 0; }
  [[nodiscard]] std::size_t part_bytes() const { return buffer_.size() - taken_; }

 private:
  std::size_t longest_;
  std::string buffer_;
  std::size_t taken_ = 0;
  bool is_broken_ = false;
};
}  // namespace natkit::rendezvous
