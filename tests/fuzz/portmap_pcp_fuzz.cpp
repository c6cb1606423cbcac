// Any bytes as a PCP message: what is accepted is written and read again to the same, and is no longer than it came.
#include "fuzz/fuzz.hpp"
#include "natkit/portmap/pcp.hpp"

using namespace natkit;
using namespace natkit::portmap;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes{data, size};
  const auto request = pcp::parse_request(bytes);
  const auto response = pcp::parse_response(bytes);
  must_hold(!request || !response);  // a message has one direction
  if (request) {
    const auto wire = pcp::write_request(*request);
    must_hold(wire.size() <= size && wire.size() <= pcp::longest_message && wire.size() % 4 == 0);
    must_hold(pcp::parse_request(wire) == request);
  }
  if (response) {
    const auto wire = pcp::write_response(*response);
    must_hold(wire.size() % 4 == 0);
    must_hold(pcp::parse_response(wire) == response);
  }
  return 0;
}
