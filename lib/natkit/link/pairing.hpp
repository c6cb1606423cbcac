#pragma once
/// From a name to links: gathers, opens a place at the meeting point, and begins a link with every peer that is found
/// there. The two sides are told in the same instant, with each other's description at hand, so one round trip between
/// them is all that it takes from there.
///
///   start() --> gathering -.                            .--> link --> … (one for `pair` and `connect`)
///           '-> server ----+--> place described --found-+--> link --> … (as many as come, for `listen`)
///                                     |
///                                     '-- refused, nobody came, no server --> over
///
/// Descriptions and candidates are sealed where there is a secret. What is found after the place was described follows
/// as candidates.
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/link/introduction.hpp"
#include "natkit/rendezvous/seal.hpp"

namespace natkit::link {
/// A relay that the server offers (`Service::Kind::turn`, with its address).
[[nodiscard]] RelayServer relay_of(const rendezvous::Service& service, RelayServer::Use use,
                                   std::optional<Duration> round_trip);

class Pairing final : public Introduction {
 public:
  struct Config {
    Hub::Config hub;
    rendezvous::Client::Config client;  ///< its id is the identity's fingerprint
    rendezvous::Purpose purpose = rendezvous::Purpose::pair;
    std::string name;
    rendezvous::Seal seal;
    /// For the first peer to appear that is not refused; none: as long as it takes.
    std::optional<Duration> wait{};
    Duration timeout = std::chrono::seconds{10};  ///< from there to a path
    /// From registration on; the place is described with what has been gathered by then. STUN answers within a round
    /// trip, a relay within two.
    Duration gathering = std::chrono::milliseconds{400};
    /// How long a relay takes after that: a connection, its question for a name, its answer. Where a relay is to lead
    /// (`lead_with_relay`), and this is within `gathering`, its address is waited for, and nothing else. Otherwise
    /// nothing is: the address has to follow in any case.
    unsigned relay_round_trips = 3;
    std::size_t most_links = 64;  ///< at a time, for `listen`
    /// Of the relays that the server offers, those reached this way are used; the first that is named here at once,
    /// others when it is silent. Empty: none.
    std::vector<rendezvous::Service::Transport> relay_transports{
        rendezvous::Service::Transport::udp, rendezvous::Service::Transport::tcp, rendezvous::Service::Transport::tls};
  };

  Pairing(Config config, Rng& rng);

  [[nodiscard]] Link* find(LinkId link) override { return hub_.find(link); }
  void flush(Instant now) override;
  [[nodiscard]] Result<void> hear_description(Instant now, std::string_view text) override;
  void add_mapped(Instant now, const Endpoint& external) override;
  void lead_with_relay(Instant now) override;
  void stop_looking(Instant now) override;
  void drop(LinkId link) override;
  void close(Instant now) override;

  void start(Instant now) override;
  void handle_datagram(Instant now, const Datagram& in) override;
  void handle_timeout(Instant now) override;
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote) override;
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) override;
  void handle_path_error(Instant now, const PathError& error) override;
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) override;
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why) override;
  [[nodiscard]] std::optional<SocketChange> poll_socket() override;
  [[nodiscard]] std::optional<Datagram> poll_transmit() override;
  [[nodiscard]] std::optional<Instant> poll_timeout() const override;
  [[nodiscard]] std::optional<Event> poll_event(Instant now) override;

  [[nodiscard]] const Hub& hub() const override { return hub_; }
  [[nodiscard]] std::size_t links() const { return tries_.size(); }

 private:
  /// One peer that was found.
  struct Try {
    rendezvous::AttemptId attempt{};
    std::string peer;
    rendezvous::Purpose peer_purpose{};
    std::optional<Instant> deadline{};  ///< until there is a path
  };

  void open_next(Instant now);
  void describe(Instant now);
  void describe_if_relayed(Instant now);
  void hear(Instant now);
  void use_relays(Instant now, const std::vector<rendezvous::Service>& services);
  void hear_registered(Instant now, const rendezvous::RegisteredAt& registered);
  void hear_client(Instant now);
  void hear_hub(Instant now);
  void hear_link(Instant now, Hub::LinkEvent event);
  void hear_found(Instant now, const rendezvous::FoundPeer& found);
  void hear_candidate(Instant now, const rendezvous::RemoteCandidate& remote);
  void hear_left(Instant now, const rendezvous::PeerLeft& left);
  void tell_candidate(Instant now, const Try& one, const ice::Candidate& candidate);
  void give_up(Instant now, LinkId link, EndReason reason, std::string detail);
  void refuse(Instant now, const rendezvous::FoundPeer& found, rendezvous::Reason reason, std::string detail);
  void check_deadlines(Instant now);
  void end(Error error);
  [[nodiscard]] std::optional<LinkId> link_of(rendezvous::AttemptId attempt) const;

  Config config_;
  Rng& rng_;
  Hub hub_;
  rendezvous::Client client_;
  std::optional<rendezvous::PlaceId> place_;
  std::optional<LinkId> next_;          ///< waits for its peer
  std::optional<Instant> describe_by_;  ///< from registration until it has been described
  std::optional<Instant> wait_ends_;    ///< for the first who is not refused
  std::optional<Instant> wait_until_;   ///< the same, once the server counts it no more
  std::vector<ice::Candidate> late_;    ///< found after that
  std::map<LinkId, Try> tries_;
  std::optional<Duration> server_rtt_;
  bool is_described_ = false;
  bool leads_with_relay_ = false;
  bool is_over_ = false;
  bool is_closing_ = false;
  std::deque<Event> events_;
};
}  // namespace natkit::link
