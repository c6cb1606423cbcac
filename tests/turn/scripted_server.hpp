#pragma once
// A relay for tests that says what the test tells it to: the client's requests come out parsed, the answers are written
// by hand. What both machines do together is tested with our own relay (relay_test.cpp).
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "catch.hpp"
#include "literals.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/stun/integrity.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/turn/channel_data.hpp"
#include "natkit/turn/client.hpp"

namespace natkit::test {
using namespace std::chrono_literals;
using namespace natkit::stun;

inline const Endpoint relay_address = "198.51.100.1:3478"_ep;
inline const Endpoint relayed_address = "198.51.100.1:50000"_ep;
inline const Endpoint peer = "203.0.113.9:4000"_ep;
inline const turn::Credentials alice{"alice", "secret"};

class ScriptedServer {
 public:
  explicit ScriptedServer(turn::Client::Config config = {}) {
    config.server.endpoint = config.server.endpoint.port == 0 ? relay_address : config.server.endpoint;
    client = std::make_unique<turn::Client>(std::move(config), rng_);
  }
  /// A client with a name and password.
  static ScriptedServer for_alice(turn::Client::Config config = {}) {
    config.credentials = alice;
    return ScriptedServer{std::move(config)};
  }

  /// What has left the client since the last time.
  std::vector<Datagram> sent() {
    std::vector<Datagram> all;
    while (auto datagram = client->poll_transmit()) all.push_back(std::move(*datagram));
    return all;
  }
  /// The same, where it is one message; it lives until the next call.
  Message request() {
    const auto all = sent();
    REQUIRE(all.size() == 1);
    return parsed(all.front());
  }
  Message parsed(const Datagram& datagram) {
    kept_.push_back(datagram.payload);
    const auto message = parse_message(kept_.back());
    REQUIRE(message);
    return *message;
  }
  void pass(Duration time) { now += time; }
  /// Lets time pass from deadline to deadline, as a driver does.
  void run_until(Instant end) {
    for (auto due = client->poll_timeout(); due && *due <= end; due = client->poll_timeout()) {
      now = std::max(now, *due);
      client->handle_timeout(now);
    }
    now = end;
  }

  void receive(Bytes payload) {
    client->handle_datagram(
        now,
        {.protocol = client->server().protocol, .remote = client->server().endpoint, .payload = std::move(payload)});
  }
  static Bytes key() { return *long_term_key_md5(alice.username, "north.example", alice.password); }

  void challenge(const Message& request, std::uint16_t code = 401, std::string_view nonce = "n-1") {
    receive(answer_to(request, MessageClass::error)
                .add_error(code, "")
                .add_text(AttributeType::realm, "north.example")
                .add_text(AttributeType::nonce, nonce)
                .finish());
  }
  void refuse(const Message& request, std::uint16_t code) {
    receive(answer_to(request, MessageClass::error).add_error(code, "no").add_message_integrity(key()).finish());
  }
  void allow(const Message& request) {
    receive(answer_to(request, MessageClass::success).add_message_integrity(key()).finish());
  }
  void grant(const Message& allocate, std::uint32_t lifetime = 600) {
    receive(answer_to(allocate, MessageClass::success)
                .add_endpoint(AttributeType::xor_relayed_address, relayed_address)
                .add_endpoint(AttributeType::xor_mapped_address, "203.0.113.1:1234"_ep)
                .add_u32(AttributeType::lifetime, lifetime)
                .add_message_integrity(key())
                .finish());
  }
  static MessageWriter answer_to(const Message& request, MessageClass message_class) {
    return {message_class, request.method(), request.transaction_id()};
  }
  /// Up to a standing allocation.
  void allocate() {
    client->start(now);
    challenge(request());
    grant(request());
    REQUIRE(client->state() == turn::Client::State::ready);
  }

  Instant now{};
  std::unique_ptr<turn::Client> client;

 private:
  SeededRng rng_{7};
  std::deque<Bytes> kept_;
};
}  // namespace natkit::test
