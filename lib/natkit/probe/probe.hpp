#pragma once
/// The measuring machine: sends what the planner asks for, writes down what happens, and ends when nothing is left to
/// learn or the time is over. It judges nothing; `classify(trace())` does.
///
///   idle --start()--> asking --everything settled | timeout--> done
///
/// Every question has a socket of its own (SocketId), all to be opened on fresh ephemeral ports by the driver.
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/rng.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/probe/planner.hpp"
#include "natkit/probe/trace.hpp"
#include "natkit/stun/stream_framer.hpp"

namespace natkit::probe {
class Probe {
 public:
  struct Config {
    std::vector<Server> servers{};  ///< at most `max_servers`; the rest is left out of the run and of its trace
    Timing timing{};
    /// To send from, at most one of each family; a family without one leaves it to the system.
    std::vector<IpAddress> local_addresses{};
  };
  static constexpr std::size_t max_servers = 16;

  Probe(Config config, Rng& rng);
  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_path_error(Instant now, const PathError& error);
  void handle_socket_opened(Instant, SocketId, const Endpoint&) {}
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return wake_; }

  [[nodiscard]] bool is_done() const { return done_; }
  /// Complete once done; before that, what has happened so far.
  [[nodiscard]] const Trace& trace() const { return trace_; }

 private:
  struct Request {
    SocketId socket{};
    Question question{};
    Endpoint to{};
    // At which socket, from where: a second one is a duplicate.
    std::vector<std::pair<SocketId, Endpoint>> answered_from{};
  };

  using Requests = std::map<stun::TransactionId, Request>;

  /// By where it went; for what carries no transaction id.
  [[nodiscard]] Requests::iterator request_to(SocketId socket, const Endpoint& remote);
  [[nodiscard]] static bool may_arrive_at(const Request& request, SocketId socket);
  void handle_message(Instant now, const Datagram& in, ByteView datagram);
  void handle_page(Instant now, const Datagram& in, const stun::TransactionId& id, Request& request);
  void handle_mirrored(Instant now, const Datagram& in, const stun::Message& message);
  void handle_connection_back(Instant now, const Datagram& in, const stun::ReachQuestion& called);
  [[nodiscard]] stun::StreamFramer* stream_of(const Datagram& in);
  void wish_for_socket(SocketId socket, const Step& step);
  void record_failure(Instant now, const stun::TransactionId& id, const Request& request, std::string_view why);
  void proceed(Instant now);
  void send(Duration at, const Step& step);
  void record(Event event);
  void end(Duration at);
  [[nodiscard]] Duration since_start(Instant now) const { return now - started_; }

  Timing timing_;
  Rng& rng_;
  Instant started_{};
  std::optional<Instant> wake_{};
  bool done_ = false;
  Trace trace_{};
  Ledger ledger_;
  Requests requests_{};
  std::map<std::pair<SocketId, Endpoint>, stun::StreamFramer> streams_{};  // TCP answers, until they are whole
  std::map<stun::TransactionId, PageReader> pages_{};
  std::set<SocketId> wished_{};
  std::size_t expired_ = 0;
  std::deque<SocketChange> wishes_{};
  std::vector<IpAddress> local_addresses_;
  std::deque<Datagram> outbox_{};
};
static_assert(SansIo<Probe> && HearsSendFailure<Probe> && OpensSockets<Probe> && HearsPathErrors<Probe>);
}  // namespace natkit::probe
