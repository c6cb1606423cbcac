#pragma once
/// How a host comes to its peers: by a server where both name the same thing (pairing.hpp), or by people who carry the
/// descriptions (by_hand.hpp). What comes of it is the same, and so are the events; whoever uses it need not know
/// which.
///
/// A machine. `poll_event` is to be drained after every input; then `flush`, if a link was made to speak.
#include <optional>
#include <string>
#include <variant>

#include "natkit/base/sans_io.hpp"
#include "natkit/link/hub.hpp"
#include "natkit/rendezvous/client.hpp"

namespace natkit::link {
class Introduction {
 public:
  struct Registered {
    rendezvous::RegisteredAt at;
  };
  /// An address of ours.
  struct CandidateFound {
    ice::Candidate candidate;
  };
  /// What the peer must be given, by hand.
  struct Described {
    std::string text;
  };
  struct PeerFound {
    LinkId link{};
    std::string peer;  ///< its fingerprint; proven when the link is secured. Empty: it has none, and never will be
    ice::Role role{};
    std::optional<Endpoint> address{};  ///< as the server sees it
  };
  /// It goes on all the same.
  struct Trouble {
    Error error;
  };
  /// Nothing more will come of it but what the links still do.
  struct Over {
    Error error;
  };
  using Event = std::variant<Registered, CandidateFound, Described, PeerFound, Hub::LinkEvent, Trouble, Over>;

  Introduction() = default;
  Introduction(const Introduction&) = delete;
  Introduction& operator=(const Introduction&) = delete;
  virtual ~Introduction() = default;

  /// Null when it is gone. After calls that make it speak, `flush`.
  [[nodiscard]] virtual Link* find(LinkId link) = 0;
  virtual void flush(Instant now) = 0;
  /// What the peer's side gave us, by hand: an error where it cannot be used, and the next one is waited for.
  [[nodiscard]] virtual Result<void> hear_description(Instant now, std::string_view text) = 0;
  /// A router lets in what arrives there for our first IPv4 socket.
  virtual void add_mapped(Instant now, const Endpoint& external) = 0;
  /// A relay will most likely be needed, so the peer is told as soon as a relay has given us an address, or at once
  /// where that takes too long; whatever else turns up follows. Without it the peer is told when every server has
  /// answered or was waited for: direct paths are best found when both sides begin with all that there is.
  virtual void lead_with_relay(Instant now) = 0;
  /// No peer is looked for any more; links stay.
  virtual void stop_looking(Instant now) = 0;
  /// Lets go of a link without a word to the peer: the port goes on to another program.
  virtual void drop(LinkId link) = 0;
  /// Ends links, gives addresses back and says goodbye; finished when `poll_timeout` is empty.
  virtual void close(Instant now) = 0;

  virtual void start(Instant now) = 0;
  virtual void handle_datagram(Instant now, const Datagram& in) = 0;
  virtual void handle_timeout(Instant now) = 0;
  virtual void handle_connected(Instant now, SocketId socket, const Endpoint& remote) = 0;
  virtual void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) = 0;
  virtual void handle_path_error(Instant now, const PathError& error) = 0;
  virtual void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) = 0;
  virtual void handle_socket_failure(Instant now, SocketId socket, std::string_view why) = 0;
  [[nodiscard]] virtual std::optional<SocketChange> poll_socket() = 0;
  [[nodiscard]] virtual std::optional<Datagram> poll_transmit() = 0;
  [[nodiscard]] virtual std::optional<Instant> poll_timeout() const = 0;
  [[nodiscard]] virtual std::optional<Event> poll_event(Instant now) = 0;

  [[nodiscard]] virtual const Hub& hub() const = 0;
};
static_assert(SansIo<Introduction> && OpensSockets<Introduction> && HearsConnections<Introduction> &&
              HearsSendFailure<Introduction> && HearsPathErrors<Introduction>);

/// That a port which the user named is not to be had ends it; any other socket may be missing.
[[nodiscard]] Error to_error(const Gathering::SocketFailed& failed);
}  // namespace natkit::link
