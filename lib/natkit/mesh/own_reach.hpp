#pragma once
/// What a member finds out of its own network, beside the session and never in its way: how its NAT treats strangers
/// (probe/probe.hpp), and a port of the router's that leads here (portmap/held_port.hpp). The order of means is
/// open, mapped, punched, by a member, relayed: so a port that the router opened makes up for what the NAT does.
///
///   start() --> measuring --answers, or not in time--> Measured
///   ask_router() --> asking --> PortOpened | PortRefused          close_port() --> given back, to be asked for again
///
/// "Open" is proved by packets from another address; "mapped" is the router's word, believed where its address is the
/// one that servers see.
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/mesh/nat.hpp"
#include "natkit/portmap/held_port.hpp"
#include "natkit/probe/probe.hpp"
#include "natkit/probe/report.hpp"

namespace natkit::mesh {
class OwnReach {
 public:
  struct Config {
    /// Those on this very host see no NAT, and are not asked.
    std::vector<Endpoint> servers{};
    /// RakNet's patience with a router and a NAT (behaviour C7). What is not known by then stays unknown.
    probe::Timing timing{.timeout = std::chrono::seconds{2}, .samples = 0};
  };
  struct Measured {};
  /// Or it is another one now.
  struct PortOpened {
    Endpoint external{};
  };
  struct PortRefused {};
  using Event = std::variant<Measured, PortOpened, PortRefused>;

  /// Why the reach is what it is.
  enum class Reason : std::uint8_t {
    not_measured,    ///< no server outside of this host was named
    measuring,       ///< it is not known yet
    no_answer,       ///< no server answered
    server_inside,   ///< the servers that answered see a private address of this host: they are not outside
    not_decided,     ///< the answers leave more than one reach; a server with a second address would decide
    open,            ///< everybody's packets pass
    mapped,          ///< by a port of the router's
    same_port,       ///< peers reach it where a server sees it, once both sides send
    port_each_peer,  ///< each peer would have to send to another port, which nobody can tell it
    udp_blocked,
  };
  enum class Port : std::uint8_t {
    not_asked,
    asking,
    held,
    useless,  ///< held, and leads to no public address, or to another than the one that servers see
    refused,
    given_back,
  };

  /// A null port: no router is asked.
  OwnReach(Config config, std::unique_ptr<portmap::HeldPort> port, Rng& rng);

  /// Packets to this UDP port of ours are to be let in; see `HeldPort::ask`.
  void ask_router(Instant now, std::vector<portmap::Route> routes, std::uint16_t internal_port,
                  portmap::HeldPort::At at);
  void close_port(Instant now);
  /// Measures no more, and gives the port back; finished when `poll_timeout` is empty.
  void close(Instant now);

  [[nodiscard]] bool may_ask_router() const { return port_ != nullptr; }
  /// Neither measuring nor asking.
  [[nodiscard]] bool is_settled() const { return probe_ == nullptr && port_state() != Port::asking; }
  [[nodiscard]] Reach reach() const { return reach_of(findings()); }
  [[nodiscard]] Reason reason() const;
  [[nodiscard]] NatFindings findings() const;
  /// None: not measured (yet).
  [[nodiscard]] const std::optional<probe::Report>& report() const { return report_; }
  /// Of the family that matters to players: IPv4 where a server answered over it.
  [[nodiscard]] const probe::FamilyReport* family() const;
  [[nodiscard]] Port port_state() const;
  /// The port that is held, or was until it was given back.
  [[nodiscard]] const std::optional<portmap::Grant>& grant() const { return grant_; }
  [[nodiscard]] const std::optional<portmap::HeldPort::Refused>& refused() const { return refused_; }

  [[nodiscard]] static bool owns(SocketId socket);
  void start(Instant now);
  void handle_datagram(Instant now, Datagram in);
  void handle_timeout(Instant now);
  void handle_send_failure(Instant now, Datagram lost, std::string_view why);
  void handle_errand_reply(Instant now, const ErrandReply& reply);
  void handle_path_error(Instant now, const PathError& error);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Errand> poll_errand();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Event> poll_event(Instant now);

 private:
  [[nodiscard]] bool leads_here() const;

  Rng& rng_;
  std::unique_ptr<probe::Probe> probe_;  ///< while it measures
  std::optional<probe::Report> report_;
  std::unique_ptr<portmap::HeldPort> port_;
  std::optional<portmap::Grant> grant_;
  bool is_granted_ = false;  ///< since it was asked for last
  std::optional<portmap::HeldPort::Refused> refused_;
};
[[nodiscard]] std::string_view to_text(OwnReach::Reason reason);  ///< "not-measured" …
[[nodiscard]] std::string_view to_text(OwnReach::Port port);      ///< "not-asked" …
}  // namespace natkit::mesh
