#pragma once
/// One gateway, asked in every language that it may speak: PCP and NAT-PMP on one socket, UPnP IGD by SSDP and errands.
/// One wish is one race:
///
///   ask --> PCP / NAT-PMP at once --granted--------------------------------------> Granted
///       └-> SSDP + description ----once those have refused or are silent (head start)--> UPnP Add --> Granted
///                                        all refused or silent --> Refused (one refusal for each that answered)
///
/// UPnP waits for the others although it is searched for at once: on many routers all three write into one table, so
/// two grants for one port would be one rule, and taking one back would take both.
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/errand.hpp"
#include "natkit/base/socket.hpp"
#include "natkit/portmap/igd_control.hpp"
#include "natkit/portmap/igd_search.hpp"
#include "natkit/portmap/port_control.hpp"

namespace natkit::portmap {
class Gateway {
 public:
  static constexpr std::uint32_t sockets = 3;  ///< for PCP and NAT-PMP, for SSDP, for SSDP on port 1900
  struct Timing {
    PortControl::Timing control{};
    IgdSearch::Timing search{};
    IgdControl::Config igd{};
    /// Before this UPnP does not begin while PCP and NAT-PMP have not spoken. Those answer in under a millisecond, UPnP
    /// mostly not before 50 ms (miniupnpd's own delay), so it costs nothing.
    Duration head_start = std::chrono::milliseconds{40};
    /// SSDP starts so much later: some daemons do nothing else while they hold their answer to it back (miniupnpd 2.3.1
    /// for 50 ms, measured), and an answer by PCP would have to wait for that.
    Duration search_delay = std::chrono::milliseconds{1};
  };
  struct Config {
    Route route{};            ///< whose local address is asked from
    IpAddress address{};      ///< the gateway: the route's router, or one further out
    IpAddress mapped_host{};  ///< whom it maps to: `route.local`, or the external address of a NAT in between
    SocketId first_socket{};  ///< this and the next ones, `sockets` in all, belong to this gateway
    ErrandId first_errand{};  ///< this and 65535 more
    std::optional<Method> only{};
    Timing timing{};
  };

  struct Ask {
    MappingId id{};
    Protocol protocol = Protocol::udp;
    std::uint16_t internal_port = 0;  ///< at `mapped_host`
    Endpoint external{};              ///< wished; port 0: any
    std::chrono::seconds lifetime{};
    Nonce nonce{};
    std::string description;
    std::optional<Method> only{};  ///< for a renewal: the one that granted it
    PortChoice choice = PortChoice::preferred;
    std::optional<std::uint16_t> pinhole{};  ///< of IPv6 by UPnP, where one is renewed or removed
  };

  struct Granted {
    MappingId id{};
    Method via{};
    Endpoint external{};
    std::chrono::seconds lifetime{};        ///< 0: permanent
    std::optional<igd::Service> service{};  ///< where UPnP has a hand in it
    std::string location{};
    std::optional<std::uint16_t> pinhole{};
  };
  struct Gone {
    MappingId id{};
  };
  struct Refused {
    MappingId id{};
    std::vector<Refusal> refusals;        ///< Cause::silent for methods that nobody answered
    std::optional<IpAddress> external{};  ///< what a refusal told of the gateway's true address
  };
  struct StateLost {};
  using Event = std::variant<Granted, Gone, Refused, StateLost>;

  Gateway(Config config, Rng& rng);

  /// Opens its sockets; nothing is sent yet.
  void start(Instant now);
  void add(Instant now, const Ask& ask);
  /// By the method that granted it, or by every one where that is not known.
  void remove(Instant now, const Ask& ask);
  /// Nobody was heard: a deletion goes out by every protocol that was asked, for a request that arrived although its
  /// answers were lost. No answer is awaited.
  void remove_unheard(Instant now, const Ask& ask);
  void forget(MappingId id);
  /// Whether a call about it is out, whose effect is not known yet.
  [[nodiscard]] bool is_calling(MappingId id) const { return current_.contains(id); }
  /// Asks who is there, without asking for anything: see `control_state` and `search`.
  void discover(Instant now);
  /// Is it alive, and since when? A reply may bring `StateLost`.
  void check(Instant now) { control_.ask_state(now); }
  /// Where the device was described last time.
  void try_location(Instant now, const std::string& location);

  bool handle_datagram(Instant now, const Datagram& in);
  bool handle_errand_reply(Instant now, const ErrandReply& reply);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Errand> poll_errand();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Event> poll_event();
  /// Gives its sockets back; nothing may be asked of it after that.
  void close();

  [[nodiscard]] const Config& config() const { return config_; }
  /// The answer to `discover`; null while it is awaited.
  [[nodiscard]] const PortControl::State* control_state() const { return state_ ? &*state_ : nullptr; }
  [[nodiscard]] const IgdSearch& search() const { return search_; }
  [[nodiscard]] std::optional<Method> speaks() const { return control_.speaks(); }
  /// Its external address, as far as anybody has told.
  [[nodiscard]] std::optional<IpAddress> external() const;

 private:
  struct Race {
    Ask ask{};
    enum class Goal : std::uint8_t { add, remove } goal = Goal::add;
    bool control_is_out = false;  ///< a word by PCP or NAT-PMP is awaited
    bool igd_is_out = false;      ///< a word by UPnP is awaited (the search for it included)
    bool igd_has_begun = false;
    Instant igd_not_before{};          ///< the head start of the others
    std::optional<Instant> igd_due{};  ///< set while UPnP could begin and waits for that
    std::optional<Granted> late{};     ///< granted by PCP or NAT-PMP while UPnP was on its way
    std::vector<Refusal> refusals{};
    std::optional<IpAddress> external{};
    bool is_gone = false;         ///< removal: confirmed by at least one
    bool is_stray_hunt = false;   ///< removal of what UPnP made: PCP and NAT-PMP are heard if they speak by then
    bool is_by_nat_pmp = false;   ///< removal: PCP refused, so the older protocol is asked as well
    bool is_device_lost = false;  ///< nobody serves the control address any more
    bool has_searched_again = false;
  };
  struct OutCall {
    std::optional<MappingId> mapping{};  ///< nullopt: the description of `location`
    std::string location{};
    Instant deadline{};
  };

  [[nodiscard]] bool may_use(const Ask& ask, Method method) const;
  [[nodiscard]] static std::optional<Method> method_of(const Race& race);
  void ask_control(Instant now, const Race& race);
  void hear_control_refusal(Instant now, Race& race, const PortControl::Refused& refused);
  void begin_search(Instant now);
  void advance(Instant now);
  void advance_igd(Instant now, Race& race);
  void hear_control(Instant now);
  void hear_grant(const PortControl::Granted& granted);
  void hear_igd(Instant now);
  void search_again(Instant now, Race& race);
  [[nodiscard]] IgdSearch::Config search_config() const;
  void hear_igd_grant(Race& race, const IgdControl::Granted& granted);
  void settle_races();
  void send_errand(Instant now, const igd::Call& call, OutCall out, Duration allowance);
  void queue_errands(Instant now);

  Config config_;
  PortControl control_;
  IgdSearch search_;
  IgdControl igd_;
  std::map<MappingId, Race> races_;
  std::map<ErrandId, OutCall> out_;
  std::map<MappingId, ErrandId> current_;  ///< of a mapping only the last call counts
  std::uint32_t errands_given_ = 0;
  std::optional<PortControl::State> state_;
  std::string location_;
  bool has_searched_ = false;
  std::optional<Instant> search_at_{};  ///< it waits for PCP's first word
  Instant searched_at_{};
  std::deque<SocketChange> sockets_;
  std::deque<Errand> errands_;
  std::deque<Event> events_;
};
}  // namespace natkit::portmap
