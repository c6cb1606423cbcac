#include "natkit/link/forward_place.hpp"
#include "catch.hpp"

using namespace natkit;
using link::find_permitted;
using link::parse_place;
using link::Permit;
using link::Place;

TEST_CASE("A place is a host and a port, and nothing that could be anything else", "[forward_place]") {
  CHECK(parse_place("db.example.org:5432") == Place{"db.example.org", 5432});
  CHECK(parse_place("127.0.0.1:80") == Place{"127.0.0.1", 80});
  CHECK(parse_place("[::1]:80") == Place{"::1", 80});
  for (const auto* text : {"", ":", "a", "a:", ":80", "a:0", "a:65536", "a:b", "a b:80", "-a:80", "1.2.3:80", "::1:80x",
                           "127.0.0.1:0", "a:80 ", "a\n:80", "a:80:90"})
    CHECK_FALSE(parse_place(text));
  CHECK(link::to_text(Place{"::1", 80}) == "[::1]:80");
  CHECK(link::to_text(Place{"localhost", 80}) == "localhost:80");
}

TEST_CASE("Only what a permit names is found", "[forward_place]") {
  const auto four = *parse_ip_address("127.0.0.1"), six = *parse_ip_address("::1");
  const auto other = *parse_ip_address("192.0.2.1");
  const std::vector<Permit> permits{{.host = "localhost", .port = 80, .addresses = {six, four}},
                                    {.host = "192.0.2.1", .port = std::nullopt, .addresses = {other}}};
  using Found = std::vector<Endpoint>;
  CHECK(find_permitted(permits, {"LocalHost", 80}) == Found{{six, 80}, {four, 80}});
  CHECK(find_permitted(permits, {"127.0.0.1", 80}) == Found{{four, 80}});
  CHECK(find_permitted(permits, {"192.0.2.1", 9}) == Found{{other, 9}});
  CHECK(find_permitted(permits, {"localhost", 81}).empty());
  CHECK(find_permitted(permits, {"localhost.", 80}).empty());
  CHECK(find_permitted(permits, {"192.0.2.2", 9}).empty());
  CHECK(find_permitted({}, {"localhost", 80}).empty());
}
