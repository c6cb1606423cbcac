#pragma once
/// Makes mappings and keeps them: through one gateway or through several in a row, written down before anybody is
/// asked, renewed in time, made again when a gateway forgot them, and taken back at the end.
///
///   wish --> [layer 0 asking] --granted--> [layer 1 asking] --> … --> held --release()--> releasing --> released
///                  |  ^                          |                     |  ^
///               refused                       refused               renewal, StateLost, handle_routes: asking again,
///                  v                             v                  same external port wished
///               failed <---- inner layers taken back
///
/// One wish through N gateways is N mappings, each with a journal entry of its own; the innermost maps this host, each
/// further one maps the external address of the one before. They stand and fall together.
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/result.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/portmap/announcements.hpp"
#include "natkit/portmap/gateway.hpp"
#include "natkit/portmap/hop_search.hpp"
#include "natkit/portmap/journal.hpp"
#include "natkit/portmap/mapping.hpp"

namespace natkit::portmap {
class Keeper {
 public:
  enum class Goal : std::uint8_t {
    once,  ///< make the mappings and end; they stay until their time is over
    hold,  ///< keep them until `release`
  };
  enum class Layers : std::uint8_t { nearest, all };  ///< all: through every NAT on the way out

  struct Timing {
    Gateway::Timing gateway{};
    Duration release = std::chrono::milliseconds{1500};  ///< for taking everything back
    /// After a failure: at once, then doubling up to this, so that a router that was away a moment is met as it
    /// returns.
    Duration first_retry = std::chrono::milliseconds{250};
    Duration longest_retry = std::chrono::seconds{60};
    Duration permanent_check = std::chrono::minutes{10};  ///< of a mapping without an end; nobody else would notice
    /// A deadline missed by this much means that the machine slept.
    Duration sleep = std::chrono::seconds{30};
  };
  struct Config {
    std::vector<Route> routes;
    std::vector<Wish> wishes;
    Goal goal = Goal::once;
    Layers layers = Layers::nearest;
    RunId run{};
    /// Entries of earlier runs for the same wishes: renewed under their ids and nonces instead of made anew.
    std::vector<JournalEntry> known{};
    Timing timing{};
    std::size_t most_layers = 4;
    /// Where hop-limited probes are sent to, to find the next gateway out; nothing there need answer.
    Endpoint beyond{IpAddress::v4(0xC0000001), 33434};  // 192.0.0.1, IETF protocol assignments: no host (RFC 6890)
  };

  /// One wish that stands: innermost layer first; `layers.back().external` is where the world can send to.
  struct Held {
    std::vector<MappingId> ids;
    std::vector<Grant> layers;
  };
  struct Failed {
    std::vector<Refusal> refusals{};
    std::vector<IpAddress> gateways{};    ///< who was asked
    std::optional<IpAddress> external{};  ///< a gateway's own external address, where it told
    std::optional<Error> error{};         ///< ours: the journal could not be written …
  };
  struct Outcome {
    std::optional<Held> held{};
    std::optional<Failed> failed{};
  };

  struct Granted {  ///< the first time
    std::size_t wish = 0;
  };
  struct Renewed {
    std::size_t wish = 0;
  };
  struct Moved {  ///< the external address or port is another one now
    std::size_t wish = 0;
    Endpoint before{};
  };
  struct Lost {  ///< it is being made again
    std::size_t wish = 0;
    std::string why;
  };
  struct Refused {  ///< see `outcome`; with Goal::hold it is tried again
    std::size_t wish = 0;
  };
  struct Released {
    std::size_t wish = 0;
    bool is_clean = true;  ///< false: a gateway did not confirm; the journal still has it
  };
  using Event = std::variant<Granted, Renewed, Moved, Lost, Refused, Released>;

  Keeper(Config config, Journal& journal, Rng& rng);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void start(Instant now);
  /// Takes everything back; the machine is finished when it is done or `Timing::release` is over.
  void release(Instant now);
  /// The host's ways out are others now.
  void handle_routes(Instant now, std::vector<Route> routes);
  /// Lets what is held outlive this run: `gc` will not take it before its time is over. The last act of `once`.
  [[nodiscard]] Result<void> keep();

  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_errand_reply(Instant now, const ErrandReply& reply);
  void handle_socket_opened(Instant /*now*/, SocketId /*socket*/, const Endpoint& /*local*/) {}
  void handle_socket_failure(Instant /*now*/, SocketId /*socket*/, std::string_view /*why*/) {}  // then it is silent
  void handle_path_error(Instant now, const PathError& error);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Errand> poll_errand();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Event> poll_event();

  /// By wish, in the order asked. Both empty while it is being tried.
  [[nodiscard]] const Outcome& outcome(std::size_t wish) const { return leases_[wish].outcome; }
  [[nodiscard]] std::size_t wishes() const { return leases_.size(); }

 private:
  /// One mapping at one gateway.
  struct Layer {
    JournalEntry entry{};
    std::size_t gateway = 0;  ///< index into gateways_
    enum class State : std::uint8_t { written, asking, held, releasing, gone } state = State::written;
    /// While `written`: when the gateway is to be asked. Writing takes seconds where a disk is busy, and the gateway
    /// would have lost them of the time it has to answer.
    Instant ask_at{};
    std::optional<Grant> grant{};
    std::optional<Instant> renew_at{};
    Instant expires_at{};
    Duration retry{};  ///< the next wait after a renewal that was not granted
  };
  struct Lease {
    Wish wish{};
    Route route{};
    std::vector<Layer> layers{};  ///< innermost first
    /// Of the last try, whose answers may have been lost: asked for again under its ids and nonces.
    std::vector<JournalEntry> earlier{};
    Outcome outcome{};
    Failed failure{};  ///< collected while layers are taken back
    std::optional<Instant> retry_at{};
    Duration retry_step{};
    std::size_t left_behind = 0;  ///< mappings that no gateway confirmed to be gone
    enum class Phase : std::uint8_t { building, finding_hop, held, retreating, releasing, waiting, over } phase{};
  };

  // Building up.
  void begin(Instant now, std::size_t wish);
  [[nodiscard]] std::size_t gateway_for(Instant now, const Route& route, const IpAddress& address,
                                        const IpAddress& host, std::optional<Method> only);
  void add_layer(Instant now, std::size_t wish, const IpAddress& gateway, const Endpoint& host);
  [[nodiscard]] JournalEntry entry_for(const Lease& lease, const IpAddress& gateway, const Endpoint& host) const;
  void write_down(Instant now, std::size_t wish, Layer& layer);
  void ask_gateways(Instant now);
  void go_on_outwards(Instant now, std::size_t wish);
  void complete(Instant now, std::size_t wish);
  // Hearing.
  void hear(Instant now);
  void hear_granted(Instant now, std::size_t wish, Layer& layer, const Gateway::Granted& granted);
  void hear_refused(Instant now, std::size_t wish, Layer& layer, const Gateway::Refused& refused);
  void hear_gone(Instant now, std::size_t wish, Layer& layer);
  void hear_hint(Instant now, const IpAddress& gateway);
  // Keeping.
  void schedule(Instant now, Layer& layer);
  void renew(Instant now, std::size_t gateway);
  void lose(Instant now, std::size_t wish, const std::string& why);
  // Taking back.
  void fail(Instant now, std::size_t wish, Failed failure);
  void take_back(Instant now, std::size_t wish, Lease::Phase phase);
  void check_taken_back(Instant now, std::size_t wish);
  [[nodiscard]] static Gateway::Ask ask_for(const Lease& lease, const Layer& layer);

  Config config_;
  Journal* journal_;
  Rng* rng_;
  std::vector<std::unique_ptr<Gateway>> gateways_;
  std::vector<Lease> leases_;
  std::optional<HopSearch> hops_;
  std::optional<Announcements> announcements_;
  std::optional<Instant> release_by_;
  std::deque<Event> events_;
};
static_assert(SansIo<Keeper> && OpensSockets<Keeper> && RunsErrands<Keeper> && HearsPathErrors<Keeper>);
}  // namespace natkit::portmap
