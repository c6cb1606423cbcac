#pragma once
/// One name, looked up beside other work, which does not wait for it.
#include <memory>
#include <optional>

#include "natkit/io/resolver.hpp"

namespace natkit::io {
/// On a thread of its own, which is left behind where nobody waits for it any more: it holds up neither the program nor
/// its exit. Where there is no thread to be had, it is never answered.
class LookUpBeside {
 public:
  explicit LookUpBeside(HostPort name, const LookUp& look_up = ask_system);

  /// Never waits: none while it is not answered.
  [[nodiscard]] std::optional<Resolved> answer() const;

 private:
  struct Board;
  std::shared_ptr<Board> board_;
};
}  // namespace natkit::io
