#pragma once
/// All links of this host, over one set of sockets: where candidates come from, which link a datagram is for, and how
/// what a link says leaves.
///
///   sockets <──> Gathering ──candidates──> every Link          Link ──> Link ──> …
///                    `──── what is not for STUN or TURN servers ────> the link whose it is
///
/// Signalling is the owner's: `describe` tells what to send to a peer, `begin` takes what the peer sent.
///
/// Routes. A link may also lead through a third member, who forwards what `poll_routed` gives out to the peer, whose
/// hub is handed it by `handle_routed`. It is encrypted for the peer and says nothing to who forwards it. How the
/// datagrams travel to that member and on is the owner's: mostly by other links of this very hub.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/base/take_front.hpp"
#include "natkit/ice/routed.hpp"
#include "natkit/link/gathering.hpp"
#include "natkit/link/knock.hpp"
#include "natkit/link/link.hpp"
#include "natkit/stun/token_bucket.hpp"

namespace natkit::link {
enum class LinkId : std::uint32_t {};

/// When a link may go by a server's relay.
enum class RelayUse : std::uint8_t {
  at_once,  ///< relayed addresses are tried beside all others
  last,     ///< only after there was no other path for a while: until then no byte of the link's goes to a relay
};

/// Of knocks (knock.hpp): how many strangers' may keep us busy at a time.
struct KnockRules {
  std::size_t most_unproven = 8;  ///< links of whom nobody knows yet who it is; each ends within 15 s
  /// A mesh has 64 members at most, who hardly come within the same second. What each may cost, should it be a replay
  /// that names somebody else's address: 10 KB to that address, once.
  stun::BucketSize rate{.burst = 16, .per_second = 4};
  RelayUse relays = RelayUse::at_once;  ///< of the links, on both sides
};

class Hub {
 public:
  struct Config {
    Gathering::Config gathering{};
    ice::Agent::Config agent{};          ///< of every link; credentials are made for each
    channel::Channel::Config channel{};  ///< of every link
    crypto::Identity identity;
    std::size_t most_links = 96;  ///< a mesh has 64 members at most, and some are open for who comes next
    /// Of links with `RelayUse::last`: without a path for so long (or with every pair failed) they may use relays. What
    /// is direct takes a few round trips, and is done or will never be done by then.
    Duration relay_after = std::chrono::milliseconds{1500};
    KnockRules knocks{};
  };

  /// One more address of ours, for all peers that were described to before, or for that of one link only.
  struct Found {
    ice::LocalCandidate local;
    std::optional<LinkId> only{};
  };
  /// Somebody who has the secret knocked, and there is a link for it, which has begun. The fingerprint is its word
  /// until the link is secured.
  struct Knocked {
    LinkId link{};
    crypto::Fingerprint fingerprint;
  };
  /// There will be no more for now.
  struct Gathered {};
  struct LinkEvent {
    LinkId link{};
    Link::Event event;
  };
  using Event = std::variant<Found, Gathered, Knocked, Gathering::RelayFailed, Gathering::SocketFailed, LinkEvent>;

  Hub(Config config, Rng& rng);

  /// See `Gathering::add_relay`.
  void add_relay(Instant now, RelayServer server);
  /// See `Gathering::add_mapped`.
  void add_mapped(Instant now, const Endpoint& external);
  /// See `Gathering::add_reflexive`.
  void add_reflexive(Instant now, SocketId socket, const Endpoint& seen_as, const IpAddress& by);
  /// A link that waits for its peer; nullopt when there are too many.
  [[nodiscard]] std::optional<LinkId> open(Instant now, RelayUse relays = RelayUse::at_once);
  /// What its peer must know, with all candidates found so far.
  [[nodiscard]] Description describe(LinkId link) const;
  void begin(Instant now, LinkId link, const Link::Peer& peer);
  void add_remote(Instant now, LinkId link, const ice::Candidate& candidate);
  void end_remote(Instant now, LinkId link);
  /// A link that should use relays last may use them from now on: the owner knows that there is no other way.
  void allow_relays(Instant now, LinkId link);
  /// The owner expects a route to its peer: until then a link that should use relays last goes without them, though all
  /// pairs that there are have failed. A path makes it void.
  void expect_route(LinkId link, Instant until);
  /// Null when it is gone. After calls that make it speak, `flush`.
  [[nodiscard]] Link* find(LinkId link);
  [[nodiscard]] const Link* find(LinkId link) const;
  void flush(Instant now);
  /// From now on `Knocked` tells of those who knock with this secret, and of no others.
  void listen_for_knocks(const KnockSecret& secret);
  void stop_listening() { door_.reset(); }
  /// Knocks at all these addresses of one host, the preferred one first: a link that has begun, so best called when our
  /// sockets are open. One link to a host at a time: where two lead the same way, their datagrams cannot be told apart.
  /// Nullopt: no address, or too many links.
  [[nodiscard]] std::optional<LinkId> knock(Instant now, const KnockSecret& secret, std::span<const Endpoint> endpoints,
                                            const crypto::Fingerprint& host);
  /// Lets go of it; what it still had to say is lost.
  void drop(LinkId link);

  /// A datagram that a route is to carry, or has carried.
  struct Routed {
    LinkId link{};
    SocketId route{};
    Datagram datagram;
  };
  static constexpr std::size_t most_routes = 8;  ///< of one link; two are used, the others are in reserve
  /// One more way to this link's peer: through the member that `own_virtual` names (`ice::virtual_endpoint`). `route`
  /// is one of `Gathering::route_socket`, and may be the same for several links. What the peer must be told, unless it
  /// knows (`ice::make_routed`); nullopt where there is no such link, or no room, or it is none.
  [[nodiscard]] std::optional<ice::Candidate> add_route(
      Instant now, LinkId link, SocketId route, const Endpoint& own_virtual,
      std::uint16_t preference = ice::preference_of(ice::Manner::fires));
  /// That member is gone, or forwards no more: the next best path that is valid is in use from this call on.
  void remove_route(Instant now, LinkId link, SocketId route);
  /// What came by a route: `socket` is the route, `remote` the peer's virtual endpoint.
  void handle_routed(Instant now, LinkId link, const Datagram& in);
  /// What is to go by one: `remote` is the peer's virtual endpoint. To be drained after every call.
  [[nodiscard]] std::optional<Routed> poll_routed();

  /// STUN, TURN, DTLS and what WebRTC knows besides begin with lesser bytes (RFC 7983 §7).
  static constexpr std::uint8_t first_free_byte = 192;
  /// What begins like nothing that links speak: anybody can have sent it. A few at most are
  /// kept.
  [[nodiscard]] std::optional<Datagram> poll_stray() { return take_front(strays_); }

  /// Closes all links, and gives relayed addresses back once the peers have heard of it, since the last words may go by
  /// them. Finished when `poll_timeout` is empty.
  void close(Instant now);

  void start(Instant now);
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_path_error(Instant now, const PathError& error);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return gathering_.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit() { return gathering_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Event> poll_event();
  /// The same in two parts: what the sockets have to say, and what the links have.
  [[nodiscard]] std::optional<Event> poll_own_event();
  [[nodiscard]] std::optional<LinkEvent> poll_link_event();

  [[nodiscard]] const Gathering& gathering() const { return gathering_; }
  [[nodiscard]] std::size_t links() const { return links_.size(); }

 private:
  struct Entry {
    std::unique_ptr<Link> link;
    RelayUse relays = RelayUse::at_once;
    bool is_knocked = false;
    std::optional<Instant> relays_at{};          ///< held back until then: there is no path
    Instant route_by{};                          ///< … and until then, as the owner expects one
    std::vector<ice::Candidate> held_remotes{};  ///< the peer's relayed addresses meanwhile
    std::vector<ice::LocalCandidate> routes{};
    // What a link has to say and when it wants to be woken changes only when something is done with it. So of many
    // links only these few are asked.
    bool is_touched = true;        ///< since the last flush
    bool may_have_events = true;   ///< since the last one was taken
    std::optional<Instant> due{};  ///< as of the last flush

    [[nodiscard]] bool holds_back(const ice::Candidate& candidate) const {
      return relays == RelayUse::last && candidate.kind == ice::Kind::relayed;
    }
  };

  void hear_gathering(Instant now);
  void hear_received(Instant now);
  [[nodiscard]] LinkId add_link(ice::Agent::Config agent, RelayUse relays);
  [[nodiscard]] bool hear_knock(Instant now, const Datagram& in);
  [[nodiscard]] bool may_open_for_knock(Instant now);
  void hear_found(Instant now, const ice::LocalCandidate& local);
  void permit(Instant now, const Entry& entry, const ice::Candidate& candidate);
  void add_remote(Instant now, Entry& entry, const ice::Candidate& candidate);
  void watch_relays(Instant now, LinkId link, Entry& entry);
  void give_relays(Instant now, LinkId link, Entry& entry);
  void give_back(Instant now);
  [[nodiscard]] bool are_all_over() const;

  /// Where knocks are listened for.
  struct Door {
    KnockSecret secret{};
    ice::Credentials credentials;
    std::optional<stun::TokenBucket> allowance{};
    std::deque<std::string> heard{};  ///< the fragments of the latest ones, each of which counts once
  };
  [[nodiscard]] Entry* entry(LinkId link);
  [[nodiscard]] static std::optional<Instant> due_of(const Entry& entry);
  void touch_all();
  [[nodiscard]] bool is_taken(Instant now, const Datagram& in);

  Config config_;
  Rng& rng_;
  Gathering gathering_;
  std::map<LinkId, Entry> links_;
  static constexpr std::size_t most_takers = 1024;  ///< 64 peers with a few paths each
  /// Who took what came from there last; forgotten whenever another link could.
  std::map<std::pair<SocketId, Endpoint>, LinkId> takers_;
  std::uint32_t links_opened_ = 0;
  std::optional<Door> door_;
  std::deque<Routed> routed_;
  static constexpr std::size_t most_strays = 16;
  std::deque<Datagram> strays_;
  std::deque<Event> events_;
  std::optional<Instant> closes_since_;  ///< relayed addresses are to be given back when all links are over
};
static_assert(SansIo<Hub> && OpensSockets<Hub> && HearsSendFailure<Hub> && HearsConnections<Hub> &&
              HearsPathErrors<Hub>);
}  // namespace natkit::link
