#pragma once
/// One connection to one peer: an ICE agent that finds and watches the paths, and a channel that goes by the best of
/// them. Paths come and go beneath the channel; its streams lose and reorder nothing by that, since SCTP numbers and
/// repeats what they carry.
///
///   waiting --begin()--> connecting --path--> connected --handshake--> secured --close, peer gone, no path left-->
///   ended
///                            |                    '--- wrong certificate, silence ----------------------------------^
///                            '--- no path within the agent's patience ----------------------------------------------'
///
/// Between our own agents the channel's handshake does not wait for a path: it rides on the checks
/// (`Agent::set_cargo`), so the peer's answer to our first words comes with the answer to the first check, and both
/// sides are secured a round trip sooner.
///
///      client |--check, ClientHello--> server |       0 ms of a round trip of 50
///             |<--check, INIT ----------------|            SCTP's greeting (`Channel::greeting`)
///             |<--answer, ServerHello … ------|      25
///             |--answer, INIT ACK------------>|
///             |--Certificate … Finished------>|      50   a path
///             |<--Finished--------------------|      75   the server is secured
///             |<--COOKIE ECHO, first data-----|
///             |--first data------------------>|     100   the client is
///
/// It exists, with its credentials, before the peer is known: so its description can be told in advance, and what the
/// peer sends early finds somebody.
///
/// The owner keeps the sockets (`Gathering`): it hands in what arrives for this peer, and sends what `poll_transmit`
/// gives. After every call it drains `poll_event` and `poll_transmit`; messages that it leaves unpolled slow the peer
/// down.
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "natkit/base/datagram.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/socket.hpp"
#include "natkit/channel/channel.hpp"
#include "natkit/crypto/identity.hpp"
#include "natkit/ice/agent.hpp"
#include "natkit/link/description.hpp"
#include "natkit/link/traffic.hpp"

namespace natkit::link {
/// Why a link ended. The names of the contract's reasons.
enum class EndReason : std::uint8_t {
  closed,                    ///< by this side, in order
  closed_by_peer,            ///< in order
  no_common_address_family,  ///< no address of ours goes with one of the peer's
  punch_failed,              ///< every pair was tried, and none works both ways
  connection_lost,           ///< it stood, and no path is left or the peer fell silent
  authentication_failed,     ///< whoever answered is not the peer that was announced
  protocol_error,            ///< the peer broke a protocol
};
/// "punch-failed" …
[[nodiscard]] std::string_view to_text(EndReason reason);

class Link {
 public:
  struct Config {
    ice::Agent::Config agent{};          ///< with credentials; the role is told by `begin`
    channel::Channel::Config channel{};  ///< the role is told by `begin`
    crypto::Identity identity;
  };

  /// What signalling brings when the two are told of each other. A peer without a fingerprint gets paths, but no
  /// channel: the link is never secured and carries nothing.
  struct Peer {
    Description description;
    ice::Role role = ice::Role::controlling;  ///< ours; it also speaks first in the channel, unless `setup` says other
    Instant start_at{};                       ///< the instant that both sides know; checks leave from then on
    std::optional<Duration> rtt_guess{};      ///< to the peer, say the sum of both sides' half trips to the server
  };

  /// The first path: packets go both ways.
  struct Connected {
    ice::Path path;
  };
  /// Another path is in use from now on.
  struct PathChanged {
    ice::Path before;
    ice::Path path;
  };
  /// The path in use died; a change follows at once where there is another.
  struct PathLost {
    ice::Path path;
  };
  /// Whoever is at the other end has the certificate that was announced.
  struct Secured {
    std::optional<Duration> round_trip{};
  };
  struct WantsFreshBase {
    Family family{};
  };
  struct Ended {
    EndReason reason{};
    std::string detail{};  ///< for people
  };
  using Event = std::variant<Connected, PathChanged, PathLost, Secured, WantsFreshBase, channel::StreamOpened,
                             channel::StreamClosed, channel::Message, channel::WritableAgain, Ended>;

  Link(Config config, Rng& rng);

  void add_local(Instant now, const ice::LocalCandidate& local) { agent_.add_local(now, local); }
  void end_local(Instant now) { agent_.end_local(now); }
  /// See `Agent::wait_until`.
  void wait_until(Instant until) { agent_.wait_until(until); }
  /// See `Agent::remove_local`.
  void remove_local(Instant now, SocketId base);
  /// Once.
  void begin(Instant now, const Peer& peer);
  void add_remote(Instant now, const ice::Candidate& remote) { agent_.add_remote(now, remote); }
  void end_remote(Instant now) { agent_.end_remote(now); }

  [[nodiscard]] std::expected<channel::StreamId, channel::OpenError> open_stream(Instant now,
                                                                                 channel::StreamOptions options);
  /// A stream that both programs know of.
  [[nodiscard]] std::expected<channel::StreamId, channel::OpenError> open_agreed_stream(channel::StreamId stream,
                                                                                        channel::StreamOptions options);
  [[nodiscard]] std::expected<void, channel::SendError> send(Instant now, channel::StreamId stream,
                                                             channel::MessageKind kind, ByteView payload);
  void close_stream(Instant now, channel::StreamId stream);
  [[nodiscard]] std::size_t buffered_bytes() const { return channel_ ? channel_->buffered_bytes() : 0; }
  /// After what was sent has arrived, or a short while.
  void close(Instant now);

  /// False: not for this link.
  bool handle_datagram(Instant now, const Datagram& in);
  void handle_path_error(Instant now, const PathError& error) { agent_.handle_path_error(now, error); }
  void handle_send_failure(Instant now, const Datagram& lost);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Event> poll_event();

  [[nodiscard]] const std::optional<ice::Path>& path() const { return agent_.path(); }
  [[nodiscard]] bool is_secured() const { return phase_ == Phase::secured; }
  /// Whether it will be secured, once there is a path.
  [[nodiscard]] bool has_channel() const { return channel_.has_value(); }
  [[nodiscard]] bool has_begun() const { return phase_ != Phase::waiting; }
  [[nodiscard]] bool is_over() const { return phase_ == Phase::ended; }
  [[nodiscard]] const ice::Agent& agent() const { return agent_; }
  [[nodiscard]] const Traffic& traffic() const { return traffic_; }

 private:
  enum class Phase : std::uint8_t { waiting, connecting, connected, secured, ended };

  [[nodiscard]] bool take(Instant now, const Datagram& in);
  [[nodiscard]] std::optional<Datagram> next_datagram();
  [[nodiscard]] Volume& volume_of(const Datagram& datagram);
  void hear_agent(Instant now);
  void hear_path(Instant now, const ice::Path& path);
  [[nodiscard]] bool does_peer_know_us() const;
  void begin_channel(Instant now);
  void take_cargo(Instant now, const Datagram& in);
  void unpack(Instant now, ByteView cargo);
  void load_cargo();
  [[nodiscard]] Bytes packed() const;
  [[nodiscard]] std::optional<Event> translate(channel::Event event);
  void end(EndReason reason, std::string detail);

  Config config_;
  ice::Agent agent_;
  std::optional<channel::Channel> channel_;  ///< from `begin` on, where the peer has a certificate
  std::optional<crypto::Fingerprint> peer_;
  std::optional<Instant> start_at_;
  std::optional<ice::Path> last_path_;
  Phase phase_ = Phase::waiting;
  bool has_channel_begun_ = false;
  std::optional<Instant> channel_by_;  ///< where there is a path, and the peer does not begin
  Bytes early_cargo_;                  ///< the latest that came before `begin`
  std::deque<Bytes> flight_;           ///< what the channel has said last, before there was a path
  Traffic traffic_;
  std::deque<Event> events_;
};
}  // namespace natkit::link
