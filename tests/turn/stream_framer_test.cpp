#include "natkit/turn/stream_framer.hpp"

#include <algorithm>
#include <vector>

#include "catch.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/turn/channel_data.hpp"

using namespace natkit;

namespace {
/// `on_wire` has the filler that `message` lacks.
struct Piece {
  Bytes message;
  Bytes on_wire;
};

Piece any_message(Rng& rng) {
  const Bytes payload(rng.below(300), 0x2A);
  if (rng.chance(0.5)) {
    const auto channel = static_cast<std::uint16_t>(turn::first_channel + rng.below(0x1000));
    return {turn::write_channel_data(channel, payload, Protocol::udp),
            turn::write_channel_data(channel, payload, Protocol::tcp)};
  }
  const auto message =
      stun::MessageWriter{stun::MessageClass::indication, stun::Method::send, stun::make_transaction_id(rng)}
          .add(stun::AttributeType::data, payload)
          .finish();
  return {message, message};
}

/// As every client begins: a channel has to be asked for.
Bytes greeting(Rng& rng) {
  return stun::MessageWriter{stun::MessageClass::request, stun::Method::allocate, stun::make_transaction_id(rng)}
      .finish();
}

std::vector<Bytes> feed(turn::StreamFramer& framer, ByteView piece) {
  framer.append(piece);
  std::vector<Bytes> messages;
  while (const auto message = framer.next()) messages.emplace_back(message->begin(), message->end());
  return messages;
}
}  // namespace

TEST_CASE("STUN and ChannelData come out of a stream as they went in, wherever it was cut", "[stream_framer]") {
  SeededRng rng{5};
  for (int run = 0; run < 300; ++run) {
    std::vector<Bytes> sent{greeting(rng)};
    Bytes stream{sent.front()};
    for (std::uint64_t i = rng.below(8); i-- > 0;) {
      const auto [message, on_wire] = any_message(rng);
      sent.push_back(message);
      stream.insert(stream.end(), on_wire.begin(), on_wire.end());
    }
    turn::StreamFramer framer;
    std::vector<Bytes> received;
    for (ByteView rest{stream}; !rest.empty();) {
      const auto piece = rest.first(std::min<std::size_t>(rest.size(), 1 + rng.below(90)));
      for (auto& message : feed(framer, piece)) received.push_back(std::move(message));
      rest = rest.subspan(piece.size());
    }
    CHECK_FALSE(framer.is_broken());
    CHECK(received == sent);
  }
}

TEST_CASE("A stream that is neither STUN nor ChannelData is known by its first wrong byte", "[stream_framer]") {
  const auto is_broken = [](std::string_view hex) {
    turn::StreamFramer framer;
    CHECK(feed(framer, *from_hex(hex)).empty());
    return framer.is_broken();
  };
  CHECK(is_broken("47"));                // HTTP
  CHECK(is_broken("53"));                // SSH
  CHECK(is_broken("7b22"));              // JSON
  CHECK(is_broken("4000"));              // a channel that nobody asked for
  CHECK(is_broken("000100002112a443"));  // not the magic cookie
  CHECK(is_broken("00010003"));          // STUN is counted in words
  CHECK_FALSE(is_broken("0001"));
}

TEST_CASE("What is no channel breaks a stream later on, too", "[stream_framer]") {
  SeededRng rng{1};
  turn::StreamFramer framer;
  CHECK(feed(framer, greeting(rng)).size() == 1);
  CHECK(feed(framer, *from_hex("7fff0000")).size() == 1);
  CHECK(feed(framer, *from_hex("80")).empty());
  CHECK(framer.is_broken());
}

TEST_CASE("A message longer than the bound breaks the stream before it is kept", "[stream_framer]") {
  const auto [hex, is_broken] = GENERATE(table<std::string, bool>({{"400005d8", false}, {"400005d9", true}}));
  SeededRng rng{1};
  turn::StreamFramer framer{1500};  // 1496 and the header
  CHECK(feed(framer, greeting(rng)).size() == 1);
  CHECK(feed(framer, *from_hex(hex)).empty());
  CHECK(framer.is_broken() == is_broken);
  framer.set_most_message_bytes(2000);
  CHECK(feed(framer, Bytes(1496)).size() == (is_broken ? 0 : 1));
}
