// Any datagrams from any client, peers and time between them: the relay stays within its bounds, answers nobody but who
// asked, sends to no peer that is not permitted, and its answer to a stranger is a small one.
//
// The input is a row of steps: a byte for what happens, one for who does it, two for how long the datagram is, and the
// datagram. Signed requests are written here, since no fuzzer guesses an HMAC: for those the datagram is the
// attributes.
#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/stun/integrity.hpp"
#include "natkit/turn/relay.hpp"

using namespace natkit;
using namespace natkit::stun;
using namespace std::chrono_literals;
using fuzz::must_hold;

namespace {
constexpr std::size_t most_allocations = 3;
constexpr std::uint16_t first_port = 50000;
constexpr std::uint16_t last_port = 50007;
constexpr turn::UnixTime today{1'800'000'000s};

Endpoint at(std::string_view text) { return *parse_endpoint(text); }

turn::Relay::Config small_relay() {
  turn::Relay::Config config;
  config.gate.secrets = {"north"};
  config.addresses = {{*parse_ip_address("198.51.100.1"), *parse_ip_address("198.51.100.1")},
                      {*parse_ip_address("2001:db8::1"), *parse_ip_address("2001:db8::1")}};
  config.first_port = first_port;
  config.last_port = last_port;
  config.most_allocations = most_allocations;
  config.most_permissions = 4;
  config.most_channels = 3;
  return config;
}

class World {
 public:
  World() : relay_(small_relay(), rng_) { relay_.tell_time(now_, today); }

  void step(std::uint8_t what, std::uint8_t who, ByteView bytes) {
    const auto& client = clients_.at(who % clients_.size());
    switch (what % 6) {
      case 0:
        return receive(client, Protocol::udp, {bytes.begin(), bytes.end()});
      case 1:
        return receive(client, Protocol::tcp, {bytes.begin(), bytes.end()});
      case 2:
        return receive(client, who % 2 == 0 ? Protocol::udp : Protocol::tcp, signed_request(client, who, bytes));
      case 3:
        return from_peer(who, bytes);
      case 4:
        return pass(std::chrono::seconds{bytes.empty() ? 1 : bytes[0] * 8});
      default:
        relay_.handle_send_failure(now_, {.protocol = Protocol::tcp, .local = listener_, .remote = client}, "gone");
        return settle(client, 0, Protocol::tcp);
    }
  }

 private:
  void receive(const Endpoint& from, Protocol protocol, Bytes payload) {
    const auto size = payload.size();
    relay_.handle_datagram(now_,
                           {.protocol = protocol, .local = listener_, .remote = from, .payload = std::move(payload)});
    settle(from, size, protocol);
  }

  Bytes signed_request(const Endpoint& from, std::uint8_t who, ByteView attributes) {
    constexpr std::array methods{Method::allocate, Method::refresh, Method::create_permission, Method::channel_bind};
    MessageWriter writer{MessageClass::request, methods.at(who / 4 % methods.size()), make_transaction_id(rng_)};
    ByteReader reader{attributes};
    for (int i = 0; i < 8; ++i) {
      const auto type = reader.read_u16();
      const auto length = reader.read_u8();
      const auto value = length ? reader.read_bytes(std::min<std::size_t>(*length, reader.remaining())) : std::nullopt;
      if (!type || !value) break;
      writer.add(static_cast<AttributeType>(*type), *value);
    }
    const auto user = turn::make_rest_credentials("north", today + 24h, who % 3 == 0 ? "alice" : "bob");
    const auto [realm, nonce, algorithms] = relay_.gate().challenge_for(now_, from.address);
    return writer.add_text(AttributeType::username, user.username)
        .add_text(AttributeType::realm, realm)
        .add_text(AttributeType::nonce, nonce)
        .add_message_integrity(*long_term_key_md5(user.username, realm, user.password))
        .finish();
  }

  void from_peer(std::uint8_t who, ByteView bytes) {
    if (open_.empty()) return;
    const auto& socket = open_.at(who % open_.size());
    relay_.handle_datagram(now_, {.socket = socket.socket,
                                  .local = socket.local,
                                  .remote = at(who % 2 == 0 ? "192.0.2.9:4000" : "[2001:db8:7::9]:4000"),
                                  .payload = {bytes.begin(), bytes.end()}});
    settle({}, 0, Protocol::udp);
  }

  void pass(Duration time) {
    now_ += time;
    if (const auto due = relay_.poll_timeout(); due && *due <= now_) relay_.handle_timeout(now_);
    must_hold(!relay_.poll_timeout() || *relay_.poll_timeout() > now_);
    settle({}, 0, Protocol::udp);
  }

  void settle(const Endpoint& asker, std::size_t asked_bytes, Protocol protocol) {
    while (auto change = relay_.poll_socket()) apply(*change);
    while (const auto out = relay_.poll_transmit()) check(*out, asker, asked_bytes, protocol);
    must_hold(relay_.allocations() <= most_allocations);
    must_hold(open_.size() <= 2 * most_allocations);
    must_hold(relay_.allocations() > 0 || (open_.empty() && !relay_.poll_timeout()));
  }

  void apply(const SocketChange& change) {
    if (const auto* end = std::get_if<SocketEnd>(&change)) {
      must_hold(std::erase_if(open_, [&](const auto& wish) { return wish.socket == end->socket; }) == 1);
      return;
    }
    const auto& wish = std::get<SocketWish>(change);
    must_hold(wish.local.port >= first_port && wish.local.port <= last_port);
    must_hold(std::ranges::none_of(open_, [&](const auto& other) { return other.local == wish.local; }));
    if (rng_.chance(0.1)) return relay_.handle_socket_failure(now_, wish.socket, "Address already in use");
    open_.push_back(wish);
    relay_.handle_socket_opened(now_, wish.socket, wish.local);
  }

  void check(const Datagram& out, const Endpoint& asker, std::size_t asked_bytes, Protocol protocol) const {
    const auto to_peer = std::ranges::find(open_, out.socket, &SocketWish::socket);
    if (to_peer != open_.end()) {
      must_hold(turn::PeerRules{}.admits(out.remote.address) && out.remote.port != 0);
      must_hold(out.remote.address != to_peer->local.address);
      return;
    }
    must_hold(std::ranges::find(clients_, out.remote) != clients_.end());
    const auto message = parse_message(out.payload);
    const bool is_answer = message && message->message_class() != MessageClass::indication;
    if (!is_answer) return;
    // Of answers to others only those may come that a socket was waited for, and none of that is unsigned.
    must_hold(out.remote == asker && out.protocol == protocol);
    const bool is_signed = message->find(AttributeType::message_integrity).has_value();
    if (!is_signed) must_hold(out.payload.size() <= std::max<std::size_t>(60, asked_bytes + 60));
  }

  SeededRng rng_{3};
  Instant now_{1h};
  turn::Relay relay_;
  Endpoint listener_ = at("198.51.100.1:3478");
  std::array<Endpoint, 4> clients_{at("203.0.113.7:5000"), at("203.0.113.7:5001"), at("203.0.113.8:5000"),
                                   at("[2001:db8:9::1]:5000")};
  std::vector<SocketWish> open_;
};
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  ByteReader reader{ByteView{data, size}};
  for (int steps = 0; steps < 64; ++steps) {
    const auto what = reader.read_u8();
    const auto who = reader.read_u8();
    const auto length = reader.read_u16();
    if (!length) break;
    const auto bytes = reader.read_bytes(std::min<std::size_t>(*length, reader.remaining()));
    world.step(*what, *who, *bytes);
  }
  return 0;
}
