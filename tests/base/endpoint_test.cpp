#include "natkit/base/endpoint.hpp"

#include "catch.hpp"

using namespace natkit;

TEST_CASE("An endpoint is written as the contract says and read back", "[endpoint]") {
  const auto text = GENERATE("192.0.2.1:3478", "[2001:db8::1]:3478", "0.0.0.0:0", "[::]:65535");
  const auto endpoint = parse_endpoint(text);
  REQUIRE(endpoint);
  CHECK(to_text(*endpoint) == text);
}

TEST_CASE("A missing port is the default one where there is one", "[endpoint]") {
  const auto text = GENERATE("192.0.2.1", "2001:db8::1", "[2001:db8::1]");
  CHECK_FALSE(parse_endpoint(text));
  REQUIRE(parse_endpoint(text, 3478));
  CHECK(parse_endpoint(text, 3478)->port == 3478);
}

TEST_CASE("What is not an endpoint is refused", "[endpoint]") {
  const auto text = GENERATE("", ":", ":3478", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:+1",
                             "192.0.2.1:1x", "[192.0.2.1]:1", "[::1]3478", "[::1", "::1]:3478", "example.org:3478");
  CAPTURE(text);
  CHECK_FALSE(parse_endpoint(text, 3478));
}

TEST_CASE("A transport address names its protocol first", "[endpoint]") {
  CHECK(to_text(TransportAddress{Protocol::tcp, *parse_endpoint("[::1]:80")}) == "tcp [::1]:80");
}
