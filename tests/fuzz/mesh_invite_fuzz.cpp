// Any text as an invite: what is read is written as text that says the same. And any text as places of a member.
#include "fuzz/fuzz.hpp"
#include "natkit/base/base64.hpp"
#include "natkit/crypto/crc32.hpp"
#include "natkit/mesh/invite.hpp"
#include "natkit/mesh/place.hpp"

using namespace natkit;
using namespace natkit::mesh;

namespace {
void read(std::string_view text) {
  const auto invite = parse_invite(text);
  if (!invite) return;
  fuzz::must_hold(!invite->entries.empty());
  fuzz::must_hold(parse_invite(write_invite(*invite)) == *invite);
}
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes{data, size};
  const auto text = as_text(bytes);
  read(text);
  // A checksum is beyond guessing: as content that has the right one.
  Bytes summed(bytes.begin(), bytes.end());
  ByteWriter{summed}.write_u32(crypto::crc32({bytes}));
  auto encoded = to_base64(summed);
  for (auto& c : encoded) c = c == '+' ? '-' : c == '/' ? '_' : c;
  encoded.resize(encoded.find_last_not_of('=') + 1);
  read("natkit:" + encoded);
  const auto places = parse_places(text);
  fuzz::must_hold(places.size() <= most_places && parse_places(write_places(places)) == places);
  return 0;
}
