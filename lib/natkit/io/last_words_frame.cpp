#include "natkit/io/last_words_frame.hpp"

#include <algorithm>
#include <limits>

namespace natkit::io {
namespace {
constexpr std::size_t most_words = std::numeric_limits<std::uint8_t>::max();

void write_endpoint(ByteWriter& out, const Endpoint& endpoint) {
  const auto bytes = endpoint.address.bytes();
  out.write_u8(static_cast<std::uint8_t>(bytes.size()));
  out.write_bytes(bytes);
  out.write_u16(endpoint.port);
}

std::optional<Endpoint> read_endpoint(ByteReader& in) {
  const auto length = in.read_u8();
  const auto bytes = length ? in.read_bytes(*length) : std::nullopt;
  const auto address = bytes ? IpAddress::from_bytes(*bytes) : std::nullopt;
  const auto port = address ? in.read_u16() : std::nullopt;
  if (!port) return std::nullopt;
  return Endpoint{*address, *port};
}

Bytes write_word(const LastWord& word) {
  Bytes bytes;
  ByteWriter out{bytes};
  out.write_u8(word.socket);
  out.write_u8(static_cast<std::uint8_t>(word.source));
  out.write_u8(word.datagram.hop_limit);
  write_endpoint(out, word.datagram.local);
  write_endpoint(out, word.datagram.remote);
  out.write_u16(static_cast<std::uint16_t>(word.datagram.payload.size()));
  out.write_bytes(word.datagram.payload);
  return bytes;
}

std::optional<LastWord> read_word(ByteReader& in) {
  LastWord word;
  const auto socket = in.read_u8();
  const auto source = in.read_u8();
  const auto hop_limit = in.read_u8();
  if (!hop_limit) return std::nullopt;
  const auto local = read_endpoint(in);
  const auto remote = local ? read_endpoint(in) : std::nullopt;
  const auto length = remote ? in.read_u16() : std::nullopt;
  const auto payload = length ? in.read_bytes(*length) : std::nullopt;
  if (!payload) return std::nullopt;
  word.socket = *socket;
  word.source = static_cast<Source>(*source);
  word.datagram = {
      .local = *local, .remote = *remote, .hop_limit = *hop_limit, .payload = {payload->begin(), payload->end()}};
  return word;
}
}  // namespace

Bytes write_last_words(const std::vector<LastWord>& words, std::size_t largest) {
  Bytes frame(1);
  for (const auto& word : words) {
    const auto bytes = write_word(word);
    const bool is_cut = word.datagram.payload.size() > std::numeric_limits<std::uint16_t>::max();
    if (is_cut || frame.size() + bytes.size() > largest || frame.front() == most_words) break;
    frame.insert(frame.end(), bytes.begin(), bytes.end());
    ++frame.front();
  }
  return frame;
}

std::vector<LastWord> parse_last_words(ByteView frame) {
  ByteReader in{frame};
  std::vector<LastWord> words;
  for (auto left = in.read_u8().value_or(0); left > 0; --left) {
    auto word = read_word(in);
    if (!word) break;
    words.push_back(std::move(*word));
  }
  return words;
}
}  // namespace natkit::io
