#include "natkit/ice/stream_frames.hpp"

#include "catch.hpp"

using namespace natkit;
using namespace natkit::ice;

namespace {
std::vector<Bytes> take_all(FrameReader& reader) {
  std::vector<Bytes> all;
  while (auto packet = reader.next()) all.push_back(std::move(*packet));
  return all;
}
}  // namespace

TEST_CASE("A packet travels behind its length", "[stream_frames]") {
  CHECK(write_frame(Bytes{7, 8, 9}) == Bytes{0, 3, 7, 8, 9});
  CHECK(write_frame(Bytes(258, 1)).at(0) == 1);
  CHECK(write_frame(Bytes(65536, 1)).empty());
}

TEST_CASE("Packets come out whole, however the stream was cut", "[stream_frames]") {
  const std::vector<Bytes> packets{{1}, {2, 3, 4}, Bytes(300, 5), {6, 7}};
  Bytes stream;
  for (const auto& packet : packets) {
    const auto framed = write_frame(packet);
    stream.insert(stream.end(), framed.begin(), framed.end());
    stream.insert(stream.end(), {0, 0});  // an empty one, to be passed over
  }
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    FrameReader reader;
    std::vector<Bytes> heard;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      reader.append(ByteView{stream}.subspan(at, std::min(step, stream.size() - at)));
      for (auto& packet : take_all(reader)) heard.push_back(std::move(packet));
    }
    REQUIRE(heard == packets);
  }
}

TEST_CASE("A packet that is longer than allowed breaks the stream for good", "[stream_frames]") {
  FrameReader reader{1500};
  reader.append(write_frame(Bytes(1500, 1)));
  CHECK(take_all(reader).size() == 1);
  reader.append(Bytes{0x16, 3});  // the beginning of TLS, say
  CHECK_FALSE(reader.next());
  CHECK(reader.is_broken());
  reader.append(write_frame(Bytes{1}));
  CHECK_FALSE(reader.next());
}
