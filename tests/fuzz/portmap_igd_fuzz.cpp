// Any bytes as what travels between us and the child that speaks to gateways: what is accepted is written and read
// again to the same. The child reads strangers' XML, so it is not to be trusted either.
#include "fuzz/fuzz.hpp"
#include "natkit/portmap/igd.hpp"

using namespace natkit;
using namespace natkit::portmap;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes{data, size};
  if (const auto call = igd::parse_call(bytes)) {
    const auto wire = igd::write_call(*call);
    const auto again = igd::parse_call(wire);
    must_hold(wire.size() == size && again && igd::write_call(*again) == wire);
  }
  if (const auto reply = igd::parse_reply(bytes)) {
    const auto wire = igd::write_reply(*reply);
    const auto again = igd::parse_reply(wire);
    must_hold(wire.size() == size && again && igd::write_reply(*again) == wire);
  }
  return 0;
}
