#pragma once
/// Streams of bytes beside the network: standard input and output. A machine asks for one piece at a time, and gives
/// one to write at a time; so whoever is slower, the reader or the network, sets the pace, and nobody has to keep more.
#include <cstddef>
#include <cstdint>
#include <variant>

#include "natkit/base/bytes.hpp"

namespace natkit {
enum class PipeId : std::uint32_t {};
/// Reads standard input, writes standard output.
inline constexpr PipeId standard_streams{0};

/// Answered once, by `handle_pipe_read`: with what is there, or with nothing at the end of the input.
struct PipeRead {
  PipeId pipe{};
  std::size_t most = 65536;
};
/// Answered once, by `handle_pipe_written`, when all of it has been taken.
struct PipeWrite {
  PipeId pipe{};
  Bytes bytes;
};
/// What `poll_pipe` gives out.
using PipeChange = std::variant<PipeRead, PipeWrite>;
}  // namespace natkit
