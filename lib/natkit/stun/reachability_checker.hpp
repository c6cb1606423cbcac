#pragma once
/// The server's part of reachability.hpp: sends to a port of whoever asks, from a socket that nobody has seen before,
/// and says what came of it.
///
///   question --> under way --answer | connection | refusal--> answered | connected | refused
///                    |
///                    '--after 1 s (UDP), 3 s (TCP)--> sent | timed out        kept for a while, for who asks again
///
/// What an outsider can make it do is bounded:
///  1. Nothing happens for an address that is not proven, and nothing is sent to another address than the one proven.
///  2. Nothing is sent to the server's own endpoints, nor to addresses that no single host has.
///  3. `checks_per_address` bounds how fast one address (IPv6: one /64) can have ports tried, `most_at_once` how many
///     sockets all of them together can hold, `most_at_once_of_one` those for one address, `most_kept` the memory.
///     Beyond that the answer is "busy".
///  4. A check costs the server three datagrams or one connection, and ends after three seconds at the latest.
///  5. `questions_per_address` bounds the answers; each is no longer than its question.
/// Who shares an address with others, behind a carrier's NAT, can have the ports of all of them tried at that rate; he
/// could do the same from any other place of the internet.
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/stun/address_accounts.hpp"
#include "natkit/stun/reachability.hpp"

namespace natkit::stun {
/// What became of the questions. Each is counted once as started, repeated, busy, forbidden or rate-limited; each check
/// that was started once more, when it is over, by its end.
struct ReachCounters {
  std::uint64_t started = 0;
  std::uint64_t repeated = 0;  ///< asked again about a check that is known
  std::uint64_t busy = 0;
  std::uint64_t forbidden = 0;
  std::uint64_t rate_limited = 0;  ///< dropped without an answer
  std::uint64_t open = 0;          ///< ended: answered or connected
  std::uint64_t refused = 0;       ///< ended
  std::uint64_t silent = 0;        ///< ended: sent or timed out
  std::uint64_t unsent = 0;        ///< ended
};

class ReachabilityChecker {
 public:
  struct Config {
    /// The machine invents the ids of its sockets from here on; nobody else's may be as great.
    SocketId first_socket{0x8000'0000U};
    /// A `check` that has to tell loss from silence takes up to eight, over UDP and TCP sixteen. Those of the very port
    /// that is asked from, over TCP, are not counted: they try nobody else's port, and a probe takes some ten of them.
    BucketSize checks_per_address{.burst = 32, .per_second = 1};
    /// Four a second and check are asked by our client.
    BucketSize questions_per_address{.burst = 200, .per_second = 50};
    std::size_t most_at_once = 256;         ///< a descriptor each
    std::size_t most_at_once_of_one = 128;  ///< of these for one address; a dozen probes behind a carrier's NAT
    std::size_t most_kept = 1024;           ///< ended checks whose end is still told
    std::size_t most_addresses = 16384;     ///< accounts, only of proven addresses
    unsigned copies = 3;                    ///< of the datagram
    Duration copy_spacing = std::chrono::milliseconds{200};
    Duration udp_wait = std::chrono::seconds{1};  ///< from the first copy; longer than any round trip that is of use
    /// From a connection to its closing, so that the message gets out first.
    Duration tcp_linger = std::chrono::milliseconds{50};
    Duration tcp_wait = std::chrono::seconds{3};  ///< from the start: Linux has sent two SYNs by then (RFC 6298 §2)
  };
  /// How a question came, and from where its probe is to leave.
  struct Asked {
    const Datagram& in;      ///< from a proven address
    const Message& message;  ///< at least `reach_request_bytes` long
    ReachQuestion question{};
    Endpoint answer_from{};  ///< the local end that the answer must leave from
    IpAddress probe_from{};  ///< a local address, the other one if there are two; unspecified: the system's choice
    std::span<const Endpoint> own{};  ///< where nothing is sent: the server's own endpoints of the probe's protocol
  };

  ReachabilityChecker(const Config& config, Rng& rng);
  void start(Instant) {}
  void handle_question(Instant now, const Asked& asked);
  /// Whether this is one of the sockets that the machine asked for; everything from those is to be handed in here.
  [[nodiscard]] bool owns(SocketId socket) const { return running_.contains(socket); }

  void handle_datagram(Instant now, const Datagram& in);
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] const ReachCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t running() const { return running_.size(); }
  [[nodiscard]] std::size_t kept() const { return by_key_.size() - running_.size(); }

 private:
  struct Key {
    IpAddress address;
    ReachQuestion question;
    auto operator<=>(const Key&) const = default;
  };
  /// Where the answer goes, and which question it answers.
  struct Asker {
    SocketId socket{};
    Protocol protocol{};
    Endpoint local{};
    Endpoint remote{};
    TransactionId id{};
  };
  struct Check {
    Key key;
    Asker asker;
    ReachReport report;
    Bytes probe;
    Instant next_copy;
    Instant end;  // then it is closed, whatever became of it
  };
  /// Where a check is found: among the running ones, or its end alone.
  struct Known {
    std::optional<SocketId> running;
    ReachReport ended;
  };

  void begin(Instant now, const Asked& asked, const Key& key, const Asker& asker);
  void answer(const Asker& asker, const ReachReport& report);
  void settle(SocketId socket, Check& check, ReachState state);
  void send_copy(Instant now, SocketId socket, Check& check);
  void forget(SocketId socket);
  void count(ReachState state);
  [[nodiscard]] SocketId next_socket();
  /// Null when there is none, or when its end is known already.
  [[nodiscard]] Check* find_open(SocketId socket);

  Config config_;
  Rng& rng_;
  AddressAccounts accounts_;
  std::map<SocketId, Check> running_;
  std::map<Key, Known> by_key_;
  std::deque<Key> ended_;  // the oldest first
  std::deque<SocketChange> changes_;
  std::deque<Datagram> out_;
  std::uint32_t sockets_made_ = 0;
  ReachCounters counters_;
};
static_assert(SansIo<ReachabilityChecker> && OpensSockets<ReachabilityChecker> &&
              HearsConnections<ReachabilityChecker> && HearsSendFailure<ReachabilityChecker>);
}  // namespace natkit::stun
