#pragma once
// Reports and a trace as the probe would make them, for the tests of this room.
#include <chrono>

#include "natkit/probe/report.hpp"
#include "natkit/probe/trace.hpp"

namespace natkit::test {
using namespace std::chrono_literals;

inline Endpoint endpoint(std::string_view text) { return parse_endpoint(text).value(); }

inline probe::FamilyReport family(std::optional<bool> nat, BehaviorSet mapping, BehaviorSet filtering) {
  return {.local = endpoint("192.168.1.5:40000"),
          .mapped = endpoint("203.0.113.7:40000"),
          .nat = nat,
          .mapping = mapping,
          .filtering = filtering,
          .port_preserved = true};
}

inline probe::Report report_of(const probe::FamilyReport& ipv4) {
  return {.udp = probe::UdpState::ok,
          .servers = {{.name = "stun.example:3478",
                       .address = endpoint("198.51.100.1:3478"),
                       .rtt = 50213456ns,
                       .behavior_discovery = true}},
          .ipv4 = ipv4,
          .ipv6 = std::nullopt,
          .evidence = {{"ipv4.filtering", "silence-after-receipts", "2 receipts, no answer within 40 ms"}},
          .elapsed = 142500us,
          .packets_sent = 14};
}

/// A home router: one port for all, only who was asked may answer.
inline probe::Report port_restricted() {
  return report_of(family(true, Behavior::endpoint_independent, Behavior::address_and_port_dependent));
}

inline probe::Report silent() {
  return {.servers = {{.name = "198.51.100.1",
                       .address = endpoint("198.51.100.1:3478"),
                       .rtt = {},
                       .loss = {},
                       .behavior_discovery = {}}},
          .ipv4 = probe::FamilyReport{},
          .ipv6 = std::nullopt,
          .evidence = {{"udp", "no-answer", "no server answered, neither over UDP nor over TCP"}},
          .elapsed = 2s,
          .packets_sent = 3};
}

inline probe::Report blocked() {
  auto report = silent();
  report.udp = probe::UdpState::blocked;
  report.evidence = {{"udp", "tcp-only", "198.51.100.1:3478 answers over TCP, not over UDP"}};
  return report;
}

/// Every kind of event, with and without its optional parts.
inline probe::Trace sample_trace() {
  const stun::TransactionId first{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
  const stun::TransactionId second{{0xFF, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xFE}};
  const stun::TransactionId large{{0xFF, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xFD}};
  const stun::TransactionId short_lived{{0xFF, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xFC}};
  const auto server = endpoint("198.51.100.1:3478");
  const auto local = endpoint("192.168.1.5:40000");
  using probe::Question;
  probe::Trace trace;
  trace.servers = {{.name = "stun.example", .address = server},
                   {.name = "v6", .address = endpoint("[2001:db8::1]:3478")}};
  trace.events = {
      probe::Sent{0ns, SocketId{1}, Question::mapping, 0, server, first},
      probe::Sent{1ns, SocketId{2}, Question::filtering, 0, server, second},
      probe::SendFailed{15ms, SocketId{3}, Question::tcp_control, endpoint("[2001:db8::1]:3478"),
                        "Network is unreachable"},
      probe::Received{50000001ns, SocketId{1}, server, local, first, endpoint("203.0.113.7:40000"),
                      endpoint("198.51.100.2:3479"), endpoint("198.51.100.1:3478"), std::uint16_t{3479}, std::nullopt},
      probe::Received{50000002ns, SocketId{2}, server, local, second, {}, {}, {}, {}, std::uint16_t{420}},
      probe::Sent{.at = 50000003ns,
                  .socket = SocketId{4},
                  .question = Question::path_mtu,
                  .server = 0,
                  .to = server,
                  .id = large,
                  .size = 1500},
      probe::SendFailed{.at = 50000003ns,
                        .socket = SocketId{4},
                        .question = Question::path_mtu,
                        .to = server,
                        .why = "Message too long",
                        .id = large},
      probe::Sent{.at = 50000003ns,
                  .socket = SocketId{5},
                  .question = Question::hop,
                  .server = 0,
                  .to = server,
                  .id = short_lived,
                  .hop_limit = 1},
      probe::Expired{
          .at = 50000003ns, .socket = SocketId{5}, .to = server, .router = endpoint("192.168.1.1:0").address},
      probe::Received{.at = 50000003ns,
                      .socket = SocketId{1},
                      .from = server,
                      .local = local,
                      .id = first,
                      .receipt = endpoint("198.51.100.2:0"),
                      .is_same_unmasked = true,
                      .reach = stun::ReachState::under_way},
      probe::Ended{92123456789ns},
  };
  return trace;
}
}  // namespace natkit::test
