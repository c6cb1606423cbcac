#include "natkit/base/host_port.hpp"

#include "catch.hpp"

using namespace natkit;

TEST_CASE("A server is a name or an address, with or without a port", "[host_port]") {
  CHECK(parse_host_port("stun.example.org", 3478) == HostPort{"stun.example.org", 3478});
  CHECK(parse_host_port("stun.example.org:19302", 3478) == HostPort{"stun.example.org", 19302});
  CHECK(parse_host_port("192.0.2.1", 3478) == HostPort{"192.0.2.1", 3478});
  CHECK(parse_host_port("[2001:db8::1]:99", 3478) == HostPort{"2001:db8::1", 99});
  for (const auto* wrong :
       {"", ":3478", "host:", "host:x", "host:65536", "two words", "192.0.2", "256.1.1.1", "-x", "a:b:1"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_host_port(wrong, 3478));
  }
}
