#include "natkit/portmap/hop_search.hpp"

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::portmap;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
constexpr SocketId socket{1};
const Endpoint beyond = "192.0.0.1:33434"_ep;
const Instant start{1h};

struct Search {
  HopSearch hops{{.socket = socket, .local = "192.168.1.2"_ip, .beyond = beyond}};
  Instant now = start;

  Search() { hops.start(now); }
  std::vector<Datagram> sent() {
    std::vector<Datagram> all;
    while (auto out = hops.poll_transmit()) all.push_back(*out);
    return all;
  }
  void hear(std::uint16_t hop, const IpAddress& from, PathError::Kind kind = PathError::Kind::hop_limit_exceeded) {
    hops.handle_path_error({socket, kind, {beyond.address, static_cast<std::uint16_t>(beyond.port + hop)}, from});
  }
  void pass(Duration time) {
    const auto end = now + time;
    while (const auto due = hops.poll_timeout()) {
      if (*due > end) break;
      now = *due;
      hops.handle_timeout(now);
    }
    now = end;
  }
};
}  // namespace

TEST_CASE("Each hop has a datagram of its own, told apart by its port", "[hop_search]") {
  Search search;
  const auto wish = search.hops.poll_socket();
  REQUIRE(wish);
  CHECK(std::get<SocketWish>(*wish).errors == PathErrors::heard);
  const auto sent = search.sent();
  REQUIRE(sent.size() == 4);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(sent[i].hop_limit == i + 1);
    CHECK(sent[i].remote == Endpoint{beyond.address, static_cast<std::uint16_t>(beyond.port + i + 1)});
  }
}

TEST_CASE("A public hop behind known ones ends the search at once", "[hop_search]") {
  Search search;
  search.hear(2, "10.0.0.1"_ip);
  CHECK_FALSE(search.hops.is_over());
  search.hear(3, "203.0.113.1"_ip);
  CHECK_FALSE(search.hops.is_over());  // the first hop may still be anybody
  search.hear(1, "192.168.1.1"_ip);
  CHECK(search.hops.is_over());
  CHECK(search.hops.hop(1) == "192.168.1.1"_ip);
  CHECK(search.hops.hop(2) == "10.0.0.1"_ip);
  CHECK(search.hops.hop(3) == "203.0.113.1"_ip);
  CHECK_FALSE(search.hops.poll_timeout());
}

TEST_CASE("Silent hops are asked again, known ones are not, and there is an end", "[hop_search]") {
  Search search;
  static_cast<void>(search.sent());
  search.hear(1, "192.168.1.1"_ip);
  search.pass(100ms);
  CHECK(search.sent().size() == 3);
  search.pass(299ms);
  CHECK_FALSE(search.hops.is_over());
  search.pass(1ms);
  CHECK(search.hops.is_over());
  CHECK(search.sent().size() == 6);  // at 200 and 300 ms
  CHECK_FALSE(search.hops.hop(2));
}

TEST_CASE("Errors about what was never sent change nothing", "[hop_search]") {
  Search search;
  search.hops.handle_path_error(
      {SocketId{7}, PathError::Kind::hop_limit_exceeded, {beyond.address, 33435}, "10.6.6.6"_ip});
  search.hops.handle_path_error({socket, PathError::Kind::hop_limit_exceeded, {"192.0.0.2"_ip, 33435}, "10.6.6.6"_ip});
  search.hear(0, "10.6.6.6"_ip);
  search.hear(5, "10.6.6.6"_ip);
  search.hear(1, "10.6.6.6"_ip, PathError::Kind::port_unreachable);
  for (std::size_t hop = 0; hop < 6; ++hop) CHECK_FALSE(search.hops.hop(hop));
}

TEST_CASE("The first word about a hop counts", "[hop_search]") {
  Search search;
  search.hear(1, "192.168.1.1"_ip);
  search.hear(1, "10.6.6.6"_ip);
  CHECK(search.hops.hop(1) == "192.168.1.1"_ip);
}

TEST_CASE("A router that speaks of every hop stands where it was met nearest", "[hop_search]") {
  // One that knows no way says so before it looks at the hop limit.
  Search search;
  search.hear(3, "192.168.1.1"_ip, PathError::Kind::unreachable);
  search.hear(2, "192.168.1.1"_ip, PathError::Kind::unreachable);
  search.hear(1, "192.168.1.1"_ip, PathError::Kind::unreachable);
  search.hear(4, "192.168.1.1"_ip, PathError::Kind::unreachable);
  CHECK(search.hops.hop(1) == "192.168.1.1"_ip);
  for (std::size_t hop = 2; hop <= 4; ++hop) CHECK_FALSE(search.hops.hop(hop));
}
