#pragma once
// Whom this user never wants to meet: ids of members, one a line in a file of the state folder, the latest at the end.
#include <string>
#include <vector>

#include "natkit/base/result.hpp"

namespace natkit {
class BlockList {
 public:
  struct Blocked {
    std::string member{};  ///< id: 64 hexadecimal digits
    std::string name{};    ///< what it was called when it was blocked; may be empty
  };
  /// Empty where there is no file, or no folder for it. What is no id in it is passed over.
  [[nodiscard]] static BlockList read();

  [[nodiscard]] const std::vector<Blocked>& all() const { return blocked_; }
  /// The ids of so many, those that were blocked last.
  [[nodiscard]] std::vector<std::string> latest(std::size_t most) const;
  [[nodiscard]] bool has(const std::string& member) const;
  [[nodiscard]] Result<void> add(const Blocked& blocked);
  [[nodiscard]] Result<void> remove(const std::string& member);

 private:
  [[nodiscard]] Result<void> write() const;

  std::vector<Blocked> blocked_;
};
}  // namespace natkit
