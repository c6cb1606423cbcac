#include "natkit/io/listeners.hpp"

#include "catch.hpp"
#include "machines.hpp"

using namespace natkit;
using namespace natkit::test;

TEST_CASE("Listeners of one slot share a free port, others have another", "[listeners]") {
  const auto one = *parse_ip_address("127.0.0.1");
  const auto two = *parse_ip_address("127.0.0.2");
  const auto listeners = io::Listeners::bind({
      {.socket = SocketId{1}, .endpoint = {one, 0}, .port_slot = 1},
      {.socket = SocketId{2}, .endpoint = {one, 0}, .port_slot = 2},
      {.socket = SocketId{3}, .endpoint = {two, 0}, .port_slot = 1},
      {.socket = SocketId{4}, .endpoint = {two, 0}, .port_slot = 2},
      {.socket = SocketId{1}, .protocol = Protocol::tcp, .endpoint = {one, 0}, .port_slot = 1},
  });
  REQUIRE(listeners);
  const auto bound = listeners->bound();
  REQUIRE(bound.size() == 5);
  CHECK(bound[0].endpoint.port != 0);
  CHECK(bound[0].endpoint.port != bound[1].endpoint.port);
  CHECK(bound[2].endpoint == Endpoint{two, bound[0].endpoint.port});
  CHECK(bound[3].endpoint == Endpoint{two, bound[1].endpoint.port});
  CHECK(bound[4].endpoint == bound[0].endpoint);
}

TEST_CASE("A port that is taken, or an address that is not here, is named", "[listeners]") {
  const auto first = io::Listeners::bind({{.endpoint = {loopback(), 0}}});
  REQUIRE(first);
  const auto taken = io::Listeners::bind({{.endpoint = first->bound()[0].endpoint}});
  REQUIRE_FALSE(taken);
  CHECK(taken.error().reason == "address-in-use");
  CHECK(taken.error().detail.find(to_text(first->bound()[0].endpoint)) != std::string::npos);
  // One that is listed but not usable yet may be bound ahead.
  CHECK(io::Listeners::bind({{.endpoint = {*parse_ip_address("192.0.2.1"), 0}, .presence = io::Presence::expected}}));
  const auto foreign = io::Listeners::bind({{.endpoint = {*parse_ip_address("192.0.2.1"), 0}}});
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().reason == "address-not-here");
}
