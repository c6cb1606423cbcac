#pragma once
/// Streams of bytes beside the connections that a machine speaks by: standard input and output, TCP connections whose
/// bytes it only carries, and connections with programs of the same user at a path (unix(7)). A machine asks for one
/// piece at a time, and gives one to write at a time; so whoever is slower, the reader or the network, sets the pace,
/// and nobody has to keep more.
///
/// Over TCP a machine names a pipe and asks for it (`PipeListen`, `PipeConnect`), and likewise at a path
/// (`PipeListenAt`, `PipeConnectTo`), where endpoints say nothing; the driver names those that it accepts. Wishes for a
/// pipe that is about to be opened wait until it is. The two directions end by themselves: the peer's by a read that
/// brings nothing, ours by `PipeEnd`; after both the pipe is gone. It is also gone after a failure.
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"

namespace natkit {
enum class PipeId : std::uint32_t {};
/// Reads standard input, writes standard output.
inline constexpr PipeId standard_streams{0};
/// The driver names what it accepts from here on; machines name what they ask for below.
inline constexpr PipeId first_accepted_pipe{0x8000'0000};

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
/// TCP. Answered by `handle_pipe_opened` with the true local endpoint (port 0: the system picks), or by a failure; from
/// then on every connection is told by `handle_pipe_accepted`.
struct PipeListen {
  PipeId pipe{};
  Endpoint local{};
};
/// TCP. Answered by `handle_pipe_opened`, or by a failure.
struct PipeConnect {
  PipeId pipe{};
  Endpoint remote{};
};
/// As `PipeListen`, at a path that only this user can reach: its last folder, made where it is missing, is ours with
/// mode 0700. What a dead process left there is replaced, a living one is a failure that names it. The path goes with
/// the pipe, at the latest when the run ends.
struct PipeListenAt {
  PipeId pipe{};
  std::string path{};     ///< at most 107 bytes (Linux)
  std::size_t most = 32;  ///< connections at the same time; further ones end at once. A user's own programs, each short
};
/// As `PipeConnect`, to a path where a process of this user's, or of root's, waits.
struct PipeConnectTo {
  PipeId pipe{};
  std::string path{};
};
/// Nothing more is written; what was has been taken. What comes in stays.
struct PipeEnd {
  PipeId pipe{};
};
/// At once and without an answer, whatever is under way: the other side of a connection over TCP sees a reset, unless
/// both directions had ended. At a path it sees an end, or a reset where we had not read everything.
struct PipeClose {
  PipeId pipe{};
};
/// What `poll_pipe` gives out.
using PipeChange =
    std::variant<PipeRead, PipeWrite, PipeListen, PipeConnect, PipeListenAt, PipeConnectTo, PipeEnd, PipeClose>;
}  // namespace natkit
