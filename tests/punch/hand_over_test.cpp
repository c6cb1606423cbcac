#include "hand_over.hpp"

#include "catch.hpp"
#include "punch/two_sides.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
std::unique_ptr<Task> handing_over() { return std::make_unique<HandOver>(); }
}  // namespace

TEST_CASE("Both sides let go of the port within a round trip of hearing that the other is ready", "[punch][sim]") {
  TwoSides two{{}, handing_over(), handing_over()};
  two.run(5s, [&] { return two.are_done(); });
  REQUIRE(two.are_done());
  for (const auto* side : {&two.a, &two.b}) {
    CHECK(ms_between(side->peer_ready_at, side->done_at) <= 60);
    CHECK(side->task->may_end());
  }
}

TEST_CASE("Nobody lets go before the other is ready", "[punch][sim]") {
  TwoSides two{{}, handing_over(), handing_over()};
  two.b.speaking = Side::Speaking::all;
  two.a.loses = [&] { return two.b.secured_at.has_value(); };  // nothing that B says once it is ready
  two.run(2s, [] { return false; });
  REQUIRE(two.b.secured_at);
  CHECK_FALSE(two.a.done_at);
  CHECK_FALSE(two.a.task->may_end());
}

TEST_CASE("A lost acknowledgement is not waited for: who was told would not say more", "[punch][sim]") {
  TwoSides two{{}, handing_over(), handing_over()};
  two.a.loses = [&] { return two.a.peer_ready_at.has_value(); };  // all that comes after B's being ready
  two.run(5s, [&] { return two.are_done(); });
  REQUIRE(two.are_done());
  CHECK(ms_between(two.a.peer_ready_at, two.a.done_at) <= 520);
  CHECK(ms_between(two.b.peer_ready_at, two.b.done_at) <= 60);
}

TEST_CASE("On a line that loses packets both let go all the same", "[punch][sim]") {
  const auto seed = GENERATE(range<std::uint64_t>(1, 11));
  TwoSides two{{.loss = 0.05, .seed = seed}, handing_over(), handing_over()};
  two.run(20s, [&] { return two.are_done(); });
  CHECK(two.are_done());
}
