#include "natkit/portmap/igd_search.hpp"

#include <fmt/format.h>

#include <set>
#include <string>

#include "catch.hpp"
#include "literals.hpp"
#include "natkit/portmap/ssdp.hpp"

using namespace natkit;
using namespace natkit::portmap;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
const Endpoint router = "192.168.1.1:1900"_ep;
const std::string location = "http://192.168.1.1:5000/rootDesc.xml";

/// A search, its clock, and what it asks for.
struct Hunt {
  Instant now{1h};
  IgdSearch search{
      {.socket = SocketId{1}, .standard_socket = SocketId{2}, .local = "192.168.1.2"_ip, .router = router.address}};

  Hunt() { search.start(now); }

  /// The targets that the router was asked for since the last call.
  std::set<std::string> asked() {
    std::set<std::string> targets;
    while (const auto out = search.poll_transmit()) {
      if (out->remote != router) continue;
      const std::string text{as_text(out->payload)};
      const auto from = text.find("\r\nST: ") + 6;
      targets.insert(text.substr(from, text.find("\r\n", from) - from));
    }
    return targets;
  }
  void answer() {
    const auto text = fmt::format("HTTP/1.1 200 OK\r\nST: {}\r\nUSN: uuid:1::{}\r\nLOCATION: {}\r\n\r\n", ssdp::igd_1,
                                  ssdp::igd_1, location);
    search.handle_datagram(now, {.socket = SocketId{1}, .remote = router, .payload = {text.begin(), text.end()}});
    REQUIRE(search.poll_describe());
  }
  void describe(const std::string& status) {
    igd::Device device;
    device.connections.push_back({.service = {"urn:schemas-upnp-org:service:WANIPConnection:1", location},
                                  .status = status,
                                  .external = "11.0.0.1"_ip});
    search.handle_described(now, location, device);
  }
  void pass(Duration time) {
    const auto end = now + time;
    while (const auto due = search.poll_timeout()) {
      if (*due > end) break;
      now = std::max(now, *due);
      search.handle_timeout(now);
    }
    now = end;
  }
};
const std::set<std::string> usual{std::string{ssdp::igd_1}};
const std::set<std::string> odd{std::string{ssdp::igd_2}, std::string{ssdp::root_device}};
}  // namespace

TEST_CASE("Where nobody answers, the less usual targets are asked for soon", "[igd_search]") {
  Hunt hunt;
  CHECK(hunt.asked() == usual);
  hunt.pass(74ms);
  CHECK(hunt.asked().empty());
  hunt.pass(1ms);
  CHECK(hunt.asked() == odd);
}

TEST_CASE("A router that can be used is asked for nothing else", "[igd_search]") {
  Hunt hunt;
  CHECK(hunt.asked() == usual);
  hunt.pass(50ms);
  hunt.answer();
  SECTION("it was described in time") { hunt.pass(10ms); }
  SECTION("it takes its time to describe itself") {
    hunt.pass(150ms);
    CHECK(hunt.asked().empty());  // that would only hold it up
  }
  hunt.describe("Connected");
  hunt.pass(5s);
  CHECK(hunt.asked().empty());
}

TEST_CASE("A router that answered and is of no use does not end the search", "[igd_search]") {
  Hunt hunt;
  CHECK(hunt.asked() == usual);
  hunt.pass(50ms);
  hunt.answer();
  SECTION("it is not connected") { hunt.describe("Disconnected"); }
  SECTION("its description cannot be read") {
    hunt.search.handle_described(hunt.now, location, std::unexpected(igd::Fault{igd::Fault::Kind::unreachable, 0, {}}));
  }
  SECTION("it never describes itself") {}
  hunt.pass(300ms);
  CHECK(hunt.asked() == odd);
}
