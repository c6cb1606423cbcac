#pragma once
/// Forwards TCP connections and UDP flows over a link, as `ssh -L` does. Either side may listen, and the other one
/// serves what it permits; nothing is permitted by default.
///
///   program --TCP, UDP--> listening side ==== link ==== serving side --TCP, UDP--> permitted place
///
/// Every connection and every flow is one stream of the link, called "tcp host:port" or "udp host:port" (RFC 8832's
/// label). What is said on it stands in forward_stream.hpp and forward_flows.hpp. No connection holds up another, nor
/// does a slow reader make anybody keep more than a window; connections, flows and windows are bounded.
///
/// A machine beside the link: its owner hands in what the link says and what pipes and sockets do, and drains
/// `poll_pipe`, `poll_socket`, `poll_transmit` and `poll_event` after every call.
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/pipe.hpp"
#include "natkit/base/socket.hpp"
#include "natkit/link/forward_flows.hpp"
#include "natkit/link/forward_place.hpp"
#include "natkit/link/forward_stream.hpp"
#include "natkit/link/link.hpp"

namespace natkit::link {
/// The reason of a refusal that only the serving side's user can change.
inline constexpr std::string_view not_permitted = "not permitted";

class Forwarder {
 public:
  /// What programs of this side connect to, and what the peer connects that to.
  struct Listen {
    Protocol protocol = Protocol::tcp;
    std::vector<Endpoint> at;
    Place to;
  };
  struct Config {
    std::vector<Listen> listens{};
    std::vector<Permit> permits{};
    std::size_t most_connections = 256;                    ///< of both sides together
    Duration connect_patience = std::chrono::seconds{10};  ///< for all addresses of a place together
    ForwardFlows::Config flows{.first_socket = SocketId{0x3000'0000}};
    std::size_t most_under_way = std::size_t{16} << 20;  ///< shared by all connections, at least 64 KiB each
  };
  /// Enough streams of the link for all of it, both sides' numbers apart, and those that are just being closed.
  static constexpr std::uint16_t streams_of_link = 1024;

  enum class Side : std::uint8_t { here, there };
  struct Listening {
    Protocol protocol{};
    Endpoint at;
    Place to;
  };
  /// Nothing comes of that one.
  struct NotListening {
    Protocol protocol{};
    Endpoint at;
    std::string why;
  };
  /// A program of this side (then `from` says which) or the peer has come.
  struct Opened {
    Protocol protocol{};
    std::optional<Endpoint> from;
    Place to;
  };
  /// Told once for each place and reason, and not for ever.
  struct Refused {
    Side by{};
    Protocol protocol{};
    std::string to;  ///< as the peer wrote it, where it is the peer who asked
    std::string why;
  };
  using Event = std::variant<Listening, NotListening, Opened, Refused>;

  explicit Forwarder(Config config);

  /// The link is secured, and the peer forwards as well. Only the first time counts: a peer may say so again.
  void begin();
  void handle_stream_opened(Instant now, Link& link, const channel::StreamOpened& opened);
  void handle_stream_closed(Instant now, Link& link, channel::StreamId stream);
  void handle_message(Instant now, Link& link, const channel::Message& message);
  void handle_writable(Instant now, Link& link);
  void handle_timeout(Instant now, Link& link);

  void handle_pipe_opened(Instant now, Link& link, PipeId pipe, const Endpoint& local);
  void handle_pipe_accepted(Instant now, Link& link, PipeId listener, PipeId pipe, const Endpoint& remote);
  void handle_pipe_read(Instant now, Link& link, PipeId pipe, ByteView piece);
  void handle_pipe_written(Instant now, Link& link, PipeId pipe);
  void handle_pipe_failure(Instant now, Link& link, PipeId pipe, std::string_view why);

  [[nodiscard]] bool owns(SocketId socket) const { return flows_.owns(socket); }
  void handle_datagram(Instant now, Link& link, const Datagram& in);
  void handle_socket_opened(SocketId socket, const Endpoint& local);
  void handle_socket_failure(SocketId socket, std::string_view why);

  [[nodiscard]] std::optional<PipeChange> poll_pipe();
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return flows_.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit() { return flows_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::size_t connections() const { return streams_.size(); }

 private:
  struct Connection {
    ForwardStream stream;
    std::string to;
  };
  using Connections = std::map<PipeId, Connection>;
  struct Listener {
    Endpoint at;  ///< as wished
    Place to;
  };

  void serve(Instant now, Link& link, channel::StreamId stream, Protocol protocol, const Place& place);
  void serve_connection(Instant now, Link& link, channel::StreamId stream, const Place& place);
  void refuse(Instant now, Link& link, channel::StreamId stream, Protocol protocol, std::string to, std::string why);
  void settle(Instant now, Link& link, Connections::iterator connection);
  void tell_refused(Refused refused);
  [[nodiscard]] Connections::iterator find(channel::StreamId stream);
  [[nodiscard]] std::size_t window() const;
  [[nodiscard]] PipeId new_pipe();

  Config config_;
  ForwardFlows flows_;
  std::uint32_t pipes_made_ = static_cast<std::uint32_t>(standard_streams);
  std::map<PipeId, Listener> listeners_;
  std::map<SocketId, Endpoint> udp_listeners_;  ///< as wished
  Connections streams_;
  std::map<channel::StreamId, PipeId> by_stream_;
  bool has_begun_ = false;
  PipeId blocked_{};  ///< found no room last: the one after it is served first
  std::deque<PipeChange> changes_;
  std::deque<Event> events_;
  std::set<std::tuple<Side, Protocol, std::string, std::string>> told_;
};
}  // namespace natkit::link
