#pragma once
/// "Is this port open from outside?", asked of a server out there (stun/reachability.hpp) and answered by what arrives.
/// One machine asks over IPv4 and over IPv6, each by itself, since a port can be open over one and closed over the
/// other.
///
///   proving ---address and cookie---> trying ---token arrives | proof to the contrary | patience over---> done
///      |                                |
///      | where the internal port is     | one round after another, each with its own token, until their silence
///      | free, we listen there          | cannot be explained by loss any more
///
/// How it judges:
///  - `open` needs proof: the token arrived at the internal port; or, where a program holds that port so that we cannot
///    listen, something came back to the server from the port, or accepted its connection.
///  - `closed` needs proof as well: the server's word that it sent and from where, our listening, and a loss, as
///  measured
///    on the path to the server, that explains the silence with less than 1 in 100 000; or a refusal; or somebody else
///    who answers in our place. Over UDP the silence of a program that holds the port proves nothing.
///  - everything else is `unknown`, with the reason.
/// Nothing is ever sent to our own external address (hairpinning proves nothing), nor from the internal port.
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/stun/reachability.hpp"

namespace natkit::portmap {
enum class Openness : std::uint8_t { unknown, open, closed };
[[nodiscard]] std::string_view to_text(Openness openness);  ///< "unknown", "open", "closed"

/// What a verdict rests on. Stable kebab-case in `to_text`.
enum class OutsideReason : std::uint8_t {
  // open
  token_arrived,  ///< what the server sent reached the internal port
  port_answered,  ///< UDP: whoever holds the port sent something back to the server
  port_accepted,  ///< TCP: whoever holds the port accepted the server's connection
  // closed
  nothing_arrived,    ///< we listened, the server sent, and nothing came
  refused,            ///< TCP: refused, or a firewall said that there is no way
  connection_silent,  ///< TCP: neither accepted nor refused
  another_answered,   ///< somebody answers at that port, but it is not the internal port that we listen at
  // unknown
  server_silent,        ///< no answer from the server
  server_cannot_check,  ///< it answers, but not this question (switched off, older, or another program)
  server_busy,          ///< too many checks, until our patience ended
  server_refused,       ///< it never tries this port
  server_unable,        ///< its own system lets nothing out
  server_inside,        ///< it sees a private address of ours, though the router's is public: it is not outside
  holder_silent,        ///< UDP: a program holds the port and did not answer, which it need not
  nobody_listened,      ///< UDP: we could not listen, or were not told where, and nothing came back
  too_much_loss,        ///< so much is lost on the way to the server that silence proves nothing
  not_asked,            ///< cannot send from the internal address, or not done yet
};
[[nodiscard]] std::string_view to_text(OutsideReason reason);  ///< "token-arrived" …

/// Why a port that the router says it mapped is closed all the same.
enum class LikelyCause : std::uint8_t {
  other_wan,        ///< the server sees another public address than the router claims: another line, or a VPN
  double_nat,       ///< the router's external address is private: another NAT stands before it
  carrier_nat,      ///< … is in 100.64/10
  shadowed,         ///< another rule of the router (a static one, a DMZ host) sends the port elsewhere
  host_firewall,    ///< of this computer
  not_mapped,       ///< the router says so, but maps nothing
  filtered_on_way,  ///< by the provider, or by a second firewall
  nobody_listens,   ///< no program at the internal port
};
[[nodiscard]] std::string_view to_text(LikelyCause cause);  ///< "other-wan" …

/// Whether we could listen at the internal port ourselves.
enum class Listening : std::uint8_t {
  not_asked,  ///< no internal endpoint was given
  pending,
  yes,
  port_taken,  ///< by another program: it has to answer for itself
  failed,      ///< not our address, or not allowed
};

/// The verdict over one family, and its evidence.
struct OutsideResult {
  Family family{};
  Protocol protocol{};
  Openness openness = Openness::unknown;
  OutsideReason reason = OutsideReason::not_asked;
  /// For `closed`: what it can be. Several cannot be told apart from here, and are all named; the likeliest first.
  std::vector<LikelyCause> likely{};
  Endpoint server{};                          ///< asked
  std::optional<Endpoint> seen{};             ///< we, as the server sees us
  std::optional<Endpoint> tried{};            ///< where the server sent to: the address it sees, and the external port
  std::optional<Endpoint> sent_from{};        ///< its own word
  unsigned tries = 0;                         ///< datagrams sent or connections begun by the server, its own word
  std::optional<Endpoint> arrived_from{};     ///< who brought the token
  std::optional<Endpoint> arrived_at{};       ///< and where
  std::optional<IpAddress> expected{};        ///< the router's claim
  std::optional<bool> address_as_expected{};  ///< whether the server sees that very address
  Listening listening = Listening::not_asked;
  std::optional<double> loss{};  ///< of questions to the server, as far as measured
};
/// One sentence for a person: "open: udp 203.0.113.7:4000 was reached from 198.51.100.2:40123". Names all likely
/// causes.
[[nodiscard]] std::string to_text(const OutsideResult& result);
/// What to do next, one sentence for each likely cause; empty when there is nothing to be done.
[[nodiscard]] std::string_view advice(LikelyCause cause);

class OutsideCheckOfFamily;

class OutsideCheck {
 public:
  struct Config {
    std::vector<Endpoint> servers{};  ///< the first of each family is asked
    Protocol protocol = Protocol::udp;
    std::uint16_t external_port = 0;
    /// Where packets are to arrive, at most one of each family. We ask from its address, and listen at its port where
    /// that is free. A family without one is asked from wherever the system likes, without listening.
    std::vector<Endpoint> internal{};
    std::vector<IpAddress> expected{};  ///< the external address, as the router says; at most one of each family
    Duration patience = std::chrono::seconds{10};  ///< from start(); the contract's `--timeout`
  };
  OutsideCheck(const Config& config, Rng& rng);
  ~OutsideCheck();
  OutsideCheck(const OutsideCheck&) = delete;
  OutsideCheck& operator=(const OutsideCheck&) = delete;

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// One for each family that has a server, in the order of `servers`; the verdicts so far.
  [[nodiscard]] std::vector<OutsideResult> results() const;

 private:
  [[nodiscard]] OutsideCheckOfFamily* owner_of(SocketId socket);

  std::vector<std::unique_ptr<OutsideCheckOfFamily>> families_;
};
static_assert(SansIo<OutsideCheck> && OpensSockets<OutsideCheck> && HearsSendFailure<OutsideCheck>);
}  // namespace natkit::portmap
