#include "natkit/io/resolver.hpp"

#include <future>

#include "catch.hpp"
#include "natkit/io/interfaces.hpp"

using namespace natkit;
using namespace std::chrono_literals;

TEST_CASE("Addresses need no look-up, and the order asked is the order answered", "[resolver]") {
  const std::vector<HostPort> names{{"192.0.2.1", 1}, {"localhost", 2}, {"2001:db8::1", 3}};
  const auto answers = io::resolve(names, 5s);
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].endpoints == std::vector<Endpoint>{{*parse_ip_address("192.0.2.1"), 1}});
  CHECK(answers[2].endpoints == std::vector<Endpoint>{{*parse_ip_address("2001:db8::1"), 3}});
  REQUIRE_FALSE(answers[1].endpoints.empty());
  for (const auto& endpoint : answers[1].endpoints) {
    CHECK(endpoint.address.is_loopback());
    CHECK(endpoint.port == 2);
  }
}

TEST_CASE("A name that is not known in time has no address but a reason", "[resolver]") {
  SECTION("its server is silent, which delays neither the others nor the end") {
    std::promise<void> end;  // until then the silent look-up is left waiting, as the system's would be
    const auto look_up = [is_over = end.get_future().share()](const HostPort& name) -> io::Resolved {
      if (name.host == "silent") is_over.wait();
      return {.asked = name, .endpoints = {{*parse_ip_address("192.0.2.1"), name.port}}, .failure = {}};
    };
    const auto answers = io::resolve(std::vector<HostPort>{{"silent", 1}, {"quick", 2}}, 500ms, look_up);
    CHECK(answers[0].endpoints.empty());
    CHECK(answers[0].failure == "no answer in time");
    CHECK(answers[1].endpoints.size() == 1);
    end.set_value();
  }
  SECTION("there is no such name") {
    const auto answers = io::resolve(std::vector<HostPort>{{"no-such-name.invalid", 1}}, 20s);
    CHECK(answers[0].endpoints.empty());
    CHECK_FALSE(answers[0].failure.empty());
  }
}

TEST_CASE("This machine has a loopback address", "[interfaces]") {
  const auto all = io::interface_addresses();
  CHECK(std::ranges::any_of(all, [](const auto& a) { return a.address.is_loopback() && !a.interface.empty(); }));
}
