#pragma once
/// A client of a TURN relay (RFC 8656): to its owner a relayed path looks like a socket of its own.
///
///        owner                       Client                                   relay                     peers
///     send(peer, …) ─────────> Send indication, or ChannelData ───────────>  relayed  ────────────>  192.0.2.9:4000
///     poll_received() <──────  Data indication, or ChannelData <───────────  address  <────────────
///
///   idle --start--> allocating --success--> ready --close--> closing --> closed
///                       | 401: once more, signed      | renewed a minute before its end
///                       '-- refused, silent --> failed <-- lost
///
/// It works over UDP and over a stream (TCP, or TLS, which looks the same from here): there the payloads that go out
/// are whole messages, and those that come in are pieces cut anywhere. Over UDP requests are repeated as RFC 8489
/// §6.2.1 says; over a stream they are not.
///
/// It waits for as little as it can: the permissions and the first data of the owner follow the signed Allocate at
/// once, without waiting for its answer. What the relay says it got too early is sent again.
///
/// The server's socket may carry other things as well: `owns` says what is for this machine. A relayed address does not
/// move: once the state is `failed`, the owner makes a new client.
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/stun/transaction.hpp"
#include "natkit/turn/authenticator.hpp"
#include "natkit/turn/failure.hpp"
#include "natkit/turn/peer_book.hpp"
#include "natkit/turn/stream_framer.hpp"

namespace natkit::turn {
/// Which relayed addresses are wished for. With `both` it is enough that there is one of them in the end.
enum class RelayedFamilies : std::uint8_t { ipv4, ipv6, both };

class Client {
 public:
  struct Config {
    SocketId socket{};          ///< through which the server is reached; it may be shared
    TransportAddress server{};  ///< over TLS: tcp
    std::optional<Credentials> credentials{};
    /// The server's realm and nonce, where they are known from elsewhere (our own signalling, an earlier client): saves
    /// the round trip of the first 401.
    std::optional<Challenge> challenge{};
    RelayedFamilies families = RelayedFamilies::ipv4;
    std::chrono::seconds lifetime{600};  ///< asked for; the server may grant another (§7.2)
    /// Over UDP. Once a round trip has been measured, three times that takes the place of `rto` (RFC 6298 §2.2).
    stun::ClientTransaction::Config request{};
    Duration patience = std::chrono::seconds{10};  ///< from `start` to the first allocation; then it has failed
    PeerBook::Config peers{};
    std::size_t most_early = 32;  ///< datagrams held while nothing can be sent yet; the oldest are lost first
  };

  enum class State : std::uint8_t { idle, allocating, ready, closing, closed, failed };

  struct Received {
    Endpoint peer{};
    Bytes payload{};
  };
  /// The relay does not let us talk to this peer: forbidden (403), of the wrong family (443) …
  struct PeerRefusal {
    IpAddress peer{};
    std::uint16_t code = 0;
  };

  Client(Config config, Rng& rng);

  void start(Instant now);
  /// Dropped where the relay has no address of the peer's family.
  void send(Instant now, const Endpoint& peer, ByteView payload);
  /// Lets datagrams of this peer in, and keeps it so; `send` does the same for as long as it is used.
  void permit(Instant now, const IpAddress& peer);
  void forget(const IpAddress& peer) { book_.forget(peer); }
  /// Has data of this peer travel in the short form from now on; otherwise that begins after a few datagrams.
  void bind_channel(Instant now, const Endpoint& peer);
  /// Gives the relayed address back. The state is `closed` once the server has answered or a short wait is over.
  void close(Instant now);
  [[nodiscard]] std::optional<Received> poll_received();
  [[nodiscard]] std::optional<PeerRefusal> poll_refusal();

  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// Whether this came from the relay and can only be meant for this machine.
  [[nodiscard]] bool owns(const Datagram& in) const;
  [[nodiscard]] State state() const { return state_; }
  /// Null unless the state is `failed`.
  [[nodiscard]] const Failure* failure() const { return failure_ ? &*failure_ : nullptr; }
  [[nodiscard]] std::optional<Endpoint> relayed(Family family) const;
  /// Where the server sees us: over UDP a server-reflexive address of the socket, for nothing.
  [[nodiscard]] const std::optional<Endpoint>& mapped() const { return mapped_; }
  /// The last one asked, which after a redirection is another.
  [[nodiscard]] const TransportAddress& server() const { return config_.server; }
  [[nodiscard]] bool is_permitted(const IpAddress& peer) const { return book_.is_permitted(peer); }
  /// For the next client of the same server.
  [[nodiscard]] const std::optional<Challenge>& challenge() const { return authenticator_.challenge(); }

 private:
  struct Allocate {};
  struct Refresh {
    std::chrono::seconds lifetime{};
  };
  struct Permissions {
    std::vector<IpAddress> peers;
  };
  struct Bind {
    PeerBook::Binding binding;
  };
  using Purpose = std::variant<Allocate, Refresh, Permissions, Bind>;
  struct Request {
    Purpose purpose;
    stun::TransactionId id;
    stun::ClientTransaction transaction;
    unsigned attempt = 0;  // how often its like was refused with 401 or 438
    bool is_signed = false;
    bool is_early = false;  // it left before we knew that there is an allocation
  };
  struct Early {
    Endpoint peer;
    Bytes payload;
  };

  void ask(Instant now, Purpose purpose, unsigned attempt = 0);
  [[nodiscard]] stun::ClientTransaction::Config timing() const;
  void ask_for_what_is_due(Instant now);
  void send_early();
  void send_indication(const Endpoint& peer, ByteView payload);
  void transmit(Bytes payload);
  void collect_transmits();
  [[nodiscard]] bool is_allocate_signed() const;
  [[nodiscard]] bool may_ask_about_peers() const;
  [[nodiscard]] bool reaches(const IpAddress& peer) const;

  void handle_message(Instant now, ByteView bytes);
  void handle_data(const stun::Message& indication);
  void handle_answer(Instant now, const stun::Message& answer);
  void deliver(const Endpoint& peer, ByteView payload);
  [[nodiscard]] bool is_genuine(const Request& request, const stun::Message& answer) const;

  void succeeded(Instant now, const Request& request, const stun::Message& answer);
  void allocated(Instant now, const stun::Message& answer);
  void refreshed(Instant now, const Refresh& refresh, const stun::Message& answer);
  void removed(Instant now);
  void renew_before(Instant now, std::chrono::seconds lifetime);

  void refused(Instant now, const Request& request, const stun::Message& answer);
  [[nodiscard]] bool ask_again_signed(Instant now, const Request& request, const stun::Message& answer);
  void allocate_refused(Instant now, const Request& request, const stun::ErrorCode& error);
  void refresh_refused(Instant now, const Refresh& refresh, const stun::ErrorCode& error);
  void permissions_too_early(Instant now, const std::vector<IpAddress>& peers);
  void permissions_refused(Instant now, const Request& request, std::uint16_t code);
  void bind_refused(Instant now, const Request& request, std::uint16_t code);
  void redirect(Instant now, const stun::Message& answer);
  void timed_out(Instant now, const Request& request);
  void fail(Failure::Kind kind, std::uint16_t code = 0, std::string_view detail = {});
  void end(State state);

  Config config_;
  Rng& rng_;
  Authenticator authenticator_;
  PeerBook book_;
  StreamFramer framer_;
  State state_ = State::idle;
  std::optional<Failure> failure_;
  std::vector<Request> requests_;
  std::deque<Early> early_;
  std::deque<Early> sent_early_;  // kept until it is known that the relay did not get them too early
  std::deque<Datagram> out_;
  std::deque<Received> received_;
  std::deque<PeerRefusal> refusals_;
  std::vector<IpAddress> too_early_;  // permissions that the relay could not give before the allocation
  std::vector<Endpoint> relayed_;
  std::optional<Endpoint> mapped_;
  std::optional<Duration> rtt_;
  std::optional<Instant> give_up_;   // the end of patience, or of the wait for the last answer
  std::optional<Instant> renew_at_;  // the allocation
  Instant expires_{};
  unsigned redirections_ = 0;
  bool has_cleared_ = false;  // an allocation that an earlier run left behind
};
static_assert(SansIo<Client> && HearsSendFailure<Client>);
}  // namespace natkit::turn
