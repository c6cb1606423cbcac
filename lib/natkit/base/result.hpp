#pragma once
/// How a failure travels from `io` to the person: a code that decides the exit status, a stable name for scripts, what
/// was tried on what, and what to do next. Codecs have their own small enums; machines report failures as results.
#include <expected>
#include <string>

namespace natkit {
/// What kind of end this is; `cli` turns it into the exit status of the contract.
enum class Errc {
  usage,         ///< wrong flag, argument, configuration or file (exit 2)
  nobody_there,  ///< no server, no gateway, no route, no name (exit 3)
  refused,       ///< the other side said no (exit 4)
  peer,          ///< the peer is absent, silent or was lost (exit 5)
  no_path,       ///< every method was tried and failed (exit 6)
  protocol,      ///< the other side speaks another protocol or version (exit 7)
  defect,        ///< ours (exit 70)
};

struct Error {
  Errc code{};
  std::string reason;  ///< stable kebab-case name, e.g. "server-unreachable"; scripts compare it
  std::string detail;  ///< what was tried, on what, and what came back
  std::string advice;  ///< what to try next; may be empty
};

template <class T>
using Result = std::expected<T, Error>;
}  // namespace natkit
