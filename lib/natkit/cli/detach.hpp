#pragma once
/// Going to the background (--detach): the command comes back once its work has begun, or has failed.
///
///   auto place = cli::detach(output, options.log_file);                 // before threads, sockets and children
///   if (const auto* exit = std::get_if<cli::Exit>(&place)) return *exit;  // here is where the user waited
///   auto& detached = std::get<cli::Detached>(place);                     // from here on without a terminal
///   …
///   detached.ready("joined as …, process 4711");
///
/// Until it is ready the one in the background writes where the command would have: its errors reach the user as they
/// are, and its exit status is the command's. Signals that the command gets meanwhile are passed on to it; where the
/// command is killed it is told to end. How long that takes is bounded by what it does, not here.
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "natkit/cli/output.hpp"

namespace natkit::cli {
/// The process in the background, a session leader without a terminal.
class Detached {
 public:
  Detached(int line, int sink) : line_(line), sink_(sink) {}
  Detached(Detached&& other) noexcept : line_(std::exchange(other.line_, -1)), sink_(std::exchange(other.sink_, -1)) {}
  Detached& operator=(Detached&&) = delete;
  Detached(const Detached&) = delete;
  Detached& operator=(const Detached&) = delete;
  ~Detached();

  /// The work has begun: the command prints `line` and is done. From now on what is written goes to the log, or
  /// nowhere. A second call does nothing.
  void ready(std::string_view line);

 private:
  int line_;  ///< to the command that waits
  int sink_;  ///< where the standard streams go then
};

/// Comes back twice: in the background with `Detached`, in front with the exit status of the command, once that is
/// known. `log_file`: what is written afterwards is appended to it (mode 0600); empty: it goes nowhere. Fails with
/// `log-not-writable`.
[[nodiscard]] std::variant<Detached, Exit> detach(Output& output, const std::string& log_file);
}  // namespace natkit::cli
