#pragma once
// The last lists of sessions that a directory told, kept for when it does not answer.
#include <cstdint>
#include <optional>
#include <string>

#include "natkit/base/time.hpp"

namespace natkit {
class ListCache {
 public:
  struct Kept {
    Duration age{};
    std::string json{};  ///< as it was told to scripts, one line
    std::string text{};  ///< and to people
  };
  /// `question`: what was asked, and of whom. Lists of 16 questions are kept, in the cache folder.
  explicit ListCache(std::string question);

  /// What cannot be kept is not: it would only have been of use later.
  void keep(const std::string& json, const std::string& text) const;
  [[nodiscard]] std::optional<Kept> last() const;

 private:
  std::string question_;
  std::optional<std::string> file_;
};
}  // namespace natkit
