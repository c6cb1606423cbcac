#pragma once
/// A TURN relay (RFC 8656): gives clients a second address, on this machine, and carries UDP between it and the peers
/// that they let in.
///
///    client                    listener          relayed socket                 peer
///    198.51.100.7:5000 ──UDP──>  :3478   Relay   203.0.113.1:50001  ──UDP──>  192.0.2.9:4000
///                     or TCP, or TLS             or its IPv6 twin              of either family
///
/// Clients come over UDP, TCP or TLS (the driver's affair), of either family; relayed addresses are of the family that
/// the client asks for, so hosts that have only IPv4 and hosts that have only IPv6 meet here.
///
/// What strangers can do:
///  1. Without a name of the shared secret a stranger gets 401, as short as it can be, and costs no memory but a
///  bounded
///     account of what was sent to his address (gatekeeper.hpp).
///  2. A user gets so many allocations, an address so many, and all together so many; each has so many permissions,
///     channels and bytes a second. Everything ends when its time is over.
///  3. Peers are public addresses unless others are opened (peer_rules.hpp), and never this machine's own: a datagram
///  for
///     one of our relayed addresses is handed to that allocation in memory, one for any other port of ours is dropped.
///  4. Nothing comes in from an address without a permission, and permissions are asked for by the client alone.
///
/// Not offered: reservation of port pairs (EVEN-PORT with R, RESERVATION-TOKEN: 508), DONT-FRAGMENT (420), mobility,
/// TCP towards peers (RFC 6062).
///
/// The driver binds the listeners; over TCP a datagram is one whole message (stream_framer.hpp). `wants` tells a
/// machine beside this one which of the listeners' datagrams are for here.
#include <array>
#include <bitset>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/turn/allocation.hpp"
#include "natkit/turn/gatekeeper.hpp"
#include "natkit/turn/peer_rules.hpp"

namespace natkit::turn {
struct RelayCounters {
  std::uint64_t allocations = 0;    ///< made, since the start
  std::uint64_t challenged = 0;     ///< answered with 401 or 438
  std::uint64_t refused = 0;        ///< requests of known users, answered with another error
  std::uint64_t unanswered = 0;     ///< requests beyond what their address may cost, or broken ones
  std::uint64_t to_peers = 0;       ///< datagrams
  std::uint64_t to_clients = 0;     ///< datagrams
  std::uint64_t relayed_bytes = 0;  ///< payload, both ways
  std::uint64_t not_permitted = 0;  ///< datagrams dropped: no allocation, no permission, no such channel
  std::uint64_t over_rate = 0;      ///< datagrams dropped: the allocation's share is used up
};

class Relay {
 public:
  /// Where relayed sockets are bound, and how peers reach them: behind a 1:1 NAT (clouds) the two differ.
  struct Address {
    IpAddress local{};
    IpAddress announced{};
  };
  struct Config {
    Gatekeeper::Config gate{};
    std::vector<Address> addresses{};  ///< at most one of each family; without one that family is not relayed to
    std::uint16_t first_port = 49152;  ///< RFC 8656 §7.2: the dynamic ports
    std::uint16_t last_port = 65535;
    PeerRules peers{};
    /// This machine's addresses, on which other services listen. The relayed ones need not be named.
    std::vector<IpAddress> own{};
    std::size_t most_allocations = 4000;  ///< each takes a file descriptor a family
    std::size_t most_per_user = 20;
    std::size_t most_per_address = 100;  ///< a household or a carrier's NAT; an IPv6 /64 counts as one
    std::size_t most_permissions = 64;   ///< of one allocation
    std::size_t most_channels = 64;
    std::chrono::seconds lifetime{600};           ///< RFC 8656 §7.2: what is granted unless more is asked for
    std::chrono::seconds longest_lifetime{3600};  ///< §7.2 as well
    /// Of one allocation, both ways together: 200 Mbit/s, so that no user has the line for himself.
    stun::BucketSize bytes{.burst = 25e6, .per_second = 25e6};
    /// The machine invents the ids of its sockets from here on, below those of stun::ReachabilityChecker.
    SocketId first_socket{0x4000'0000U};
  };

  Relay(Config config, Rng& rng);
  /// See Gatekeeper::tell_time: until then nobody is let in.
  void tell_time(Instant now, UnixTime unix_now) { gate_.tell_time(now, unix_now); }
  [[nodiscard]] Gatekeeper& gate() { return gate_; }
  [[nodiscard]] const Gatekeeper& gate() const { return gate_; }

  /// Whether a datagram is for this machine: from one of its sockets, or TURN.
  [[nodiscard]] bool wants(const Datagram& in) const;
  /// Whether somebody's allocation hangs on this TCP connection, so that it must not be closed for being quiet.
  [[nodiscard]] bool needs_connection(SocketId listener, const Endpoint& local, const Endpoint& remote) const;
  /// Whether this is a socket that the machine asked for.
  [[nodiscard]] bool owns(SocketId socket) const { return by_socket_.contains(socket); }

  void start(Instant) {}
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  /// A TCP connection that is gone takes its allocation along.
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] const RelayCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t allocations() const { return by_client_.size(); }

 private:
  /// What counts as one address, as everywhere: an IPv4 address, or an IPv6 /64 (RFC 6177).
  [[nodiscard]] static IpAddress household(const IpAddress& address);
  struct KeyedHash {
    std::uint64_t key;
    std::size_t operator()(const ClientPath& path) const noexcept;
  };
  struct Place {
    Allocation* allocation = nullptr;
    Family family{};
  };
  struct Question;
  struct FamilyWish;

  // relay_requests.cpp
  void handle_request(Instant now, const Datagram& in, const stun::Message& message);
  void allocate(const Question& question);
  [[nodiscard]] std::uint16_t find_problem(const Question& question, const FamilyWish& wish) const;
  [[nodiscard]] std::uint16_t find_shortage(const Question& question) const;
  [[nodiscard]] std::chrono::seconds granted_lifetime(const Question& question) const;
  void refresh(const Question& question);
  void create_permission(const Question& question);
  void bind_channel(const Question& question);
  [[nodiscard]] std::uint16_t judge_peer(const Allocation& allocation, const IpAddress& peer) const;
  void answer_allocate(Allocation& allocation);
  void refuse(const Question& question, std::uint16_t code, const stun::AttributeTypes& unknown = {});
  void send_signed(const ClientPath& path, stun::MessageWriter writer, ByteView key);

  // relay_data.cpp
  void from_client(Instant now, Allocation& allocation, const Endpoint& peer, ByteView payload);
  void from_peer(Instant now, const Place& place, const Endpoint& peer, ByteView payload);
  void handle_channel_data(Instant now, const Datagram& in);
  void handle_send_indication(Instant now, const Datagram& in, const stun::Message& message);
  [[nodiscard]] bool may_carry(Instant now, Allocation& allocation, std::size_t bytes);

  // relay.cpp
  [[nodiscard]] Allocation* find(const Datagram& in);
  [[nodiscard]] const Address* address_of(Family family) const;
  [[nodiscard]] bool is_own(const IpAddress& peer) const;
  [[nodiscard]] std::optional<std::uint16_t> draw_port(Family family, RelayedSocket::Port wanted);
  void open_socket(Allocation& allocation, Family family);
  void close_socket(RelayedSocket& socket, Family family);
  void set_end(Allocation& allocation, Instant end);
  void remove(Allocation& allocation);
  void transmit(const ClientPath& path, Bytes payload);

  Config config_;
  Rng& rng_;
  Gatekeeper gate_;
  std::unordered_map<ClientPath, std::unique_ptr<Allocation>, KeyedHash> by_client_;
  std::unordered_map<SocketId, Place> by_socket_;
  std::unordered_map<Endpoint, Place> by_relayed_;
  std::map<std::string, std::size_t, std::less<>> per_account_;
  std::map<IpAddress, std::size_t> per_household_;
  struct End {
    Instant when{};
    std::uint64_t serial = 0;  // two that end at the same instant stay apart, and in the same order in every run
    Allocation* allocation = nullptr;
    auto operator<=>(const End& other) const { return std::pair{when, serial} <=> std::pair{other.when, other.serial}; }
    bool operator==(const End& other) const { return when == other.when && serial == other.serial; }
  };
  std::set<End> by_end_;
  std::array<std::bitset<65536>, 2> ports_in_use_;  // by family
  std::deque<SocketChange> changes_;
  std::deque<Datagram> out_;
  std::uint32_t sockets_made_ = 0;
  RelayCounters counters_;
};
static_assert(SansIo<Relay> && OpensSockets<Relay> && HearsSendFailure<Relay>);
}  // namespace natkit::turn
