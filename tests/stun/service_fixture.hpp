#pragma once
// A service with a checker, those who ask it, and everything that leaves it.
#include <algorithm>
#include <map>
#include <vector>

#include "natkit/stun/service.hpp"
#include "responder_fixture.hpp"

namespace natkit::test {
inline const Endpoint asker = endpoint("203.0.113.7:40000");

struct CheckingServer {
  explicit CheckingServer(const stun::ReachabilityChecker::Config& checker = {},
                          stun::Responder::Config responder = complete())
      : machine(std::move(responder), checker, rng) {}

  /// What leaves at once; wishes are granted at addresses of the test's choice.
  std::vector<Datagram> drain() {
    while (auto change = machine.poll_socket()) {
      if (auto* wish = std::get_if<SocketWish>(&*change)) {
        wishes.push_back(*wish);
        machine.handle_socket_opened(now, wish->socket, {wish->local.address, 50000});
      } else {
        ended.push_back(std::get<SocketEnd>(*change).socket);
      }
    }
    std::vector<Datagram> out;
    while (auto next = machine.poll_transmit()) out.push_back(std::move(*next));
    return out;
  }
  std::vector<Datagram> receive(const Bytes& payload, const Endpoint& from, SocketId socket = {},
                                Protocol protocol = Protocol::udp) {
    machine.handle_datagram(now, {.socket = socket, .protocol = protocol, .remote = from, .payload = payload});
    return drain();
  }
  /// As a client gets it.
  stun::AddressCookie cookie_for(const Endpoint& from) {
    auto writer = request();
    stun::add_receipt_request(writer, from.address.family(), stun::Fingerprint::none);
    const SocketId socket{from.address.is_v4() ? 0U : 4U};
    return stun::cookie(parsed(receive(writer.finish(), from, socket).at(0))).value();
  }
  std::vector<Datagram> ask(const stun::ReachQuestion& question, const Endpoint& from = asker) {
    const auto payload = stun::write_reach_request(some_id(), from.address.family(), question, cookie_for(from));
    return receive(payload, from, SocketId{from.address.is_v4() ? 0U : 4U});
  }
  /// Time passes, deadline by deadline.
  std::vector<Datagram> pass(Duration time) {
    std::vector<Datagram> all;
    const auto end = now + time;
    while (const auto due = machine.poll_timeout()) {
      if (*due > end) break;
      now = std::max(now, *due);
      machine.handle_timeout(now);
      std::ranges::move(drain(), std::back_inserter(all));
    }
    now = end;
    return all;
  }

  SeededRng rng{7};
  stun::Service machine;
  Instant now{std::chrono::hours{1}};
  std::vector<SocketWish> wishes;
  std::vector<SocketId> ended;
};

inline stun::ReachQuestion question(Protocol protocol, std::uint16_t port, std::uint8_t token = 1) {
  stun::ReachQuestion made{.protocol = protocol, .port = port};
  made.token.fill(token);
  return made;
}
inline bool is_probe(const Datagram& datagram) {
  return parsed(datagram).message_class() == stun::MessageClass::request;
}
inline std::vector<Datagram> probes(const std::vector<Datagram>& all) {
  std::vector<Datagram> found;
  std::ranges::copy_if(all, std::back_inserter(found), is_probe);
  return found;
}
/// Of the last answer among them.
inline std::optional<stun::ReachReport> last_report(const std::vector<Datagram>& all) {
  std::optional<stun::ReachReport> last;
  for (const auto& datagram : all)
    if (auto report = stun::parse_reach_report(parsed(datagram))) last = report;
  return last;
}
}  // namespace natkit::test
