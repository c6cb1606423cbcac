// Any bytes as a stream of STUN and ChannelData: cut at random or fed whole, the same messages come out, none beyond
// the bound, the first of them STUN, and a broken stream is broken either way.
#include <algorithm>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/turn/channel_data.hpp"
#include "natkit/turn/stream_framer.hpp"

using namespace natkit;
using fuzz::must_hold;

namespace {
constexpr std::size_t most_bytes = 512;

void check_message(ByteView message, bool is_first) {
  must_hold(!message.empty() && message.size() <= most_bytes);
  if (const auto data = turn::parse_channel_data(message)) {
    must_hold(!is_first && data->payload.size() + turn::channel_header_bytes == message.size());
    must_hold(
        turn::parse_channel_data(turn::write_channel_data(data->channel, data->payload, Protocol::tcp)).has_value());
    return;
  }
  const auto parsed = stun::parse_message(message);  // the frame is right, the attributes in it may not be
  must_hold(parsed ? !parsed->is_classic() : parsed.error() == stun::ParseError::bad_attribute);
}

void take_all(turn::StreamFramer& framer, std::vector<Bytes>& messages) {
  while (const auto message = framer.next()) {
    check_message(*message, messages.empty());
    messages.emplace_back(message->begin(), message->end());
  }
}
}  // namespace

// The first byte says how long the pieces are; the rest is the stream.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1U + data[0] % 64U;
  const ByteView stream{data + 1, size - 1};

  turn::StreamFramer whole{most_bytes};
  std::vector<Bytes> expected;
  whole.append(stream);
  take_all(whole, expected);

  turn::StreamFramer cut{most_bytes};
  std::vector<Bytes> messages;
  for (auto rest = stream; !rest.empty();) {
    const auto next = rest.first(std::min(piece, rest.size()));
    cut.append(next);
    take_all(cut, messages);
    rest = rest.subspan(next.size());
  }
  must_hold(messages == expected);
  must_hold(cut.is_broken() == whole.is_broken());
  return 0;
}
