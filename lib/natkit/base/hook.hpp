#pragma once
/// Commands of the user's that are run at certain moments (may this one join, take the state along …). The machine
/// hands one out with what it has to know; the driver has a shell run it, under a deadline, and brings back what came
/// of it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/bytes.hpp"
#include "natkit/base/time.hpp"

namespace natkit {
enum class HookId : std::uint32_t {};

/// Texts end at their first zero byte, as everywhere in the system. What comes from outside belongs into the
/// environment or the input, never into the command line.
struct Hook {
  HookId id{};
  std::string command{};                                           ///< for /bin/sh -c
  std::vector<std::pair<std::string, std::string>> environment{};  ///< besides ours, and in place of it
  Bytes input{};                                                   ///< its standard input
  Duration allowance{};                                            ///< from when it is handed out
  std::size_t most_output = 65536;                                 ///< bytes of its standard output
};

struct HookReply {
  enum class End : std::uint8_t {
    exited,       ///< `number` is its status
    signalled,    ///< `number` is the signal that ended it
    timed_out,    ///< it was ended, with everything that it had started
    overflowed,   ///< likewise, because it wrote too much; `output` is the beginning
    not_started,  ///< `complaint` says why
  };
  HookId id{};
  End end{};
  int number = 0;
  Bytes output{};
  std::string complaint{};  ///< the beginning of what it wrote to standard error, as it stands: escape before printing

  [[nodiscard]] bool has_succeeded() const { return end == End::exited && number == 0; }
};
}  // namespace natkit
