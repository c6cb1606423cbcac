// Any answers to a client that allocates, permits, binds and sends, over UDP or a stream: it stays within its bounds,
// its deadlines lie ahead once they were handed in, and it ends when its time is over.
//
// The first byte chooses the transport. Then a row of steps: a byte for what happens, two for how long the bytes are,
// and the bytes. Answers to its own requests are written here, signed or not, around attributes from the input.
#include <algorithm>
#include <array>
#include <chrono>
#include <deque>

#include "fuzz/fuzz.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/stun/integrity.hpp"
#include "natkit/turn/channel_data.hpp"
#include "natkit/turn/client.hpp"

using namespace natkit;
using namespace natkit::stun;
using namespace std::chrono_literals;
using fuzz::must_hold;

namespace {
Endpoint at(std::string_view text) { return *parse_endpoint(text); }

class World {
 public:
  explicit World(Protocol protocol)
      : client_({.server = {protocol, at("198.51.100.1:3478")},
                 .credentials = turn::Credentials{"alice", "secret"},
                 .families = turn::RelayedFamilies::both,
                 .peers = {.most_peers = 4, .datagrams_before_channel = 1},
                 .most_early = 4},
                rng_) {
    client_.start(now_);
    settle();
  }

  void step(std::uint8_t what, ByteView bytes) {
    switch (what % 8) {
      case 0:
        receive({bytes.begin(), bytes.end()});
        break;
      case 1:
      case 2:
        answer(what % 8 == 1 ? MessageClass::success : MessageClass::error, bytes);
        break;
      case 3:
        client_.send(now_, peers_.at(what / 8 % peers_.size()), bytes);
        break;
      case 4:
        client_.permit(now_, peers_.at(what / 8 % peers_.size()).address);
        break;
      case 5:
        client_.bind_channel(now_, peers_.at(what / 8 % peers_.size()));
        break;
      case 6:
        pass(std::chrono::seconds{bytes.empty() ? 1 : bytes[0]});
        break;
      default:
        if (what > 240) client_.close(now_);
        if (what < 16)
          client_.handle_send_failure(now_, {.protocol = Protocol::udp, .remote = client_.server().endpoint}, "no");
    }
    settle();
  }

  /// Without further answers it comes to an end by itself: in a day at most, for which it may go on asking about a
  /// peer. So after a while the rest of that day passes in one step.
  void finish() {
    settle_through(5000);
    now_ += 25h;
    settle_through(5000);
    must_hold(!client_.poll_timeout());
    must_hold(client_.state() == turn::Client::State::failed || client_.state() == turn::Client::State::closed);
    must_hold((client_.state() == turn::Client::State::failed) == (client_.failure() != nullptr));
  }

 private:
  void settle_through(int steps) {
    for (int i = 0; i < steps && client_.poll_timeout(); ++i) {
      must_hold(*client_.poll_timeout() < now_ + 48h);
      now_ = std::max(now_, *client_.poll_timeout());
      client_.handle_timeout(now_);
      settle();
      must_hold(!client_.poll_timeout() || *client_.poll_timeout() > now_);
    }
  }

  void receive(Bytes payload) {
    const auto& [protocol, server] = client_.server();
    client_.handle_datagram(now_, {.protocol = protocol, .remote = server, .payload = std::move(payload)});
  }

  void answer(MessageClass message_class, ByteView bytes) {
    if (asked_.empty()) return;
    const auto request = asked_.front();
    asked_.pop_front();
    const auto parsed = parse_message(request);
    MessageWriter writer{message_class, parsed->method(), parsed->transaction_id()};
    ByteReader reader{bytes};
    const auto sign = reader.read_u8().value_or(0);
    for (int i = 0; i < 8; ++i) {
      const auto type = reader.read_u16();
      const auto length = reader.read_u8();
      const auto value = length ? reader.read_bytes(std::min<std::size_t>(*length, reader.remaining())) : std::nullopt;
      if (!type || !value) break;
      writer.add(static_cast<AttributeType>(*type), *value);
    }
    const auto realm = parsed->text(AttributeType::realm);
    if (sign % 2 == 1 && realm && realm->size() < 800)
      writer.add_message_integrity(*long_term_key_md5("alice", *realm, "secret"));
    receive(writer.finish());
  }

  void pass(Duration time) {
    const auto end = now_ + time;
    for (int i = 0; i < 1000 && client_.poll_timeout() && *client_.poll_timeout() <= end; ++i) {
      now_ = std::max(now_, *client_.poll_timeout());
      client_.handle_timeout(now_);
      settle();
      must_hold(!client_.poll_timeout() || *client_.poll_timeout() > now_);
    }
    now_ = std::max(now_, end);
  }

  void settle() {
    std::size_t sent = 0;
    while (const auto out = client_.poll_transmit()) {
      must_hold(++sent < 1000 && out->remote == client_.server().endpoint);
      const auto message = parse_message(out->payload);
      must_hold(message || turn::parse_channel_data(out->payload));
      if (!message || message->message_class() != MessageClass::request) continue;
      asked_.push_back(out->payload);
      if (asked_.size() > 64) asked_.pop_front();
    }
    while (const auto received = client_.poll_received()) must_hold(received->payload.size() <= 65556);
    while (client_.poll_refusal()) {
    }
  }

  SeededRng rng_{3};
  Instant now_{1h};
  turn::Client client_;
  std::array<Endpoint, 6> peers_{at("192.0.2.1:1"), at("192.0.2.1:2"), at("192.0.2.2:1"),
                                 at("192.0.2.3:1"), at("192.0.2.4:1"), at("[2001:db8::7]:1")};
  std::deque<Bytes> asked_;
};
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  World world{data[0] % 2 == 0 ? Protocol::udp : Protocol::tcp};
  ByteReader reader{ByteView{data + 1, size - 1}};
  for (int steps = 0; steps < 64; ++steps) {
    const auto what = reader.read_u8();
    const auto length = reader.read_u16();
    if (!length) break;
    world.step(*what, *reader.read_bytes(std::min<std::size_t>(*length, reader.remaining())));
  }
  world.finish();
  return 0;
}
