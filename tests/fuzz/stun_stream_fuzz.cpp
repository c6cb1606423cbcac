// Any bytes as a stream: cut at random or fed whole, the same messages come out, none beyond the bound, and a broken
// stream is broken either way.
#include <algorithm>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/stun/stream_framer.hpp"

using namespace natkit;
using namespace natkit::stun;
using fuzz::must_hold;

namespace {
constexpr std::size_t most_bytes = 512;

void take_all(StreamFramer& framer, std::vector<Bytes>& messages) {
  while (auto message = framer.next()) {
    must_hold(message->size() >= header_bytes && message->size() <= most_bytes);
    const auto parsed = parse_message(*message);  // the frame is right, the attributes in it may not be
    must_hold(parsed ? !parsed->is_classic() : parsed.error() == ParseError::bad_attribute);
    messages.push_back(std::move(*message));
  }
}
}  // namespace

// The first byte says how long the pieces are; the rest is the stream.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1U + data[0] % 64U;
  const ByteView stream{data + 1, size - 1};

  StreamFramer whole{most_bytes};
  std::vector<Bytes> expected;
  whole.append(stream);
  take_all(whole, expected);

  StreamFramer cut{most_bytes};
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
