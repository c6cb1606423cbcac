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
    std::vector<Bytes> sent;
    Bytes stream;
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
  CHECK(is_broken("5353"));              // SSH (but HTTP's "GET" might be a channel)
  CHECK(is_broken("000100002112a443"));  // not the magic cookie
  CHECK(is_broken("00010003"));          // STUN is counted in words
  CHECK(is_broken("50000000"));          // channels end at 0x4FFF
  CHECK_FALSE(is_broken("0001"));
  CHECK_FALSE(is_broken("4000ff"));
}

TEST_CASE("A message longer than the bound breaks the stream before it is kept", "[stream_framer]") {
  turn::StreamFramer framer{1500};
  CHECK(feed(framer, *from_hex("400005d8")).empty());  // 1496 and the header
  CHECK_FALSE(framer.is_broken());
  turn::StreamFramer strict{1500};
  CHECK(feed(strict, *from_hex("400005d9")).empty());
  CHECK(strict.is_broken());
}
