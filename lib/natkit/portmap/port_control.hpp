#pragma once
/// One conversation with one gateway, over one socket: PCP (RFC 6887) where the gateway speaks it, else NAT-PMP
/// (RFC 6886), which has the same port. Any number of mappings at once.
///
///   not known --any PCP answer------------------------------------------------> speaks PCP
///       ├─────--it sees another source than PCP says (a NAT in between): NAT-PMP needs no address--> speaks NAT-PMP
///       └─────--version refused, or silent to PCP but not to NAT-PMP (100 ms)--> speaks NAT-PMP
///
/// While it is not known, every mapping is asked for by PCP, and one harmless question for the external address by
/// NAT-PMP goes beside it. Only what matches is believed: the gateway's endpoint, then protocol and internal port, with
/// PCP the nonce too. So an answer that comes late or from somebody else changes nothing.
#include <deque>
#include <map>
#include <optional>
#include <variant>

#include "natkit/base/datagram.hpp"
#include "natkit/base/time.hpp"
#include "natkit/portmap/epoch.hpp"
#include "natkit/portmap/journal.hpp"
#include "natkit/portmap/mapping.hpp"
#include "natkit/portmap/natpmp.hpp"
#include "natkit/portmap/pcp.hpp"

namespace natkit::portmap {
class PortControl {
 public:
  /// How often a question is repeated, and when its silence is an answer.
  struct Timing {
    /// RFC 6887 §8.1.1 wants 3 s, for servers far away; RFC 6886 §3.1 wants 250 ms for the same router on the same
    /// wire. Gateways answer in under a millisecond (0.2 ms measured with miniupnpd 2.3.1), so a loss is known early.
    Duration first_repeat = std::chrono::milliseconds{250};
    Duration patience = std::chrono::seconds{1};  ///< then it is silent; 1.1 s is what a person waits for "no router"
    /// Between an answer by NAT-PMP and giving PCP up: some gateways drop version 2 without a word.
    Duration grace = std::chrono::milliseconds{100};
  };
  enum class Speak : std::uint8_t { either, pcp_only, nat_pmp_only };
  struct Config {
    SocketId socket{};
    Endpoint server{};  ///< the gateway's address, port 5351
    /// Whom the gateway sees as the source: this host, or the external address of a NAT in between.
    IpAddress client{};
    Speak speak = Speak::either;
    Timing timing{};
  };
  struct Ask {
    MappingId id{};
    Protocol protocol = Protocol::udp;
    std::uint16_t internal_port = 0;
    Endpoint external{};              ///< suggested; port 0 and unspecified address: any
    std::chrono::seconds lifetime{};  ///< 0 deletes
    Nonce nonce{};
    std::optional<Method> only{};  ///< pcp or nat_pmp, whatever the conversation has settled on
  };

  struct Granted {  ///< or renewed
    MappingId id{};
    Method via{};
    Endpoint external{};  ///< the address is unspecified where NAT-PMP did not tell it
    std::chrono::seconds lifetime{};
  };
  struct Gone {  ///< a deletion was confirmed
    MappingId id{};
  };
  struct Refused {
    MappingId id{};
    Refusal refusal{};
    std::chrono::seconds wait{};        ///< PCP: do not ask again for so long
    std::optional<IpAddress> external;  ///< some refusals carry the gateway's true address
  };
  struct Silent {
    MappingId id{};
  };
  /// An answer to `ask_state`; nothing came where `speaks` is empty.
  struct State {
    std::optional<Method> speaks{};
    std::optional<Refusal> refusal{};     ///< it answers, but does not map
    std::optional<IpAddress> external{};  ///< NAT-PMP tells it without a mapping, PCP does not
    std::chrono::seconds epoch{};
  };
  /// Its clock says that it forgot everything (RFC 6887 §8.5).
  struct StateLost {};
  using Event = std::variant<Granted, Gone, Refused, Silent, State, StateLost>;

  explicit PortControl(const Config& config) : config_(config) {}

  /// A second question for the same mapping takes the place of the first.
  void ask(Instant now, const Ask& ask);
  /// What does it speak, is it alive, since when? Harmless.
  void ask_state(Instant now);
  void forget(MappingId id) { questions_.erase(id); }

  /// Whether the datagram was for this conversation.
  bool handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Event> poll_event();
  [[nodiscard]] std::optional<Method> speaks() const { return speaks_; }
  [[nodiscard]] std::optional<IpAddress> external() const;

 private:
  struct Repeat {
    Instant next{};
    Instant deadline{};
    Duration step{};
  };
  struct Question {
    Ask ask{};
    Repeat repeat{};
    /// NAT-PMP: granted, but the address is not known yet.
    std::optional<Granted> granted{};
    bool is_pcp_open = false;  ///< asked by PCP too, which has not answered
    /// NAT-PMP's word, while PCP is asked again: its answer may have been lost, and the mapping stand.
    std::optional<Refused> refused{};
  };

  [[nodiscard]] Repeat begin(Instant now) const;
  [[nodiscard]] bool is_by_nat_pmp(const Ask& ask) const;
  [[nodiscard]] bool is_certain() const { return speaks_ == Method::nat_pmp || config_.speak == Speak::nat_pmp_only; }
  void send(Bytes payload);
  void send(const Question& question);
  void send_state_question();
  void settle_on(Instant now, Method method);
  void hear_epoch(Instant now, std::chrono::seconds epoch, Epoch::Rule rule);
  void handle_pcp(Instant now, const pcp::Response& response);
  void handle_map(Instant now, const pcp::Response& response, const pcp::Map& map);
  void handle_refused_version(Instant now);
  void handle_nat_pmp(Instant now, const natpmp::Response& response);
  void handle_nat_pmp_mapping(Instant now, natpmp::ResultCode result, const natpmp::MappingResponse& mapping);
  void handle_address(Instant now, const IpAddress& told);
  void answer_state(State state);
  void give_pcp_up(Instant now);
  void ask_pcp_again(Instant now, Question& question, Refused refused);
  void refuse(MappingId id, Refusal refusal, std::chrono::seconds wait, std::optional<IpAddress> external);

  Config config_;
  std::optional<Method> speaks_;
  std::optional<Instant> give_pcp_up_;  ///< NAT-PMP has answered, PCP not yet
  std::optional<IpAddress> external_;   ///< unspecified: it was told, and it is none
  Instant external_at_{};               ///< when NAT-PMP told it
  std::optional<Repeat> state_question_;
  std::chrono::seconds last_epoch_{};
  Epoch epoch_;
  std::map<MappingId, Question> questions_;
  std::deque<Datagram> outgoing_;
  std::deque<Event> events_;
};
}  // namespace natkit::portmap
