// Any bytes as an announcement of a stream (RFC 8832): whatever is read is written back to the same bytes.
#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "natkit/channel/dcep.hpp"

using namespace natkit;
using namespace natkit::channel;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes{data, size};
  const auto message = dcep::parse_message(bytes);
  if (!message) return 0;
  const auto written = dcep::write_message(*message);
  must_hold(dcep::parse_message(written) == message);
  if (const auto* open = std::get_if<dcep::Open>(&*message)) {
    must_hold(written.size() == size);
    // A reliable stream's parameter is ignored (§5.1), so it comes back as zero.
    if (!std::holds_alternative<Reliable>(open->options.delivery)) must_hold(std::ranges::equal(written, bytes));
  }
  return 0;
}
