#include "natkit/rendezvous/line_splitter.hpp"

namespace natkit::rendezvous {
void LineSplitter::append(ByteView piece) {
  if (!is_broken_) buffer_.append(as_text(piece));
}

std::optional<std::string> LineSplitter::next() {
  if (is_broken_) return std::nullopt;
  const auto end = buffer_.find('\n', taken_);
  const auto length = (end == std::string::npos ? buffer_.size() : end + 1) - taken_;
  if (length > longest_) {
    is_broken_ = true;
    buffer_ = {};
    taken_ = 0;
    return std::nullopt;
  }
  if (end == std::string::npos) {
    buffer_.erase(0, taken_);
    taken_ = 0;
    if (buffer_.empty()) buffer_.shrink_to_fit();  // thousands of quiet clients keep nothing
    return std::nullopt;
  }
  auto line = buffer_.substr(taken_, end - taken_);
  taken_ = end + 1;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}
}  // namespace natkit::rendezvous
