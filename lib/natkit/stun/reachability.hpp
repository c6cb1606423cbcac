#pragma once
/// "Can the internet reach this port of mine?": our extension to STUN, in comprehension-optional attributes that
/// foreign programs pass over. Only somebody outside can tell, and only by sending from a place that the asker never
/// spoke to: otherwise a hole that the question itself made in a NAT or firewall would pass for an open port.
///
///   client (behind 203.0.113.7)            server A:P1               server B:fresh port
///     |--- NATKIT-RECEIPT ------------------->|                           |
///     |<-- XOR-MAPPED-ADDRESS, NATKIT-COOKIE -|                           |   the address is proven (receipt.hpp)
///     |--- NATKIT-COOKIE -------------------->|                           |
///     |    NATKIT-REACH = udp|tcp, P, token   |---- opens a socket ------>|
///     |<-- NATKIT-REACH-REPORT = under way ---|                           |
///     |                                       |       NATKIT-REACH = udp|tcp, P, token
///   203.0.113.7:P <-------------------------------------------------------|   and if it arrives, the port is open
///     |--- the same question again ---------->|                           |
///     |<-- NATKIT-REACH-REPORT = sent … ------|
///
///  - The question is a Binding request with NATKIT-COOKIE (over TCP the handshake proves as much) and NATKIT-REACH.
///    What it may name is a port and never an address: the server sends to the address that it sees, so it scans and
///    reflects nothing. A server that cannot or will not, and one that takes the cookie for wrong, answers as to any
///    Binding request, without a report.
///  - UDP: the server sends one small Binding request with the same NATKIT-REACH, at most three times, and waits a
///  moment
///    whether anything comes back. TCP: it connects, sends that message once, and closes.
///  - The answer is a Binding success with XOR-MAPPED-ADDRESS, NATKIT-REACH-REPORT, and NATKIT-RECEIPT = where the
///  probe
///    left from, as soon as that is known. It tells the state at that moment; whoever asks again with the same port and
///    token hears of the same check. When the check ends, one more answer goes to who asked last.
///  - The question is at least `reach_request_bytes` long, so no answer and no probe is longer than what caused it.
///
/// NATKIT-REACH:        protocol (8 bits: 6 or 17), origin (8), port (16), token (64), then filler in a question
/// NATKIT-REACH-REPORT: state (8), datagrams or connections tried (8), 0 (16)
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/stun/address_cookie.hpp"
#include "natkit/stun/message.hpp"

namespace natkit::stun {
/// Chosen by the client and told to nobody but the server: who brings it has it from there.
using ReachToken = std::array<std::uint8_t, 8>;

/// From where the server is to send, always from a fresh port. One that has no other address uses the same; its report
/// says what it did.
enum class ReachOrigin : std::uint8_t { other_address = 0, same_address = 1 };

struct ReachQuestion {
  Protocol protocol = Protocol::udp;
  /// 0 in a question that came over TCP: the port that its connection is seen from.
  std::uint16_t port = 0;
  ReachToken token{};
  ReachOrigin origin = ReachOrigin::other_address;
  auto operator<=>(const ReachQuestion&) const = default;
};

/// As numbered on the wire. What an unknown number says is unknown: `parse_reach_report` gives nothing then.
enum class ReachState : std::uint8_t {
  under_way = 0,
  sent = 1,       ///< over: UDP, and nothing came back, which says nothing about whether it arrived
  answered = 2,   ///< over: UDP, and the port asked about sent something back
  connected = 3,  ///< over: TCP, somebody accepted
  refused = 4,    ///< over: TCP, somebody refused, or said that there is no way to that host (firewalls do)
  timed_out = 5,  ///< over: TCP, nobody did either
  unsent = 6,     ///< over: the server's own system let nothing out
  busy = 7,       ///< nothing was sent: too many checks, at all or of this address; to be asked again later
  forbidden = 8,  ///< nothing was sent and never will be: no such port, or one of the server's own
};
[[nodiscard]] constexpr bool is_over(ReachState state) {
  return state != ReachState::under_way && state != ReachState::busy;
}
[[nodiscard]] std::string_view to_text(ReachState state);  ///< "under way", "sent" …

struct ReachReport {
  ReachState state{};
  unsigned tries = 0;                ///< datagrams sent, or connections begun
  Endpoint seen{};                   ///< the asker as the server sees it: its address is the one that was tried
  std::optional<Endpoint> origin{};  ///< where the probe left from; over TCP perhaps with port 0, for a fresh one
};

/// A question of this size is at least as long as every answer and every probe that it causes.
[[nodiscard]] std::size_t reach_request_bytes(Family family);
/// The finished question. Over TCP no cookie is needed.
[[nodiscard]] Bytes write_reach_request(const TransactionId& id, Family family, const ReachQuestion& question,
                                        const std::optional<AddressCookie>& cookie);
[[nodiscard]] Bytes write_reach_probe(const TransactionId& id, const ReachQuestion& question);
/// To the question with this id. `seen` is the asker.
[[nodiscard]] Bytes write_reach_answer(const TransactionId& id, const ReachReport& report);

/// What a question, or a probe, asks for. `nullopt` without the attribute or where it is malformed.
[[nodiscard]] std::optional<ReachQuestion> parse_reach(const Message& message);
/// `nullopt` from a server that does not check.
[[nodiscard]] std::optional<ReachReport> parse_reach_report(const Message& answer);
}  // namespace natkit::stun
