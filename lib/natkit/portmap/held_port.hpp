#pragma once
/// One port of the router's for one socket of this host: asked for by every method, renewed as long as it is wanted,
/// given back, and asked for again. A machine for owners who have other things to do: on sockets of its own, and
/// whatever comes of it is an event.
///
///   idle --ask()--> asking --Granted--> held --close()--> closing --answered, or not in time--> idle
///                     '-----Refused-------------------------^
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/portmap/diagnosis.hpp"
#include "natkit/portmap/keeper.hpp"

namespace natkit::portmap {
class HeldPort {
 public:
  struct Config {
    RunId run{};
    std::string description = "natkit";  ///< UPnP shows it in the router's own list
    /// A killed run's mapping ends by itself soon; renewed as long as this one lives.
    std::chrono::seconds lifetime{600};
    /// For giving it back: a router answers within 100 ms, and nobody should wait for one that is not there. What is
    /// left behind then ends by itself, and `upnp-map gc` knows it.
    Duration release = std::chrono::milliseconds{250};
  };
  /// The port is there, or is another one now; `external` may be private (double NAT).
  struct Granted {
    Grant grant;
  };
  /// There is none, and nobody is asked any more until `ask`.
  struct Refused {
    std::string why;      ///< in a few words; printable
    Diagnosis diagnosis;  ///< in full, with the rule to enter by hand where that would help
  };
  using Event = std::variant<Granted, Refused>;
  /// The port at the router. `another` than ours, because a peer may have knocked at ours before it was open: some
  /// routers (Linux with an open INPUT chain, "accept") remember such a flow as their own and go on keeping it.
  enum class At : std::uint8_t { same, another };

  /// What the router is asked for stands in the journal before it is asked.
  HeldPort(Config config, Journal& journal, Rng& rng) : config_(std::move(config)), journal_(journal), rng_(rng) {}

  /// Packets to this UDP port of ours shall be let in, by the first of these ways out of the host that is IPv4. Nothing
  /// happens where it was asked for already. After `close` the port that was granted last is wished for again.
  void ask(Instant now, std::vector<Route> routes, std::uint16_t internal_port, At at);
  /// Gives it back; finished when `poll_timeout` is empty.
  void close(Instant now);
  /// Since `ask`, until `close` or a refusal.
  [[nodiscard]] bool is_asked() const { return is_asked_; }
  /// What stands at this moment.
  [[nodiscard]] const std::optional<Grant>& held() const { return held_; }

  /// Whether this socket is one of ours, for owners that route.
  [[nodiscard]] static bool owns(SocketId socket);
  void start(Instant /*now*/) {}
  void handle_datagram(Instant now, Datagram in);
  void handle_timeout(Instant now);
  void handle_errand_reply(Instant now, ErrandReply reply);
  void handle_socket_opened(Instant /*now*/, SocketId /*socket*/, const Endpoint& /*local*/) {}
  void handle_socket_failure(Instant /*now*/, SocketId /*socket*/, std::string_view /*why*/) {}  // then it is silent
  void handle_path_error(Instant now, PathError error);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Errand> poll_errand();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Event> poll_event(Instant now);

 private:
  void begin(Instant now);
  [[nodiscard]] Refused refusal() const;
  [[nodiscard]] SocketId outside(SocketId socket) const;
  [[nodiscard]] ErrandId first_errand() const;
  /// None: of a keeper that is over.
  [[nodiscard]] std::optional<SocketId> inside(SocketId socket) const;

  Config config_;
  Journal& journal_;
  Rng& rng_;
  std::vector<Route> routes_;
  Wish wish_{};
  bool is_asked_ = false;
  bool no_route_ = false;  ///< to be told
  bool begins_ = false;    ///< once what was held before has been given back
  std::uint32_t keepers_ = 0;
  std::unique_ptr<Keeper> keeper_;
  std::set<SocketId> open_;  ///< sockets of this keeper
  std::deque<SocketChange> changes_;
  std::optional<Grant> held_;
};
static_assert(SansIo<HeldPort> && OpensSockets<HeldPort> && RunsErrands<HeldPort> && HearsPathErrors<HeldPort>);
}  // namespace natkit::portmap
