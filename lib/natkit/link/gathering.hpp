#pragma once
/// The sockets that this host meets its peers from, and every address they are known by (RFC 8445 §5.1.1). One UDP
/// socket per family carries the STUN, TURN, checks and payload of all peers, so one NAT mapping serves all of them; a
/// second one per family (`Reserve`) only opens, see ice/agent.hpp, "Who goes first".
///
///   start() --> sockets --opened--> host candidates                             Found, as they come
///                  |--> STUN: server-reflexive ones --answered, given up--.
///                  '--> TURN: relayed ones -----------ready, failed-------+--> Done
///
/// Over TCP there are three sockets more per family (stream_bases.hpp), known by candidates of their own.
///
/// A relayed address has a SocketId of its own: `send` wraps what leaves by it, `poll_received` gives out unwrapped
/// what came by it, and so whoever sits above knows no TURN.
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/ice/gatherer.hpp"
#include "natkit/link/stream_bases.hpp"
#include "natkit/turn/client.hpp"

namespace natkit::link {
/// A relay, and how to be let in.
struct RelayServer {
  /// Every relayed address costs the server a port, so who is only another way to a server waits whether it is needed.
  enum class Use : std::uint8_t { at_once, when_others_are_silent };
  TransportAddress address{};
  std::optional<turn::Credentials> credentials{};
  std::optional<TlsWish> tls{};  ///< over TCP
  Use use = Use::at_once;
  std::optional<Duration> round_trip{};  ///< to its host, where it is known
};

class Gathering {
 public:
  /// Whether the socket that only opens is there from the outset, or once an agent asks for it.
  enum class Reserve : std::uint8_t { at_once, when_asked };
  /// `relayed`: nobody learns our own addresses, and nothing but relayed paths can come of it.
  enum class Offer : std::uint8_t { all, relayed };
  /// Whether relays are asked for addresses from the outset, or once somebody has need of them (`want_relays`).
  enum class Allocate : std::uint8_t { at_once, when_wanted };
  /// By what peers may reach us directly. Where it is `tcp`, UDP sockets serve relays alone.
  enum class Directly : std::uint8_t { by_udp, by_tcp, by_any };
  struct Config {
    /// Of this host, the preferred one of each family first. A family without one is not used.
    std::vector<IpAddress> addresses{};
    std::uint16_t port =
        0;  ///< of the first socket of each family, and of the one that waits over TCP; 0: the system picks
    std::vector<Endpoint> stun{};
    std::vector<RelayServer> relays{};
    Offer offer = Offer::all;
    Directly directly = Directly::by_udp;
    Reserve reserve = Reserve::at_once;
    Allocate allocate = Allocate::at_once;
    unsigned most_fresh_bases = 8;  ///< of all agents together
    std::size_t most_relays = 8;
    /// Without a relayed address after that, the relays that wait are asked: a relay answers within two round trips.
    /// Where the round trip is known, and no server has said anything over UDP in one and a half (and at least 50 ms
    /// more than one) since the first was asked, UDP is taken for blocked and nobody waits any longer.
    Duration relay_patience = std::chrono::milliseconds{250};
    ice::Gatherer::Config stun_timing{.keep_alive = std::chrono::seconds{15}};
  };

  struct Found {
    ice::LocalCandidate local;
  };
  struct RelayFailed {
    turn::Failure failure;
  };
  struct SocketFailed {
    Endpoint local{};
    std::string why;
  };
  /// All servers have answered or were given up. Comes again after a fresh base.
  struct Done {};
  using Event = std::variant<Found, RelayFailed, SocketFailed, Done>;

  Gathering(Config config, Rng& rng);

  void start(Instant now);
  /// One that was heard of later. Nothing happens where there are too many; one that is known gets this name and
  /// password for whatever it is asked for from now on. What it has granted lives on with the old ones.
  void add_relay(Instant now, RelayServer server);
  /// Those that wait for it are asked from now on.
  void want_relays(Instant now);
  /// A router lets in at `external` what is for our first IPv4 socket. Nothing happens where there is none, or where it
  /// is known.
  void add_mapped(const Endpoint& external);
  /// A peer sees what leaves by this socket come from there, as a STUN server would; so others may reach us there, too.
  /// Nothing happens where it is known, or where a few have been told for the family: then there is a NAT that shows
  /// everybody another one.
  void add_reflexive(SocketId socket, const Endpoint& seen_as, const IpAddress& by);
  /// The first socket of a family, once it is open: what a mapping is to lead to.
  [[nodiscard]] std::optional<Endpoint> first_base(Family family) const;
  /// One more socket of this family, whose candidates only open. Nothing happens where there are too many.
  void open_fresh_base(Family family);
  /// The relays let packets of this peer in.
  void permit(Instant now, const IpAddress& peer);
  void send(Instant now, Datagram out);
  /// Asks nobody any more and gives relayed addresses back; finished once the relays have answered, or shortly after.
  void close(Instant now);

  /// What came by this connection, or to this socket, was for one of our agents.
  void approve(SocketId socket, const Endpoint& remote) { streams_.approve(socket, remote); }

  void handle_connected(Instant now, SocketId socket, const Endpoint& remote);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Event> poll_event();
  /// What was not for STUN or TURN: checks and payload of peers.
  [[nodiscard]] std::optional<Datagram> poll_received();

  /// All found so far.
  [[nodiscard]] const std::vector<ice::LocalCandidate>& candidates() const { return candidates_; }
  [[nodiscard]] bool is_done() const { return is_told_done_; }
  /// The local endpoint of a socket that is open.
  [[nodiscard]] std::optional<Endpoint> local(SocketId socket) const;
  /// How what leaves by it leaves this host: to a relay perhaps by TCP, though the relay goes on by UDP.
  [[nodiscard]] Protocol transport(SocketId socket) const;
  /// Whether what leaves by it goes to a relay.
  [[nodiscard]] static bool is_relayed(SocketId socket);
  /// The numbers of ways through other members (`Hub::add_route`), which lead to no socket of ours.
  [[nodiscard]] static SocketId route_socket(std::uint16_t number);
  [[nodiscard]] static bool is_routed(SocketId socket);

 private:
  struct Base {
    SocketId socket{};
    Family family{};
    ice::Manner manner{};
    std::optional<Endpoint> local{};
  };
  struct Relay {
    RelayServer server;
    SocketId base{};     ///< through which the server is reached
    SocketId relayed{};  ///< under which its address goes
    std::unique_ptr<turn::Client> client{};
    enum class Known : std::uint8_t { open, announced, failed } known = Known::open;
  };

  void open_base(Family family, ice::Manner manner, std::uint16_t port);
  void announce_hosts(Instant now, const Base& base);
  void add(const ice::LocalCandidate& local);
  void allocate(Instant now);
  void allocate(Instant now, Relay& relay);
  void check_relays(Instant now);
  [[nodiscard]] std::optional<Instant> relays_due() const;
  void hear_streams(Instant now);
  void hear(Instant now);
  [[nodiscard]] bool may_use(Protocol protocol) const;
  void hear_relay(Relay& relay);
  void tell_done();
  [[nodiscard]] std::vector<IpAddress> addresses_of(Family family) const;
  [[nodiscard]] Relay* relay_of(SocketId relayed);

  Config config_;
  Rng& rng_;
  ice::Gatherer gatherer_;
  StreamBases streams_;
  std::vector<Base> bases_;
  std::vector<RelayServer> unwanted_;  ///< nobody needs them yet
  std::vector<Relay> relays_;
  std::vector<ice::LocalCandidate> candidates_;
  std::optional<Instant> relays_by_;     ///< then those that wait are asked
  std::optional<Instant> udp_asked_at_;  ///< the first server
  std::optional<Instant> udp_by_;        ///< an answer over UDP should be here by then
  bool has_heard_udp_ = false;
  unsigned fresh_bases_ = 0;
  unsigned opening_ = 0;  ///< sockets that were wished and are not there yet
  bool is_told_done_ = false;
  bool is_closing_ = false;
  std::deque<SocketChange> sockets_;
  std::deque<Datagram> outgoing_;
  std::deque<Datagram> received_;
  std::deque<Event> events_;
};
}  // namespace natkit::link
