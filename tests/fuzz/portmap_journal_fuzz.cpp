// Any text as a line of the journal: what is accepted is written and read again to the same, in one line. A fuzzer does
// not guess checksums, so the line is also read with its right one put behind it.
#include <fmt/format.h>

#include "fuzz/fuzz.hpp"
#include "natkit/crypto/crc32.hpp"
#include "natkit/portmap/journal.hpp"

using namespace natkit;
using namespace natkit::portmap;
using fuzz::must_hold;

namespace {
void check(std::string_view text) {
  const auto parsed = parse_entry(text);
  if (!parsed) return;
  const auto line = write_entry(*parsed);
  must_hold(line.find('\n') == std::string::npos && line.find('\0') == std::string::npos);
  const auto again = parse_entry(line);
  must_hold(again && write_entry(*again) == line);
}
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text({data, size});
  check(text);
  const auto body = text.substr(0, text.rfind(" crc="));
  check(fmt::format("{} crc={:08x}", body, crypto::crc32({as_bytes(body)})));
  return 0;
}
