#pragma once
// Private to the room: numbered messages that were sent and not yet heard of, to be sent again over another connection.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace natkit::rendezvous {
class Outbox {
 public:
  /// The next number is its.
  const std::string& push(std::string line) {
    bytes_ += line.size();
    return kept_.emplace_back(std::move(line));
  }
  /// Everything up to this number has arrived. False when it cannot have: so much was never sent, or it was heard
  /// of before that more had arrived.
  [[nodiscard]] bool forget(std::uint64_t heard) {
    if (heard < forgotten_ || heard > forgotten_ + kept_.size()) return false;
    const auto count = static_cast<std::ptrdiff_t>(heard - forgotten_);
    for (auto line = kept_.begin(); line != kept_.begin() + count; ++line) bytes_ -= line->size();
    kept_.erase(kept_.begin(), kept_.begin() + count);
    if (kept_.empty()) kept_ = {};  // thousands of quiet clients keep nothing
    forgotten_ = heard;
    return true;
  }
  [[nodiscard]] std::span<const std::string> kept() const { return kept_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::vector<std::string> kept_;
  std::uint64_t forgotten_ = 0;
  std::size_t bytes_ = 0;
};
}  // namespace natkit::rendezvous
