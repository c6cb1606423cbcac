// Any bytes as a stream of framed packets: cut at random or fed whole, the same packets come out, none longer than the
// bound, and a broken stream is broken either way. What we write ourselves comes back.
#include <algorithm>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "natkit/ice/stream_frames.hpp"

using namespace natkit;
using namespace natkit::ice;
using fuzz::must_hold;

namespace {
constexpr std::size_t most_bytes = 512;

void take_all(FrameReader& reader, std::vector<Bytes>& packets) {
  while (auto packet = reader.next()) {
    must_hold(!packet->empty() && packet->size() <= most_bytes);
    packets.push_back(std::move(*packet));
  }
}

struct Read {
  std::vector<Bytes> packets;
  bool is_broken = false;
  bool operator==(const Read&) const = default;
};

Read read(ByteView stream, std::size_t piece) {
  FrameReader reader{most_bytes};
  Read out;
  for (auto rest = stream; !rest.empty();) {
    const auto next = rest.first(std::min(piece, rest.size()));
    reader.append(next);
    take_all(reader, out.packets);
    rest = rest.subspan(next.size());
  }
  out.is_broken = reader.is_broken();
  return out;
}
}  // namespace

// The first byte says how long the pieces are; the rest is the stream.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1U + data[0] % 64U;
  const ByteView stream{data + 1, size - 1};
  const auto whole = read(stream, std::max<std::size_t>(stream.size(), 1));
  must_hold(read(stream, piece) == whole);

  Bytes again;
  for (const auto& packet : whole.packets) {
    const auto frame = write_frame(packet);
    again.insert(again.end(), frame.begin(), frame.end());
  }
  must_hold(read(again, piece).packets == whole.packets);
  return 0;
}
