#include "natkit/io/driver.hpp"

#include <fmt/format.h>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <csignal>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "natkit/io/alarm.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/io/errand_runs.hpp"
#include "natkit/io/hook_runs.hpp"
#include "natkit/io/last_words_line.hpp"
#include "natkit/io/machine_owner.hpp"
#include "natkit/io/pipes.hpp"
#include "natkit/io/route_watch.hpp"
#include "natkit/io/stream_pipes.hpp"
#include "natkit/io/tcp_connections.hpp"
#include "natkit/io/udp_ports.hpp"

namespace natkit::io {
namespace {
constexpr std::size_t outputs_at_once = ReceiveBatch::capacity;
constexpr auto drain_time = std::chrono::seconds{1};
// An alarm so late is not the kernel's doing (HZ=100): this process was busy, or not let run.
constexpr auto held_up = std::chrono::milliseconds{10};

class Driver final : public MachineOwner {
 public:
  enum class Role : std::uint8_t { client, server };

  Driver(MachineRef machine, Role role, const RunOptions& options)
      : machine_(machine), role_(role), options_(options) {}

  RunEnd run(Listeners listeners) {
    for (std::size_t i = 0; i < listeners.bound().size(); ++i) {
      const auto& listener = listeners.bound()[i];
      if (listener.protocol == Protocol::udp)
        udp_.adopt(listener, listeners.take(i));
      else
        tcp_.adopt(listener, listeners.take(i));
    }
    hear_signals();
    if (options_.on_routes_changed)
      routes_.emplace(context_, [this] {
        options_.on_routes_changed(now());
        settle();
      });
    if (options_.on_start) options_.on_start();
    machine_.start(now());
    settle();
    if (options_.guest != nullptr) options_.guest->enter(context_);
    if (!is_over_) context_.run();
    if (options_.guest != nullptr) options_.guest->leave();
    // Who is finished has said what there was to say. Who was cut short may have something left.
    if (!machine_.poll_timeout()) last_words_.take_leave();
    return end_;
  }

  void deliver(const Datagram& in) override { machine_.handle_datagram(now(), in); }

  void report_lost(const Datagram& lost, std::string_view why) override {
    machine_.handle_send_failure(now(), lost, why);
  }

  void report_connected(SocketId socket, const Endpoint& remote) override {
    machine_.handle_connected(now(), socket, remote);
  }

  void report_path_error(const PathError& error) override { machine_.handle_path_error(now(), error); }
  void report_errand(const ErrandReply& reply) override { machine_.handle_errand_reply(now(), reply); }

  void report_hook(const HookReply& reply) override { machine_.handle_hook_reply(now(), reply); }

  void report_pipe_read(PipeId pipe, ByteView piece) override { machine_.handle_pipe_read(now(), pipe, piece); }
  void report_pipe_written(PipeId pipe) override { machine_.handle_pipe_written(now(), pipe); }
  void report_pipe_failure(PipeId pipe, std::string_view why) override {
    machine_.handle_pipe_failure(now(), pipe, why);
  }
  void report_pipe_opened(PipeId pipe, const Endpoint& local) override {
    machine_.handle_pipe_opened(now(), pipe, local);
  }
  void report_pipe_accepted(PipeId listener, PipeId pipe, const Endpoint& remote) override {
    machine_.handle_pipe_accepted(now(), listener, pipe, remote);
  }

  void settle() override {
    bool has_begun = false;
    do {
      change_sockets();
      leave_last_words();  // before what they speak of is heard
      outputs_.clear();
      while (outputs_.size() < outputs_at_once) {
        auto output = machine_.poll_transmit();
        if (!output) break;
        outputs_.push_back(std::move(*output));
      }
      transmit();
      has_begun = false;
      while (auto change = machine_.poll_pipe()) begin(std::move(*change));
      while (auto errand = machine_.poll_errand()) {
        errands_.begin(std::move(*errand));
        has_begun = true;
      }
      while (auto hook = machine_.poll_hook()) {
        hooks_.begin(std::move(*hook));
        has_begun = true;
      }
    } while (!outputs_.empty() || has_begun);  // a refusal, or what nobody runs, may have caused others
    leave_last_words();
    rearm();
  }

 private:
  void leave_last_words() {
    if (!last_words_.is_wanted()) return;
    if (auto words = machine_.poll_last_words()) last_words_.replace(std::move(*words));
    last_words_.flush(udp_);
  }

  void begin(PipeChange change) {
    const auto pipe = std::visit([](const auto& wish) { return wish.pipe; }, change);
    if (pipe != standard_streams)
      std::visit([this](auto&& wish) { stream_pipes_.begin(std::forward<decltype(wish)>(wish)); }, std::move(change));
    else if (auto* write = std::get_if<PipeWrite>(&change))
      pipes_.write(std::move(*write));
    else if (const auto* read = std::get_if<PipeRead>(&change))
      pipes_.read(*read);
  }

  void change_sockets() {
    while (auto change = machine_.poll_socket()) {
      if (const auto* end = std::get_if<SocketEnd>(&*change)) {
        udp_.close(end->socket);
        tcp_.close(end->socket);
        last_words_.handle_closed_socket();
        continue;
      }
      if (const auto* end = std::get_if<ConnectionEnd>(&*change)) {
        tcp_.end(*end);
        continue;
      }
      const auto& wish = std::get<SocketWish>(*change);
      const auto opened = wish.protocol == Protocol::udp ? udp_.open(wish) : tcp_.open(wish);
      if (opened)
        machine_.handle_socket_opened(now(), wish.socket, *opened);
      else
        machine_.handle_socket_failure(now(), wish.socket, opened.error().message());
    }
  }

  /// Outputs that leave through the same socket go to the system together.
  void transmit() {
    const std::span<const Datagram> outputs{outputs_};
    for (std::size_t begin = 0; begin < outputs.size();) {
      if (outputs[begin].protocol == Protocol::tcp) {
        tcp_.send(outputs[begin++]);
        continue;
      }
      std::size_t end = begin + 1;
      while (end < outputs.size() && is_same_socket(outputs[begin], outputs[end])) ++end;
      udp_.send(outputs.subspan(begin, end - begin));
      begin = end;
    }
  }

  static bool is_same_socket(const Datagram& a, const Datagram& b) {
    return a.socket == b.socket && a.protocol == b.protocol && a.remote.address.family() == b.remote.address.family();
  }

  void rearm() {
    const auto due = machine_.poll_timeout();
    if (!due && role_ == Role::client) finish(stopped_by_.value_or(RunEnd::finished));
    if (due == armed_) return;
    armed_ = due;
    if (due)
      alarm_.set(*due);
    else
      alarm_.clear();
  }

  void wake() {
    const auto due_at = std::exchange(armed_, std::nullopt);
    // Who was held up has not read either: what the machine is waiting for may lie there.
    if (due_at && now() - *due_at >= held_up) udp_.receive_all();
    if (is_over_) return;
    // It may be too early: what was due before may have been put off while we were being woken.
    if (const auto due = machine_.poll_timeout(); due && *due <= now()) machine_.handle_timeout(now());
    settle();
  }

  void hear_signals() {
    std::error_code error;  // a signal that cannot be heard keeps its usual effect, which ends the process as well
    signals_.add(SIGINT, error);
    signals_.add(SIGTERM, error);
    if (options_.on_hangup) signals_.add(SIGHUP, error);
    wait_for_signal();
  }

  void wait_for_signal() {
    signals_.async_wait([this](const std::error_code& cancelled, int number) {
      if (cancelled) return;
      if (number == SIGHUP)
        options_.on_hangup();
      else
        stop(number == SIGINT ? RunEnd::interrupted : RunEnd::terminated);
      wait_for_signal();
    });
  }

  void stop(RunEnd end) {
    // A client with things to take back is told, and goes on until it is finished; a second signal does not wait.
    if (role_ == Role::client && options_.on_stop && !is_draining_) {
      is_draining_ = true;
      stopped_by_ = end;
      options_.on_stop(now());
      return settle();
    }
    if (role_ == Role::client || is_draining_) return finish(end);  // a second signal does not wait
    is_draining_ = true;
    tcp_.stop_accepting();
    udp_.receive_all();
    if (options_.on_stop) {
      options_.on_stop(now());
      settle();
    }
    drain(end, now() + drain_time);
  }

  void drain(RunEnd end, Instant deadline) {
    if (!tcp_.has_unsent() || now() >= deadline) return finish(end);
    drain_timer_.expires_after(std::chrono::milliseconds{10});
    drain_timer_.async_wait([this, end, deadline](const std::error_code& cancelled) {
      if (!cancelled) drain(end, deadline);
    });
  }

  void finish(RunEnd end) {
    if (!is_over_) end_ = end;
    is_over_ = true;
    context_.stop();
  }

  MachineRef machine_;
  Role role_;
  const RunOptions& options_;
  asio::io_context context_{1};
  Alarm alarm_{context_, [this] { wake(); }};
  asio::steady_timer drain_timer_{context_};
  asio::signal_set signals_{context_};
  UdpPorts udp_{context_, *this, options_};
  TcpConnections tcp_{context_, *this, options_};
  Pipes pipes_{context_, *this};
  StreamPipes stream_pipes_{context_, *this};
  ErrandRuns errands_{context_, *this, options_.errands};
  HookRuns hooks_{context_, *this};
  LastWordsLine last_words_{options_.last_words};
  std::optional<RouteWatch> routes_;
  std::vector<Datagram> outputs_;
  std::optional<Instant> armed_;
  RunEnd end_ = RunEnd::finished;
  std::optional<RunEnd> stopped_by_;
  bool is_draining_ = false;
  bool is_over_ = false;
};

/// Without this, an address that is not ours would show as every single datagram being refused.
std::optional<Error> find_foreign_address(const RunOptions& options) {
  for (const auto& address : options.local_addresses) {
    const auto socket = open_udp({address, 0}, Purpose::client);
    if (!socket)
      return Error{.code = Errc::usage,
                   .reason = "address-not-here",
                   .detail = fmt::format("cannot send from {}: {}", to_text(address), socket.error().message()),
                   .advice = "`ip address` lists the addresses of this machine"};
  }
  return std::nullopt;
}
}  // namespace

Result<RunEnd> run(MachineRef machine, const RunOptions& options) {
  if (auto error = find_foreign_address(options)) return std::unexpected(std::move(*error));
  return Driver{machine, Driver::Role::client, options}.run({});
}

Result<RunEnd> run(MachineRef machine, Listeners listeners, const RunOptions& options) {
  return Driver{machine, Driver::Role::server, options}.run(std::move(listeners));
}
}  // namespace natkit::io
