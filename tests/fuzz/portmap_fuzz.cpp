// Any bytes as every message of port mapping: what is accepted is written and read again to the same.
#include "fuzz/fuzz.hpp"
#include "natkit/portmap/igd.hpp"
#include "natkit/portmap/journal.hpp"
#include "natkit/portmap/natpmp.hpp"
#include "natkit/portmap/pcp.hpp"
#include "natkit/portmap/ssdp.hpp"
#include "natkit/portmap/url.hpp"

using namespace natkit;
using namespace natkit::portmap;
using fuzz::must_hold;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView rest{data + 1, size - 1};
  switch (data[0] % 8) {
    case 0:
      if (const auto parsed = pcp::parse_request(rest))
        must_hold(pcp::parse_request(pcp::write_request(*parsed)) == parsed);
      break;
    case 1:
      if (const auto parsed = pcp::parse_response(rest)) {
        const auto again = pcp::parse_response(pcp::write_response(*parsed));
        must_hold(again && again->result == parsed->result && again->operation == parsed->operation);
      }
      break;
    case 2:
      if (const auto parsed = natpmp::parse_request(rest))
        must_hold(natpmp::parse_request(natpmp::write_request(*parsed)) == parsed);
      break;
    case 3:
      if (const auto parsed = natpmp::parse_response(rest))
        must_hold(natpmp::parse_response(natpmp::write_response(*parsed)) == parsed);
      break;
    case 4:
      if (const auto parsed = ssdp::parse_message(rest)) {
        must_hold(parsed->location.size() <= ssdp::longest_message);
        if (const auto url = parse_url(parsed->location)) must_hold(url->path.starts_with('/'));
      }
      static_cast<void>(parse_url_on(as_text(rest), *parse_ip_address("192.0.2.1")));
      break;
    case 5:
      if (const auto parsed = igd::parse_call(rest)) {
        const auto wire = igd::write_call(*parsed);
        const auto again = igd::parse_call(wire);
        must_hold(again && igd::write_call(*again) == wire);
      }
      break;
    case 6:
      if (const auto parsed = igd::parse_reply(rest)) {
        const auto wire = igd::write_reply(*parsed);
        const auto again = igd::parse_reply(wire);
        must_hold(again && igd::write_reply(*again) == wire);
      }
      break;
    default:
      if (const auto parsed = parse_entry(as_text(rest))) {
        const auto line = write_entry(*parsed);
        const auto again = parse_entry(line);
        must_hold(again && write_entry(*again) == line);
      }
  }
  return 0;
}
