#pragma once
// An Output whose two streams end in this process.
#include <unistd.h>

#include <array>
#include <string>

#include "natkit/cli/output.hpp"

namespace natkit::test {
class Pipe {
 public:
  Pipe() {
    if (::pipe(ends_.data()) != 0) ends_ = {-1, -1};
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  [[nodiscard]] int write_end() const { return ends_[1]; }
  void close_end(std::size_t end) {
    if (ends_.at(end) >= 0) ::close(ends_.at(end));
    ends_.at(end) = -1;
  }
  /// All that was written; no more can be written afterwards. What is written must fit into the pipe (64 KiB on Linux).
  [[nodiscard]] std::string text() {
    close_end(1);
    std::string all;
    std::array<char, 4096> piece{};
    for (ssize_t count = 0; (count = ::read(ends_[0], piece.data(), piece.size())) > 0;)
      all.append(piece.data(), static_cast<std::size_t>(count));
    return all;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

struct Captured {
  Pipe answer;
  Pipe remarks;
  cli::Output output{"tool", {.answer = answer.write_end(), .remarks = remarks.write_end()}};
};
}  // namespace natkit::test
