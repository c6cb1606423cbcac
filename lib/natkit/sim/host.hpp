#pragma once
/// A host: its addresses, its sockets, and the machines that run on it. Itself a machine over packets: `handle_*` in,
/// `poll_packet` out.
///
/// Sockets. A client machine's SocketId gets a local port at its first transmit, from an ephemeral range that is walked
/// through in a random order: no port comes back before all 28232 were used, as if every run were a fresh process on a
/// kernel that remembers. A server machine's sockets are bound beforehand. Those that a machine asks for are opened on
/// one of the host's addresses; interfaces and multicast groups are not modelled.
///
/// TCP. A client's first piece to a remote opens a connection (one round trip), then pieces flow in both directions,
/// none lost, none overtaken. Only bound sockets accept. A refused connection is told to the machine. A SYN that
/// something on the way drops is sent again after 1, 3, 7 … s, as Linux does. Two SYNs that cross make one connection:
///
///    opening --SYN of the other--> crossing (SYN-ACK sent) --SYN-ACK, or data--> open
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "natkit/base/rng.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/sim/node.hpp"

namespace natkit::sim {
struct HostConfig {
  std::vector<IpAddress> addresses{};    ///< one or more, of either family; empty: the network assigns an IPv4 address
  LinkConfig link{};                     ///< its uplink, both ways
  std::optional<LinkConfig> downlink{};  ///< towards the host, where it differs from `link`
};

/// A socket that a server machine finds bound. Over TCP it listens.
struct Binding {
  SocketId socket{};
  Endpoint local{};
  Protocol protocol = Protocol::udp;
};

class Host : public Node {
 public:
  /// `clock` is the network's; it must outlive the host, as must every machine that is still attached.
  Host(NodeId id, Gateway* parent, const HostConfig& config, const Instant& clock, Rng& rng);
  ~Host();

  /// Starts a machine now. Its sockets live until it is detached.
  void attach(MachineRef machine, const std::vector<Binding>& bindings = {});
  /// Closes the sockets of the machine that was attached last and lets go of it.
  void detach_last();
  /// After a test has called its machines itself: takes what they have to send and when they wait.
  void wake();
  /// Of the machine that was attached last: it waits for nothing, so it is finished.
  [[nodiscard]] bool last_is_finished() const;

  void handle_packet(const Packet& packet);
  void handle_timeout();
  [[nodiscard]] std::optional<Packet> poll_packet();
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return next_timeout_; }

 private:
  struct Machine;
  struct Connection;
  struct Socket {
    Machine* machine = nullptr;
    SocketId id{};
    /// Over TCP: connects, accepts, or both.
    enum class Kind : std::uint8_t { ephemeral, bound, meeting } kind = Kind::ephemeral;
    Fragmentation fragmentation = Fragmentation::by_system;
    PathErrors errors = PathErrors::ignored;
  };
  [[nodiscard]] static Socket::Kind kind_of(const SocketWish& wish);

  [[nodiscard]] const IpAddress* address_of(Family family) const;
  [[nodiscard]] std::uint16_t next_port();
  [[nodiscard]] std::optional<Endpoint> local_for(Machine& machine, const Datagram& out);
  void drain(Machine& machine);
  void change_sockets(Machine& machine);
  void open_wished(Machine& machine, const SocketWish& wish);
  void transmit(Machine& machine, Datagram out);
  [[nodiscard]] std::size_t path_mtu(const IpAddress& remote) const;
  void emit(Packet packet);
  void note_timeouts();

  void transmit_tcp(Machine& machine, const Endpoint& local, Datagram out);
  void handle_syn(const Socket& socket, const Packet& packet);
  void open(const Socket& socket, Connection& connection);
  void repeat_syns(Machine& machine);
  void handle_tcp(const Socket& socket, const Packet& packet);
  void handle_reset(Machine& machine, const Packet& packet);
  void answer_stranger(const Packet& packet);
  template <class Ends>
  void end_connections(Machine& machine, Ends which);
  void tell_expired(const IcmpError& error, const IpAddress& router);
  void handle_error(const IcmpError& error, const IpAddress& router);

  const Instant& clock_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::unordered_map<TransportKey, Socket, TransportKeyHash> sockets_;
  std::deque<Packet> outgoing_;
  std::map<IpAddress, std::size_t> path_mtus_;  // as routers on the way there told them
  std::optional<Instant> next_timeout_;
  std::uint32_t port_step_ = 1;    // walks the ephemeral range: coprime to its length
  std::uint32_t port_offset_ = 0;  // the next port, counted from the first ephemeral one
};
}  // namespace natkit::sim
