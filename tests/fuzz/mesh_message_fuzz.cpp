// Any bytes as a message of the mesh: what is read is written as the same bytes. Of a request in another version of the
// protocol the version is all that is read; what it begins with is written as the same bytes.
#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "natkit/mesh/message.hpp"

using namespace natkit;
using namespace natkit::mesh;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes{data, size};
  const auto read = parse_message(bytes);
  if (!read) return 0;
  SessionId session;
  for (std::size_t i = 0; i < 4; ++i) session.bytes.at(i) = static_cast<std::uint8_t>(read->session >> (24 - 8 * i));
  const auto written = write_message(session, read->message);
  const auto* request = std::get_if<JoinRequest>(&read->message);
  const bool is_foreign = request && request->version != protocol_version;
  fuzz::must_hold(std::ranges::equal(written, is_foreign ? bytes.first(std::min(written.size(), size)) : bytes));
  return 0;
}
