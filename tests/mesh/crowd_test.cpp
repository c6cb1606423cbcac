#include "crowd.hpp"

#include <algorithm>

#include "catch.hpp"
#include "natkit/mesh/view.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace std::chrono_literals;

TEST_CASE("As many as a session may have get in, and name one host when theirs dies", "[mesh][crowd]") {
  const auto crowd = make_crowd(1, mesh::most_members, 9);
  CHECK(crowd.fault.empty());
  REQUIRE(crowd.joins.size() == mesh::most_members - 1);
  CHECK(std::ranges::max(crowd.joins) < 5s);
  CHECK(crowd.voting);
  REQUIRE(crowd.named);
  CHECK(*crowd.named < 1s);
  REQUIRE(crowd.acting);
  CHECK(*crowd.acting < 2s);
}
