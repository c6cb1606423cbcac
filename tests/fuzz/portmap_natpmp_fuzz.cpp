// Any bytes as a NAT-PMP message: what is accepted is written and read again to the same.
#include "fuzz/fuzz.hpp"
#include "natkit/portmap/natpmp.hpp"

using namespace natkit;
using namespace natkit::portmap;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes{data, size};
  const auto request = natpmp::parse_request(bytes);
  const auto response = natpmp::parse_response(bytes);
  must_hold(!request || !response);  // a message has one direction
  if (request) {
    const auto wire = natpmp::write_request(*request);
    must_hold(wire.size() <= size);
    must_hold(natpmp::parse_request(wire) == request);
  }
  if (response) {
    const auto wire = natpmp::write_response(*response);
    must_hold(wire.size() <= size);
    must_hold(natpmp::parse_response(wire) == response);
  }
  return 0;
}
