#pragma once
/// The TCP sockets that this host meets its peers from (RFC 6544 §4), three of each family:
///
///   connects   tcp_active    from any port, to peers that wait
///   waits      tcp_passive   at its port; connects from it to the STUN server alone, to learn how a NAT shows it
///   meets      tcp_so        at its port, and connects from it to peers that do the same (simultaneous open)
///
/// What agents send and receive are packets; here they get and lose the length in front (ice/stream_frames.hpp). To the
/// STUN server it is STUN alone (RFC 8489 §6.2.2). A connection is made by the first packet to a peer's endpoint.
///
/// Bounds. `most_connections` at a time; one that somebody made to us is ended when nothing that an agent accepts came
/// by it soon, when what comes are no packets, and any when nothing came for as long as consent lasts (RFC 7675 §5.1).
/// One that is still being made the system gives up.
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/socket.hpp"
#include "natkit/base/time.hpp"
#include "natkit/ice/check_list.hpp"
#include "natkit/ice/stream_frames.hpp"
#include "natkit/turn/stream_framer.hpp"

namespace natkit::link {
class StreamBases {
 public:
  struct Config {
    /// Of this host, the preferred one of each family first. A family without one is not used.
    std::vector<IpAddress> addresses{};
    std::uint16_t port = 0;  ///< to wait at, where it is to be had; 0: the system picks
    SocketId first_socket{};
    std::size_t most_connections = 256;  ///< a mesh has 64 members, with four pairs each
    Duration proof = std::chrono::seconds{5};
    Duration idle = std::chrono::seconds{30};
  };
  static constexpr std::uint32_t sockets = 6;  ///< that it may name, from the first one on
  /// Our own packets fit an Ethernet frame; other agents' media may be larger, if not by much.
  static constexpr std::size_t longest_packet = 4096;

  explicit StreamBases(Config config) : config_(std::move(config)) {}

  /// Wishes for the sockets; each that opens gives host candidates.
  void start();
  void close();
  [[nodiscard]] bool owns(SocketId socket) const;
  /// Whether a socket is being opened.
  [[nodiscard]] bool is_opening() const { return opening_ > 0; }
  /// What the connection from this socket to the STUN server carries goes as it is.
  void send_question(const Datagram& question);
  /// A packet of an agent's. Nothing happens where there are too many connections.
  void send(const Datagram& out);
  /// What came by this connection was for one of our agents.
  void approve(SocketId socket, const Endpoint& remote);

  void handle_connected(Instant now, SocketId socket, const Endpoint& remote);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_send_failure(const Datagram& lost);
  void handle_socket_opened(SocketId socket, const Endpoint& local);
  void handle_socket_failure(SocketId socket);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  /// Host candidates; of one socket the first is the one to ask STUN servers for.
  [[nodiscard]] std::optional<ice::LocalCandidate> poll_candidate();
  /// Packets of peers, and answers of STUN servers.
  [[nodiscard]] std::optional<Datagram> poll_received();

  /// The local endpoint of a socket that waits or meets.
  [[nodiscard]] std::optional<Endpoint> local(SocketId socket) const;
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  struct Base {
    SocketId socket{};
    Family family{};
    ice::Transport transport{};
    std::optional<Endpoint> local{};
    std::uint16_t wished_port = 0;
  };
  struct Connection {
    enum class Proof : std::uint8_t { due, given } proof = Proof::due;
    std::optional<Instant> since{};  ///< unset until it stands
    Instant heard{};
    ice::FrameReader frames{longest_packet};
    std::optional<turn::StreamFramer> answers{};  ///< to a STUN server
  };
  using Key = std::pair<SocketId, Endpoint>;

  void wish(const Base& base);
  void announce(const Base& base);
  void end(const Key& key);
  [[nodiscard]] Base* find(SocketId socket);
  [[nodiscard]] const Base* find(SocketId socket) const;
  [[nodiscard]] Connection* connection_for(const Key& key, Connection::Proof proof);
  [[nodiscard]] std::optional<Instant> end_of(const Connection& connection) const;

  Config config_;
  std::vector<Base> bases_;
  std::map<Key, Connection> connections_;
  unsigned opening_ = 0;
  std::deque<SocketChange> changes_;
  std::deque<Datagram> outgoing_;
  std::deque<Datagram> received_;
  std::deque<ice::LocalCandidate> candidates_;
};
}  // namespace natkit::link
