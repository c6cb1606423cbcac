#pragma once
// A responder, the people who ask it, and what they get.
#include <vector>

#include "catch.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/stun/receipt.hpp"
#include "natkit/stun/responder.hpp"

namespace natkit::test {
inline Endpoint endpoint(std::string_view text) { return parse_endpoint(text).value(); }

inline stun::Responder::Listener listener(std::uint32_t socket, std::string_view at,
                                          Protocol protocol = Protocol::udp) {
  return {.socket = SocketId{socket}, .endpoint = endpoint(at), .protocol = protocol};
}

// Sockets 0 to 3 are A:P1, A:P2, B:P1, B:P2; 4 to 7 the same over IPv6.
inline stun::Responder::Config complete() {
  return {.listeners = {listener(0, "192.0.2.1:3478"), listener(1, "192.0.2.1:3479"), listener(2, "198.51.100.1:3478"),
                        listener(3, "198.51.100.1:3479"), listener(4, "[2001:db8:a::1]:3478"),
                        listener(5, "[2001:db8:a::1]:3479"), listener(6, "[2001:db8:b::1]:3478"),
                        listener(7, "[2001:db8:b::1]:3479")}};
}
inline stun::Responder::Config one_address() {
  return {.listeners = {listener(0, "192.0.2.1:3478"), listener(1, "192.0.2.1:3479")}};
}
inline stun::Responder::Config one_socket() { return {.listeners = {listener(0, "192.0.2.1:3478")}}; }

struct Server {
  explicit Server(stun::Responder::Config config) : machine(std::move(config), rng) {}

  std::vector<Datagram> ask(const Bytes& payload, const Endpoint& from, std::uint32_t socket = 0,
                            Protocol protocol = Protocol::udp) {
    machine.handle_datagram(now,
                            {.socket = SocketId{socket}, .protocol = protocol, .remote = from, .payload = payload});
    std::vector<Datagram> answers;
    while (auto next = machine.poll_transmit()) answers.push_back(std::move(*next));
    return answers;
  }

  SeededRng rng{7};
  stun::Responder machine;
  Instant now{};
};

inline stun::TransactionId some_id() {
  stun::TransactionId id;
  id.bytes.fill(0x5a);
  return id;
}
inline stun::MessageWriter request(std::uint32_t cookie = stun::magic_cookie) {
  return {stun::MessageClass::request, stun::Method::binding, some_id(), cookie};
}
constexpr std::uint32_t classic_cookie = 0x01020304;  // RFC 3489: just the first bytes of a longer transaction id

inline stun::Message parsed(const Datagram& datagram) { return stun::parse_message(datagram.payload).value(); }
}  // namespace natkit::test
