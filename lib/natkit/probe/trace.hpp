#pragma once
/// The record of one run: what was sent and what came back, in order, with times. The planner and the classifier read
/// nothing else, so a recorded trace replays to the same report on any machine.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/endpoint.hpp"
#include "natkit/base/time.hpp"
#include "natkit/probe/host_facts.hpp"
#include "natkit/probe/port_mappings.hpp"
#include "natkit/probe/web_page.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/stun/reachability.hpp"

namespace natkit::probe {
/// One question has one socket of its own, because a used socket spoils the next answer.
enum class Question : std::uint8_t {
  mapping,         ///< plain Binding requests to several endpoints from one socket (RFC 5780 §4.3)
  filtering,       ///< CHANGE-REQUEST for another address and port (RFC 5780 §4.4, test II)
  filtering_port,  ///< CHANGE-REQUEST for another port only (test III)
  tcp_control,     ///< Binding over TCP: does the server live at all?
  allocation,      ///< plain Binding requests to one endpoint, each from a fresh socket: which ports the NAT gives
  hairpin,         ///< two fresh sockets learn where they are outside, and send to each other there (RFC 4787 §6)
  lifetime,        ///< a fresh socket learns where it is outside, and rests
  lifetime_call,   ///< from another one: what arrives there now? By RESPONSE-PORT (RFC 5780 §4.6)
  path_mtu,        ///< padded Binding requests that must stay whole: which sizes get there (RFC 4821 §7)
  fragments,       ///< the largest of them, which may be fragmented: does the server take that size at all?
  tcp_mapping,     ///< Binding over TCP to several endpoints from one port (RFC 5382 §4.1)
  tcp_filtering,   ///< the same to one endpoint: a fresh port learns where it is outside, and listens there
  tcp_call,        ///< on that connection: connect to me there, from another address (stun/reachability.hpp)
  tcp_call_port,   ///< … from the same address, another port
  way_out,         ///< nobody answers over UDP: does the server, at ports that are often let out?
  way_out_tcp,     ///< … over TCP
  way_out_tls,     ///< … over TLS (RFC 8489 §6.2.3)
  web_page,        ///< nobody answers over UDP: HTTP to where nobody is; who answers stands in the way (web_page.hpp)
  hop,             ///< a Binding request that dies on the way: which router is so many hops away (RFC 1812 §5.3.1)?
};
[[nodiscard]] bool is_over_tcp(Question question);
/// Whether an answer can only be the server's own.
[[nodiscard]] inline bool is_for_a_server(Question question) { return question != Question::web_page; }
/// Of the socket that calls, less that of the one that rests.
inline constexpr std::uint32_t socket_of_call = 256;
[[nodiscard]] std::string_view to_text(Question question);  ///< "mapping", "filtering-port", …
[[nodiscard]] std::optional<Question> parse_question(std::string_view text);

/// A server as the user named it and as it was resolved.
struct Server {
  std::string name{};
  Endpoint address{};
};

struct Sent {
  Duration at{};  ///< since the start of the run, as all times here
  SocketId socket{};
  Question question{};
  std::uint32_t server = 0;  ///< index into Trace::servers
  Endpoint to{};
  stun::TransactionId id{};
  std::uint16_t size = 0;      ///< of the whole IP packet, where that was the question
  std::uint8_t hop_limit = 0;  ///< IPv4 TTL, where that was the question
};

struct Received {
  Duration at{};
  SocketId socket{};
  Endpoint from{};
  Endpoint local{};                   ///< as the host saw it
  stun::TransactionId id{};           ///< always that of a request sent on this socket; others are not recorded. Of
                                      ///< `hairpin` and `lifetime_call`, where it came in at the other socket:
                                      ///< `local` is that one
  std::optional<Endpoint> mapped{};   ///< XOR-MAPPED-ADDRESS or MAPPED-ADDRESS
  std::optional<Endpoint> other{};    ///< OTHER-ADDRESS
  std::optional<Endpoint> receipt{};  ///< our server's word from where it answered this request
  std::optional<std::uint16_t> second_port{};  ///< of the address that was asked
  std::optional<std::uint16_t> error_code{};
  /// MAPPED-ADDRESS where it is not what XOR-MAPPED-ADDRESS says: somebody on the way rewrites what looks like an
  /// address.
  std::optional<Endpoint> rewritten{};
  bool is_same_unmasked = false;            ///< MAPPED-ADDRESS is there, too, and says the same
  std::optional<stun::ReachState> reach{};  ///< of `tcp_call`: the server's word what it does about it
  std::optional<PageHead> page{};           ///< of `web_page`
};

/// The system refused to send, e.g. no route.
struct SendFailed {
  Duration at{};
  SocketId socket{};
  Question question{};
  Endpoint to{};
  std::string why{};
  std::optional<stun::TransactionId> id{};  ///< which request; older traces do not say
};

/// A router says that it threw a packet away, whose hop limit had run out (ICMP). Anybody can say that.
struct Expired {
  Duration at{};
  SocketId socket{};
  Endpoint to{};
  IpAddress router{};
};

/// The end of the run, so that silence can be timed.
struct Ended {
  Duration at{};
};

using Event = std::variant<Sent, Received, SendFailed, Expired, Ended>;
[[nodiscard]] Duration at(const Event& event);

struct Trace {
  std::vector<Server> servers{};
  std::vector<Event> events{};  ///< in order of time; bounded by the planner's budget
  PortMappings port_mapping{};  ///< what the routers said meanwhile
  HostFacts host{};             ///< what the host knew by itself
};
}  // namespace natkit::probe
