// Any line into the parser; what it takes is written and read again to the same.
#include "fuzz/fuzz.hpp"
#include "natkit/rendezvous/line_splitter.hpp"
#include "natkit/rendezvous/message.hpp"

using namespace natkit;
using namespace natkit::rendezvous;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  LineSplitter splitter{2048};
  splitter.append(ByteView{data, size});
  while (const auto line = splitter.next()) {
    const auto message = parse_message(*line);
    if (!message) continue;
    auto written = write_message(*message);
    must_hold(written.ends_with('\n'));
    written.pop_back();
    must_hold(written.find('\n') == std::string::npos);
    const auto again = parse_message(written);
    must_hold(again && again->index() == message->index());
    must_hold(write_message(*again) == written + "\n");
  }
  return 0;
}
