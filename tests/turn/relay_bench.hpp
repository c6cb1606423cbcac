#pragma once
// A relay on a workbench: requests go in as bytes, from any address and at any time, and what comes out is looked at
// one by one. Its sockets open at once, unless the test says that they do not.
#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "catch.hpp"
#include "literals.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/stun/integrity.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/turn/channel_data.hpp"
#include "natkit/turn/relay.hpp"

namespace natkit::test {
using namespace std::chrono_literals;
using namespace natkit::stun;

inline const Endpoint listener = "198.51.100.1:3478"_ep;
inline const Endpoint somebody = "203.0.113.7:5000"_ep;
inline const Endpoint a_peer = "192.0.2.9:4000"_ep;
inline constexpr std::string_view secret = "north";
inline constexpr turn::UnixTime today{std::chrono::seconds{1'800'000'000}};

inline turn::Relay::Config plain_relay() {
  turn::Relay::Config config;
  config.gate.secrets = {std::string{secret}};
  config.addresses = {{"198.51.100.1"_ip, "198.51.100.1"_ip}, {"2001:db8::1"_ip, "2001:db8::1"_ip}};
  return config;
}

class RelayBench {
 public:
  explicit RelayBench(turn::Relay::Config config = plain_relay()) : relay(std::move(config), rng_) {
    relay.tell_time(now, today);
  }

  /// Hands it in; what the relay sends in turn stands in `out`.
  void receive(const Endpoint& from, Bytes payload, SocketId socket = {}, Protocol protocol = Protocol::udp) {
    relay.handle_datagram(
        now,
        {.socket = socket, .protocol = protocol, .local = listener, .remote = from, .payload = std::move(payload)});
    settle();
  }
  void settle() {
    out.clear();
    while (auto change = relay.poll_socket()) {
      if (const auto* end = std::get_if<SocketEnd>(&*change)) {
        std::erase_if(open, [&](const auto& wish) { return wish.socket == end->socket; });
        continue;
      }
      const auto& wish = std::get<SocketWish>(*change);
      if (failures > 0) {
        --failures;
        relay.handle_socket_failure(now, wish.socket, "Address already in use");
        continue;
      }
      open.push_back(wish);
      relay.handle_socket_opened(now, wish.socket, wish.local);
    }
    while (auto datagram = relay.poll_transmit()) out.push_back(std::move(*datagram));
  }
  void pass(Duration time) {
    const auto end = now + time;
    for (auto due = relay.poll_timeout(); due && *due <= end; due = relay.poll_timeout()) {
      now = *due;
      relay.handle_timeout(now);
      settle();
    }
    now = end;
  }

  MessageWriter request(Method method) { return {MessageClass::request, method, make_transaction_id(rng_)}; }
  MessageWriter allocate_request() {
    auto writer = request(Method::allocate);
    writer.add_u32(AttributeType::requested_transport, 17U << 24U);
    return writer;
  }
  turn::Credentials user(std::string_view id = "alice", std::chrono::seconds left = 1h) const {
    return turn::make_rest_credentials(secret, today + left, id);
  }
  Bytes key_of(const turn::Credentials& who) const { return *long_term_key_md5(who.username, "natkit", who.password); }
  Bytes sign(MessageWriter writer, const turn::Credentials& who, const Endpoint& from) {
    const auto challenge = relay.gate().challenge_for(now, from.address);
    return writer.add_text(AttributeType::username, who.username)
        .add_text(AttributeType::realm, challenge.realm)
        .add_text(AttributeType::nonce, challenge.nonce)
        .add_message_integrity(key_of(who))
        .finish();
  }
  /// Asks signed, and gives the answer, which must be signed as well.
  Message ask(MessageWriter writer, const Endpoint& from = somebody, std::string_view id = "alice",
              Protocol protocol = Protocol::udp) {
    const auto who = user(id);
    receive(from, sign(std::move(writer), who, from), {}, protocol);
    REQUIRE(out.size() == 1);
    CHECK(out[0].remote == from);
    const auto answer = answer_in(out[0]);
    CHECK(verify_message_integrity(answer, key_of(who)) == Integrity::right);
    return answer;
  }
  Message answer_in(const Datagram& datagram) {
    kept_.push_back(datagram.payload);
    const auto message = parse_message(kept_.back());
    REQUIRE(message);
    return *message;
  }
  /// The relayed address of a new allocation.
  Endpoint allocate(const Endpoint& from = somebody, std::string_view id = "alice") {
    const auto answer = ask(allocate_request(), from, id);
    REQUIRE(answer.message_class() == MessageClass::success);
    return *answer.endpoint(AttributeType::xor_relayed_address);
  }
  Message permit(std::vector<Endpoint> peers, const Endpoint& from = somebody, std::string_view id = "alice") {
    auto writer = request(Method::create_permission);
    for (const auto& peer : peers) writer.add_endpoint(AttributeType::xor_peer_address, peer);
    return ask(std::move(writer), from, id);
  }
  Message bind(std::uint16_t channel, const Endpoint& peer, const Endpoint& from = somebody) {
    auto writer = request(Method::channel_bind);
    writer.add_u16(AttributeType::channel_number, channel).add_endpoint(AttributeType::xor_peer_address, peer);
    return ask(std::move(writer), from);
  }
  Bytes send_indication(const Endpoint& peer, ByteView payload) {
    return MessageWriter{MessageClass::indication, Method::send, make_transaction_id(rng_)}
        .add_endpoint(AttributeType::xor_peer_address, peer)
        .add(AttributeType::data, payload)
        .finish();
  }
  [[nodiscard]] SocketId socket_of(const Endpoint& relayed) const {
    const auto found = std::ranges::find_if(open, [&](const auto& wish) { return wish.local.port == relayed.port; });
    REQUIRE(found != open.end());
    return found->socket;
  }

  Instant now{1h};
  std::vector<Datagram> out;
  std::vector<SocketWish> open;
  int failures = 0;  // so many of the next sockets cannot be opened

 private:
  SeededRng rng_{11};
  std::deque<Bytes> kept_;

 public:
  turn::Relay relay;
};

inline bool is_success(const Message& answer) { return answer.message_class() == MessageClass::success; }
}  // namespace natkit::test
