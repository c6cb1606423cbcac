#pragma once
/// Work that would block, or that is too dangerous to do in this process. The machine hands out an errand; the driver
/// has it run elsewhere, under a deadline, and brings back what came of it. What the bytes mean is between the machine
/// and the runner.
#include <cstdint>
#include <string>

#include "natkit/base/bytes.hpp"
#include "natkit/base/time.hpp"

namespace natkit {
enum class ErrandId : std::uint32_t {};

struct Errand {
  ErrandId id{};
  Bytes question{};
  Duration allowance{};  ///< from when it is handed out; then it is ended and counts as failed
};

struct ErrandReply {
  ErrandId id{};
  Bytes answer{};         ///< empty when it failed
  std::string failure{};  ///< why: "out of time", "ended by signal 9" …; empty when there is an answer
};
}  // namespace natkit
