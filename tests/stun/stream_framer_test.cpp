#include "natkit/stun/stream_framer.hpp"

#include <vector>

#include "catch.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/stun/message.hpp"

using namespace natkit;
using namespace natkit::stun;

namespace {
Bytes message_with(std::size_t filler, Rng& rng) {
  return MessageWriter{MessageClass::request, Method::binding, make_transaction_id(rng)}
      .add(AttributeType::padding, Bytes(filler))
      .finish();
}

std::vector<Bytes> feed(StreamFramer& framer, ByteView piece) {
  framer.append(piece);
  std::vector<Bytes> messages;
  while (auto message = framer.next()) messages.push_back(std::move(*message));
  return messages;
}
}  // namespace

TEST_CASE("Messages come out of a stream as they went in, wherever it was cut", "[stream_framer]") {
  SeededRng rng{3};
  for (int run = 0; run < 200; ++run) {
    std::vector<Bytes> sent;
    Bytes stream;
    for (std::uint64_t i = rng.below(8); i-- > 0;) {
      sent.push_back(message_with(rng.below(300), rng));
      stream.insert(stream.end(), sent.back().begin(), sent.back().end());
    }
    StreamFramer framer;
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

TEST_CASE("A stream that is no STUN is known by its first wrong bits", "[stream_framer]") {
  const auto [bytes, cut] = GENERATE(table<std::string_view, std::size_t>({
      {"474554", 1},                // "GET": a bit that is zero in STUN
      {"16030100c8", 5},            // a TLS record, whose first bytes could be a method of ours
      {"400100", 1},                // TURN channel data
      {"0001000a", 4},              // a length that is no multiple of four
      {"00011001", 4},              // the same
      {"00011000", 4},              // longer than allowed
      {"0001000021124242", 7},      // the cookie's third byte
      {"000100002112a4420f0f", 0},  // all well
  }));
  StreamFramer framer;
  const auto stream = from_hex(bytes).value();
  std::size_t broken_at = 0;
  for (std::size_t i = 0; i < stream.size() && broken_at == 0; ++i) {
    CHECK(feed(framer, ByteView{stream}.subspan(i, 1)).empty());
    if (framer.is_broken()) broken_at = i + 1;
  }
  CHECK(broken_at == cut);
}

TEST_CASE("A broken stream stays broken, but the whole messages before it count", "[stream_framer]") {
  SeededRng rng{4};
  auto stream = message_with(8, rng);
  const auto good = stream;
  stream.push_back(0xff);
  StreamFramer framer;
  CHECK(feed(framer, stream) == std::vector<Bytes>{good});
  CHECK(framer.is_broken());
  CHECK(feed(framer, good).empty());
}

TEST_CASE("The bound on a message is the one that was asked for", "[stream_framer]") {
  SeededRng rng{5};
  const auto message = message_with(76, rng);  // 100 bytes
  StreamFramer wide{100};
  CHECK(feed(wide, message).size() == 1);
  StreamFramer narrow{99};
  CHECK(feed(narrow, message).empty());
  CHECK(narrow.is_broken());
}
