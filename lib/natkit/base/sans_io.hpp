#pragma once
/// The one shape of every protocol machine, and a handle that lets one driver run any of them.
///
/// The owner calls `start` once, then repeats: drain `poll_transmit`, wait until `poll_timeout` or a datagram, and hand
/// that in. After every input the outputs must be drained again. Time never runs backwards between two calls. A machine
/// with nothing to transmit and no timeout armed is finished; its result is read from it by name (`report()` …).
#include <concepts>
#include <optional>
#include <string_view>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/errand.hpp"
#include "natkit/base/hook.hpp"
#include "natkit/base/pipe.hpp"
#include "natkit/base/socket.hpp"
#include "natkit/base/time.hpp"

namespace natkit {
template <class M>
concept SansIo = requires(M machine, const M& observed, Instant now, const Datagram& in) {
  { machine.start(now) } -> std::same_as<void>;
  { machine.handle_datagram(now, in) } -> std::same_as<void>;
  { machine.handle_timeout(now) } -> std::same_as<void>;
  { machine.poll_transmit() } -> std::same_as<std::optional<Datagram>>;
  { observed.poll_timeout() } -> std::same_as<std::optional<Instant>>;
};

/// A machine may also be told that the system refused to send a datagram (no route, no such family), or that a TCP
/// connection, made or accepted, failed or was closed (then the payload is what was lost, perhaps nothing). `why` is
/// the system's own sentence. A machine without this call takes such a datagram for lost on the way.
template <class M>
concept HearsSendFailure = requires(M machine, Instant now, const Datagram& lost, std::string_view why) {
  { machine.handle_send_failure(now, lost, why) } -> std::same_as<void>;
};

/// A machine may be told that a TCP connection which its transmit opened now stands: before its first piece leaves, and
/// also when the other side never says a word.
template <class M>
concept HearsConnections = requires(M machine, Instant now, SocketId socket, const Endpoint& remote) {
  { machine.handle_connected(now, socket, remote) } -> std::same_as<void>;
};

/// A machine may ask for sockets of a certain kind. `poll_socket` is drained before `poll_transmit`; the driver answers
/// each wish, in order, with `handle_socket_opened` (the true local endpoint) or `handle_socket_failure`.
template <class M>
concept OpensSockets = requires(M machine, Instant now, SocketId socket, const Endpoint& local, std::string_view why) {
  { machine.poll_socket() } -> std::same_as<std::optional<SocketChange>>;
  { machine.handle_socket_opened(now, socket, local) } -> std::same_as<void>;
  { machine.handle_socket_failure(now, socket, why) } -> std::same_as<void>;
};

/// A machine that asked for `PathErrors::heard` is told of them.
template <class M>
concept HearsPathErrors = requires(M machine, Instant now, const PathError& error) {
  { machine.handle_path_error(now, error) } -> std::same_as<void>;
};

/// A machine may hand out errands. Each is answered exactly once, also when it failed. One that is out counts as
/// something to wait for only through `poll_timeout`: the machine keeps a deadline while it expects an answer.
template <class M>
concept RunsErrands = requires(M machine, Instant now, const ErrandReply& reply) {
  { machine.poll_errand() } -> std::same_as<std::optional<Errand>>;
  { machine.handle_errand_reply(now, reply) } -> std::same_as<void>;
};

/// A machine may have commands of the user's run. Each is answered exactly once. As with errands, one that is out
/// counts as something to wait for only through `poll_timeout`; the end of the run ends it too.
template <class M>
concept RunsHooks = requires(M machine, Instant now, const HookReply& reply) {
  { machine.poll_hook() } -> std::same_as<std::optional<Hook>>;
  { machine.handle_hook_reply(now, reply) } -> std::same_as<void>;
};

/// A machine may say what is to be sent should its process die before it has said goodbye. `poll_last_words` gives the
/// whole new set when it has changed since it was last asked, the most important first; an empty set when there is
/// nothing (more) to say. Over UDP, from sockets that are open.
template <class M>
concept LeavesLastWords = requires(M machine) {
  { machine.poll_last_words() } -> std::same_as<std::optional<std::vector<Datagram>>>;
};

/// A machine may read and write streams beside its own: standard input and output, TCP connections, connections at a
/// path. A failure means that nobody takes what is written, or that a pipe could not be opened or was cut off.
template <class M>
concept UsesPipes = requires(M machine, Instant now, PipeId pipe, ByteView piece, std::string_view why) {
  { machine.poll_pipe() } -> std::same_as<std::optional<PipeChange>>;
  { machine.handle_pipe_read(now, pipe, piece) } -> std::same_as<void>;
  { machine.handle_pipe_written(now, pipe) } -> std::same_as<void>;
  { machine.handle_pipe_failure(now, pipe, why) } -> std::same_as<void>;
};

/// A machine that asks for pipes over TCP or at a path is told of those that stand, and of those that were accepted.
template <class M>
concept OpensPipes = UsesPipes<M> && requires(M machine, Instant now, PipeId pipe, const Endpoint& endpoint) {
  { machine.handle_pipe_opened(now, pipe, endpoint) } -> std::same_as<void>;
  { machine.handle_pipe_accepted(now, pipe, pipe, endpoint) } -> std::same_as<void>;
};

/// A borrowed machine of any type: two pointers. The machine must outlive it.
class MachineRef {
 public:
  template <SansIo M>
    requires(!std::same_as<M, MachineRef>)
  MachineRef(M& machine) : machine_(&machine), calls_(&calls_for<M>) {}  // NOLINT(*-explicit-*): a reference, like span

  void start(Instant now) { calls_->start(machine_, now); }
  void handle_datagram(Instant now, const Datagram& in) { calls_->handle_datagram(machine_, now, in); }
  void handle_timeout(Instant now) { calls_->handle_timeout(machine_, now); }
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
    calls_->handle_send_failure(machine_, now, lost, why);
  }
  [[nodiscard]] std::optional<Datagram> poll_transmit() { return calls_->poll_transmit(machine_); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return calls_->poll_timeout(machine_); }

  void handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
    calls_->handle_connected(machine_, now, socket, remote);
  }
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return calls_->poll_socket(machine_); }
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
    calls_->handle_socket_opened(machine_, now, socket, local);
  }
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
    calls_->handle_socket_failure(machine_, now, socket, why);
  }
  void handle_path_error(Instant now, const PathError& error) { calls_->handle_path_error(machine_, now, error); }
  [[nodiscard]] std::optional<Errand> poll_errand() { return calls_->poll_errand(machine_); }
  void handle_errand_reply(Instant now, const ErrandReply& reply) { calls_->handle_errand_reply(machine_, now, reply); }
  [[nodiscard]] std::optional<Hook> poll_hook() { return calls_->poll_hook(machine_); }
  void handle_hook_reply(Instant now, const HookReply& reply) { calls_->handle_hook_reply(machine_, now, reply); }
  [[nodiscard]] std::optional<std::vector<Datagram>> poll_last_words() { return calls_->poll_last_words(machine_); }
  [[nodiscard]] std::optional<PipeChange> poll_pipe() { return calls_->poll_pipe(machine_); }
  void handle_pipe_read(Instant now, PipeId pipe, ByteView piece) {
    calls_->handle_pipe_read(machine_, now, pipe, piece);
  }
  void handle_pipe_written(Instant now, PipeId pipe) { calls_->handle_pipe_written(machine_, now, pipe); }
  void handle_pipe_failure(Instant now, PipeId pipe, std::string_view why) {
    calls_->handle_pipe_failure(machine_, now, pipe, why);
  }
  void handle_pipe_opened(Instant now, PipeId pipe, const Endpoint& local) {
    calls_->handle_pipe_opened(machine_, now, pipe, local);
  }
  void handle_pipe_accepted(Instant now, PipeId listener, PipeId pipe, const Endpoint& remote) {
    calls_->handle_pipe_accepted(machine_, now, listener, pipe, remote);
  }

 private:
  struct Calls {
    void (*start)(void*, Instant);
    void (*handle_datagram)(void*, Instant, const Datagram&);
    void (*handle_timeout)(void*, Instant);
    void (*handle_send_failure)(void*, Instant, const Datagram&, std::string_view);
    std::optional<Datagram> (*poll_transmit)(void*);
    std::optional<Instant> (*poll_timeout)(const void*);
    void (*handle_connected)(void*, Instant, SocketId, const Endpoint&);
    std::optional<SocketChange> (*poll_socket)(void*);
    void (*handle_socket_opened)(void*, Instant, SocketId, const Endpoint&);
    void (*handle_socket_failure)(void*, Instant, SocketId, std::string_view);
    void (*handle_path_error)(void*, Instant, const PathError&);
    std::optional<Errand> (*poll_errand)(void*);
    void (*handle_errand_reply)(void*, Instant, const ErrandReply&);
    std::optional<Hook> (*poll_hook)(void*);
    void (*handle_hook_reply)(void*, Instant, const HookReply&);
    std::optional<std::vector<Datagram>> (*poll_last_words)(void*);
    std::optional<PipeChange> (*poll_pipe)(void*);
    void (*handle_pipe_read)(void*, Instant, PipeId, ByteView);
    void (*handle_pipe_written)(void*, Instant, PipeId);
    void (*handle_pipe_failure)(void*, Instant, PipeId, std::string_view);
    void (*handle_pipe_opened)(void*, Instant, PipeId, const Endpoint&);
    void (*handle_pipe_accepted)(void*, Instant, PipeId, PipeId, const Endpoint&);
  };
  template <class M>
  static constexpr Calls calls_for{
      [](void* machine, Instant now) { static_cast<M*>(machine)->start(now); },
      [](void* machine, Instant now, const Datagram& in) { static_cast<M*>(machine)->handle_datagram(now, in); },
      [](void* machine, Instant now) { static_cast<M*>(machine)->handle_timeout(now); },
      []([[maybe_unused]] void* machine, [[maybe_unused]] Instant now, [[maybe_unused]] const Datagram& lost,
         [[maybe_unused]] std::string_view why) {
        if constexpr (HearsSendFailure<M>) static_cast<M*>(machine)->handle_send_failure(now, lost, why);
      },
      [](void* machine) { return static_cast<M*>(machine)->poll_transmit(); },
      [](const void* machine) { return static_cast<const M*>(machine)->poll_timeout(); },
      []([[maybe_unused]] void* machine, [[maybe_unused]] Instant now, [[maybe_unused]] SocketId socket,
         [[maybe_unused]] const Endpoint& remote) {
        if constexpr (HearsConnections<M>) static_cast<M*>(machine)->handle_connected(now, socket, remote);
      },
      []([[maybe_unused]] void* machine) -> std::optional<SocketChange> {
        if constexpr (OpensSockets<M>) return static_cast<M*>(machine)->poll_socket();
        return std::nullopt;
      },
      []([[maybe_unused]] void* machine, [[maybe_unused]] Instant now, [[maybe_unused]] SocketId socket,
         [[maybe_unused]] const Endpoint& local) {
        if constexpr (OpensSockets<M>) static_cast<M*>(machine)->handle_socket_opened(now, socket, local);
      },
      []([[maybe_unused]] void* machine, [[maybe_unused]] Instant now, [[maybe_unused]] SocketId socket,
         [[maybe_unused]] std::string_view why) {
        if constexpr (OpensSockets<M>) static_cast<M*>(machine)->handle_socket_failure(now, socket, why);
      },
      []([[maybe_unused]] void* machine, [[maybe_unused]] Instant now, [[maybe_unused]] const PathError& error) {
        if constexpr (HearsPathErrors<M>) static_cast<M*>(machine)->handle_path_error(now, error);
      },
      []([[maybe_unused]] void* machine) -> std::optional<Errand> {
        if constexpr (RunsErrands<M>) return static_cast<M*>(machine)->poll_errand();
        return std::nullopt;
      },
      []([[maybe_unused]] void* machine, [[maybe_unused]] Instant now, [[maybe_unused]] const ErrandReply& reply) {
        if constexpr (RunsErrands<M>) static_cast<M*>(machine)->handle_errand_reply(now, reply);
      },
      []([[maybe_unused]] void* machine) -> std::optional<Hook> {
        if constexpr (RunsHooks<M>) return static_cast<M*>(machine)->poll_hook();
        return std::nullopt;
      },
      []([[maybe_unused]] void* machine, [[maybe_unused]] Instant now, [[maybe_unused]] const HookReply& reply) {
        if constexpr (RunsHooks<M>) static_cast<M*>(machine)->handle_hook_reply(now, reply);
      },
      []([[maybe_unused]] void* machine) -> std::optional<std::vector<Datagram>> {
        if constexpr (LeavesLastWords<M>) return static_cast<M*>(machine)->poll_last_words();
        return std::nullopt;
      },
      []([[maybe_unused]] void* machine) -> std::optional<PipeChange> {
        if constexpr (UsesPipes<M>) return static_cast<M*>(machine)->poll_pipe();
        return std::nullopt;
      },
      []([[maybe_unused]] void* machine, [[maybe_unused]] Instant now, [[maybe_unused]] PipeId pipe,
         [[maybe_unused]] ByteView piece) {
        if constexpr (UsesPipes<M>) static_cast<M*>(machine)->handle_pipe_read(now, pipe, piece);
      },
      []([[maybe_unused]] void* machine, [[maybe_unused]] Instant now, [[maybe_unused]] PipeId pipe) {
        if constexpr (UsesPipes<M>) static_cast<M*>(machine)->handle_pipe_written(now, pipe);
      },
      []([[maybe_unused]] void* machine, [[maybe_unused]] Instant now, [[maybe_unused]] PipeId pipe,
         [[maybe_unused]] std::string_view why) {
        if constexpr (UsesPipes<M>) static_cast<M*>(machine)->handle_pipe_failure(now, pipe, why);
      },
      []([[maybe_unused]] void* machine, [[maybe_unused]] Instant now, [[maybe_unused]] PipeId pipe,
         [[maybe_unused]] const Endpoint& local) {
        if constexpr (OpensPipes<M>) static_cast<M*>(machine)->handle_pipe_opened(now, pipe, local);
      },
      []([[maybe_unused]] void* machine, [[maybe_unused]] Instant now, [[maybe_unused]] PipeId listener,
         [[maybe_unused]] PipeId pipe, [[maybe_unused]] const Endpoint& remote) {
        if constexpr (OpensPipes<M>) static_cast<M*>(machine)->handle_pipe_accepted(now, listener, pipe, remote);
      },
  };

  void* machine_;
  const Calls* calls_;
};
static_assert(SansIo<MachineRef> && HearsSendFailure<MachineRef> && HearsConnections<MachineRef> &&
              OpensSockets<MachineRef> && HearsPathErrors<MachineRef> && RunsErrands<MachineRef> &&
              RunsHooks<MachineRef> && LeavesLastWords<MachineRef> && OpensPipes<MachineRef>);
}  // namespace natkit
