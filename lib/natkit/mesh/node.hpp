#pragma once
/// One host's part in a session, with everything it needs: the member machine (participant.hpp) decides who belongs,
/// the hub (link/hub.hpp) has the links, the client (rendezvous/client.hpp) meets strangers and keeps the session's
/// row.
///
///   directory row --> first link, to a member, by the server's help
///                          |
///                          v
///                  Participant --wanted--> contacts --offer--> a common member --> the other one      every further
///                          ^                   |  <--answer--                                         link
///                          '----- up, down ----'
///
/// So the server is needed for the first link only, and with an invite not even for that: then the first link is made
/// by knocks at addresses of members (node_knocks.cpp). A session goes on without a server, and takes joiners by any
/// member that they can reach.
///
/// Of two members the one with the lesser id offers. What is passed on is a description (link/description.hpp) and
/// later candidates; who passes it on could put its own in place of it, but not its key: the link ends when whoever is
/// at the other end has not the certificate that its id names.
///
/// Through members: who said that it carries packets for others is a router for pairs that have no path of their own;
/// what goes through it is encrypted end to end (ice/routed.hpp). Server relays come last, at both ends of every link:
/// an end that holds a relayed address back would take checks from it for a peer-reflexive one, which wins over direct
/// ones.
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/link/hub.hpp"
#include "natkit/mesh/invite.hpp"
#include "natkit/mesh/participant.hpp"
#include "natkit/mesh/place.hpp"
#include "natkit/rendezvous/client.hpp"

namespace natkit::mesh {
/// A path to a member is there, is another one, or is gone.
struct LinkChanged {
  MemberId peer{};
  std::optional<ice::Path> path{};  ///< none: no link any more
  std::optional<MemberId> via{};    ///< the member that carries it
};
struct AtServer {
  rendezvous::RegisteredAt at;
};
/// The first member that a joiner reached.
struct Entered {
  enum class By : std::uint8_t { server, knock } by{};
  MemberId member{};
};
/// It goes on all the same.
struct Trouble {
  Error error;
};
/// Nothing more will come of it.
struct Over {
  std::optional<Error> error{};  ///< none: in order
};
using NodeEvent = std::variant<Joined, NotJoined, MemberJoined, MemberLeft, HostChanged, BecameHost, Paused, Resumed,
                               StruckOut, Forked, Merged, Ended, Received, AdmissionAsked, StateOffered, AllReady,
                               StateInherited, LinkChanged, AtServer, Entered, Trouble, Over>;

class Node {
 public:
  /// Whether anything can be done without the server.
  enum class ServerUse : std::uint8_t { needed, welcome };
  struct Config {
    link::Hub::Config hub;
    std::optional<rendezvous::Client::Config> client{};
    ServerUse server = ServerUse::needed;
    Participant::Config member;  ///< its id is the fingerprint of the hub's identity
    /// From registration on; then strangers are told what was gathered by then.
    Duration gathering = std::chrono::milliseconds{400};
    Duration attempt = std::chrono::seconds{10};  ///< for one try to link
    std::size_t most_strangers = 16;              ///< linked, and neither members nor expected
  };
  /// How to find the session: by its row (name within a game, or id), or by an invite, and then by its row as well.
  struct Goal {
    std::string name{};
    std::string game{};
    std::optional<SessionId> session{};
    std::string password{};  ///< empty: none
    std::optional<Invite> invite{};
    /// The directory is asked so often before the session counts as not there; a host may be about to begin it.
    unsigned looks = 3;
    std::optional<MemberId> founder{};  ///< where somebody named him
  };

  Node(Config config, const Signatures& signatures, Rng& rng);

  /// An empty password is none; the session's id is drawn where none is given.
  void found(Instant now, Settings settings, std::string_view password = {}, std::optional<SessionId> id = {});
  void join(Instant now, Goal goal);
  void leave(Instant now, Bytes state = {});
  [[nodiscard]] std::expected<void, Participant::CommandError> end(Instant now);
  [[nodiscard]] std::expected<void, Participant::CommandError> strike_out(Instant now, const MemberId& id,
                                                                          Departure cause);
  [[nodiscard]] std::expected<void, Participant::CommandError> set_standing(Instant now, Standing standing);
  [[nodiscard]] std::expected<void, Participant::CommandError> hand_over(Instant now, std::optional<MemberId> heir,
                                                                         Bytes state);
  void set_ready(Instant now, Wish::Kind kind);
  void admit(Instant now, const MemberId& id);
  void reject(Instant now, const MemberId& id, std::string text);
  void take_over(Instant now);
  void send(Instant now, std::optional<MemberId> to, Bytes bytes);
  /// Tells the server what is to be said of a member; lost where there is no server, or none that listens.
  void report(Instant now, rendezvous::Report report);
  /// See `Participant`.
  void set_order(std::vector<MemberId> order) { member_.set_order(std::move(order)); }
  void set_strain(std::uint8_t strain) { member_.set_strain(strain); }
  void set_reach(Instant now, Reach reach, Nat nat = {});
  void keep_state(Instant now, Bytes state);
  /// A port of the router's that leads to ours.
  void add_mapped(Instant now, const Endpoint& external);

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_path_error(Instant now, const PathError& error);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<NodeEvent> poll_event();
  /// What tells the others that this process died, should it (io/last_words.hpp): the whole set, when it changed.
  [[nodiscard]] std::optional<std::vector<Datagram>> poll_last_words();

  [[nodiscard]] const Participant& member() const { return member_; }
  [[nodiscard]] const link::Hub& hub() const { return hub_; }
  /// The path to a member, and who carries it.
  [[nodiscard]] std::optional<LinkChanged> path_to(const MemberId& peer) const;
  /// For who is to join: the members and their addresses that strangers reach best. Nothing outside of a session, and
  /// before this host knows an address of its own.
  struct Invited {
    Invite invite;
    Scope scope{};  ///< the best of all addresses in it
  };
  [[nodiscard]] std::optional<Invited> invite() const;
  /// What two members need, and what they have.
  struct Pair {
    MemberId a{};
    MemberId b{};
    Need need = Need::unknown;
    Way way = Way::unknown;  ///< unknown also where they have no link
  };
  /// All pairs of members in order of admission; while joining, this host's with those who are said to be members.
  [[nodiscard]] std::vector<Pair> pairs(Instant now) const;
  /// Of other pairs, through this member.
  [[nodiscard]] std::uint64_t carried_bytes() const { return carried_bytes_; }
  /// With a member, through all links that there were; with everybody, also with who is gone.
  [[nodiscard]] link::Traffic traffic_with(const MemberId& peer) const;
  [[nodiscard]] link::Traffic traffic() const;

 private:
  /// Round trips and routes change slowly: they are looked at so often.
  static constexpr Duration care = std::chrono::milliseconds{250};
  /// A member's offer and the server's word that the two should meet cross within two ways to anybody.
  static constexpr Duration crossing = std::chrono::milliseconds{500};
  /// What is done about one other host. At most one link at a time.
  ///   idle --offer, knock, or the server brought us together--> connecting --secured--> up
  ///    ^--------------- no path, no answer: a pause --------------'-----lost------------'
  struct Contact {
    enum class Stage : std::uint8_t { idle, connecting, up } stage{};
    Instant stage_since{};
    std::optional<link::LinkId> link{};
    std::optional<MemberId> by{};                    ///< who passes words on
    std::optional<rendezvous::AttemptId> attempt{};  ///< … or the server does
    std::uint32_t number = 0;                        ///< of the offer
    Instant next_try{};
    Duration pause = std::chrono::milliseconds{250};
    std::optional<Instant> deadline{};
    std::optional<Instant> unwanted_since{};
    std::set<MemberId> routers{};           ///< that it may lead through
    unsigned tries = 0;                     ///< by one introducer or another …
    unsigned failures = 0;                  ///< … of which so many found no way
    link::Traffic past{};                   ///< by links that ended
    std::vector<Place> places{};            ///< where it can be reached, as it says
    std::optional<Endpoint> last_remote{};  ///< where it was when there was a direct path
    std::string places_told{};              ///< ours, to it
    Instant next_telling{};
    std::optional<Instant> forsaken_since{};  ///< nobody is known who could introduce it
    Instant next_search{};
    Duration search_pause{};
    unsigned searches = 0;

    void enter(Instant now, Stage next) {
      stage = next;
      stage_since = now;
    }
  };
  /// A place at the server with a link that waits: at a door of ours for whoever comes, at an entrance for one member,
  /// where newcomers gather for whoever joins at the same time.
  struct Door {
    rendezvous::PlaceId place{};
    std::optional<link::LinkId> link{};
    std::optional<Instant> describe_by{};
    Instant since{};
  };
  /// From a name to the first link.
  struct Search {
    Goal goal;
    Instant next{};
    Instant until{};
    std::set<MemberId> dialled{};  ///< at their doors, since the row names them
    bool has_entered = false;      ///< linked with the first, who is asked to let this host in
    bool was_answered = false;     ///< by the directory
    unsigned empty_answers = 0;
    Instant server_from{};  ///< knocks have the first say
  };

  // node.cpp
  void hear(Instant now);
  void hear_member(Instant now);
  void hear_hub(Instant now);
  void hear_strays(Instant now);
  void hear_link(Instant now, link::LinkId link, link::Link::Event& event);
  void hear_secured(Instant now, const MemberId& peer, Contact& contact);
  void hear_ended(Instant now, const MemberId& peer, Contact& contact, const link::Link::Ended& ended);
  void tell_path(const MemberId& peer, const std::optional<ice::Path>& path);
  void deliver(Instant now, const Outgoing& out);
  void finish(Instant now, std::optional<Error> error);
  [[nodiscard]] std::optional<MemberId> peer_of(link::LinkId link) const;

  // node_contacts.cpp: links by the help of members
  void keep_contacts(Instant now);
  void try_to_link(Instant now, const MemberId& peer, Contact& contact);
  [[nodiscard]] std::optional<MemberId> introducer_for(const MemberId& peer, unsigned tries) const;
  void count_failure(Instant now, const MemberId& peer, Contact& contact);
  static void begin_anew(Instant now, Contact& contact);
  void hear_passed(Instant now, const PassedOn& passed);
  void hear_offer(Instant now, const PassedOn& passed, std::uint32_t number, Duration rtt, std::string_view text);
  void hear_answer(Instant now, const PassedOn& passed, std::uint32_t number, std::string_view text);
  void begin_link(Instant now, const MemberId& peer, Contact& contact, link::Description description, ice::Role role,
                  Instant start);
  void drop_link(Instant now, const MemberId& peer, Contact& contact);
  void tell_candidate(Instant now, const ice::Candidate& candidate, std::optional<link::LinkId> only);

  // node_knocks.cpp: links without anybody's help
  void listen();
  void hear_knock(Instant now, const link::Hub::Knocked& knocked);
  void hear_knocker(Instant now, link::LinkId link, const link::Link::Event& event);
  [[nodiscard]] bool has_room_for(const MemberId& stranger) const;
  void knock(Instant now, const MemberId& peer, Contact& contact, const std::vector<Endpoint>& endpoints);
  void knock_at_entries(Instant now);
  [[nodiscard]] bool is_vain_knock(Instant now, const Contact& contact) const;
  void hear_entered(Instant now, const MemberId& member, Entered::By by);
  [[nodiscard]] std::string tried() const;
  void search_forsaken(Instant now, const MemberId& peer, Contact& contact);
  [[nodiscard]] bool may_be_introduced(const MemberId& peer) const;
  [[nodiscard]] static std::vector<Endpoint> doorsteps_of(const Contact& contact);

  // node_places.cpp: where members can be reached
  void learn_address(Instant now, const ice::Path& path);
  [[nodiscard]] std::vector<Place> own_places() const;
  [[nodiscard]] std::vector<Place> places_of_member(const MemberId& member) const;
  void tell_places(Instant now);
  void hear_places(const PassedOn& passed, std::string_view text);

  // node_routes.cpp: paths through members
  void keep_routes(Instant now);
  void add_routes(Instant now, const MemberId& peer, Contact& contact);
  [[nodiscard]] bool may_be_routed_soon(Instant now, const MemberId& peer) const;
  [[nodiscard]] bool may_forward_soon(Instant now, const Introduction& who) const;
  void carry(Instant now);
  void hear_frame(Instant now, const MemberId& from, ByteView bytes);
  void send_frame(Instant now, link::LinkId id, ByteView bytes);
  [[nodiscard]] std::vector<MemberId> routers_for(const MemberId& peer) const;
  [[nodiscard]] std::optional<MemberId> router_of(SocketId socket) const;
  [[nodiscard]] bool is_routing_allowed() const;

  // node_server.cpp: strangers, and the session's row
  void hear_client(Instant now);
  void use_relays(Instant now, const std::vector<rendezvous::Service>& services);
  void hear_found(Instant now, const rendezvous::FoundPeer& found);
  void open_door(Instant now);
  void describe(Instant now, Door& door);
  [[nodiscard]] std::vector<Door*> all_doors();
  [[nodiscard]] std::vector<const Door*> all_doors() const;
  void ask_directory(Instant now);
  void hear_rows(Instant now, const std::vector<rendezvous::Entry>& rows);
  void seek_host(Instant now);
  void ask_host_of(Instant now, const rendezvous::Row& row);
  void dial(Instant now, const std::vector<std::string>& entries);
  void try_door(Instant now, const MemberId& member);
  void close_entrance(Instant now, const MemberId& member);
  void gather(Instant now);
  void stop_gathering(Instant now);
  void hear_not_possible(Instant now, const rendezvous::NotPossible& not_possible);
  void keep_looking(Instant now);
  void keep_row(Instant now);
  void tell_failures();
  void withdraw_row(Instant now);

  // node_witness.cpp: the server as a voter
  void ask_for_witness(Instant now);
  void say_to_witness(Instant now, const Bytes& message);
  void send_to_witness(Instant now, const Bytes& question);
  void hear_witness(Instant now, const rendezvous::WitnessSaid& said);
  void lose_witness(Instant now);

  Config config_;
  const Signatures& signatures_;
  Rng& rng_;
  link::Hub hub_;
  std::optional<rendezvous::Client> client_;
  Participant member_;
  SessionId session_{};
  std::map<MemberId, Contact> contacts_;
  std::set<MemberId> wanted_;
  std::uint32_t offers_made_ = 0;
  Instant next_care_{};

  std::map<MemberId, SocketId> routes_;              ///< a socket for each router
  std::set<std::pair<MemberId, MemberId>> carried_;  ///< pairs this member carries packets for
  std::uint64_t carried_bytes_ = 0;
  link::Traffic with_others_;  ///< who is no contact any more

  bool is_registered_ = false;
  bool was_registered_ = false;  ///< once
  std::optional<Duration> server_rtt_;
  std::optional<MemberId> witness_;
  std::vector<Door> doors_;             ///< where others find this member
  std::map<MemberId, Door> entrances_;  ///< where this host finds members
  std::vector<Door> gatherings_;        ///< … and those who join with it
  std::optional<Search> goal_;
  std::optional<link::KnockSecret> knock_;       ///< of the session
  std::map<link::LinkId, MemberId> knockers_{};  ///< who knocked and has not proven yet who it is
  std::optional<rendezvous::QuestionId> question_;
  Instant next_seek_{};
  ViewRef published_;
  bool is_row_stale_ = false;                                      ///< something beside the view has changed
  std::vector<std::string> row_entries_;                           ///< the members that the row names …
  std::optional<std::map<std::string, double>> failed_to_host_{};  ///< … and those of them that the directory blames
  HostChanged::Cause host_end_{};                                  ///< of the one before, when this member came to lead
  bool has_ended_ = false;

  bool is_closing_ = false;
  Bytes farewell_;         ///< for the case that this process dies; made seldom, since signatures differ each time
  Version farewell_of_{};  ///< the view that it names, of a host
  std::vector<std::pair<SocketId, Endpoint>> left_to_;
  std::deque<NodeEvent> events_;
};
static_assert(SansIo<Node> && OpensSockets<Node> && HearsSendFailure<Node> && HearsConnections<Node> &&
              HearsPathErrors<Node> && LeavesLastWords<Node>);
}  // namespace natkit::mesh
