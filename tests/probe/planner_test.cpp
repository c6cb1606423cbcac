#include "natkit/probe/planner.hpp"

#include <algorithm>

#include "catch.hpp"
#include "probe/story.hpp"

using namespace natkit;
using namespace natkit::test;
using enum probe::Question;

namespace {
probe::Plan plan_at(const Story& story, Duration now) { return plan(digest(story.trace), probe::Timing{}, now); }

bool sends(const probe::Plan& plan, probe::Question question, const char* to) {
  return std::ranges::any_of(plan.send,
                             [&](const auto& step) { return step.question == question && step.to == ep(to); });
}
}  // namespace

TEST_CASE("All questions that need no answer are asked at once", "[planner]") {
  const Story story{"198.51.100.1:3478"};
  const auto plan = plan_at(story, 0ms);
  CHECK(plan.send.size() == 3);
  CHECK(sends(plan, mapping, "198.51.100.1:3478"));
  CHECK(sends(plan, filtering, "198.51.100.1:3478"));
  CHECK(sends(plan, filtering_port, "198.51.100.1:3478"));
  CHECK(plan.wake == 15ms);
}

TEST_CASE("The first answer's second address is asked at once from the mapping socket", "[planner]") {
  Story story{"198.51.100.1:3478"};
  story.ask_and_hear(0ms, "198.51.100.1:3478", {.mapped = "203.0.113.7:1", .other = "198.51.100.2:3479"});
  const auto plan = plan_at(story, 50ms);
  CHECK(sends(plan, mapping, "198.51.100.1:3479"));
  CHECK(sends(plan, mapping, "198.51.100.2:3478"));
  CHECK(sends(plan, mapping, "198.51.100.2:3479"));
  CHECK_FALSE(sends(plan, mapping, "198.51.100.1:3478"));
}

TEST_CASE("A filtering socket never sends to a place that may have been filtered on it", "[planner]") {
  Story story{"198.51.100.1:3478"};
  story.ask_and_hear(0ms, "198.51.100.1:3478", {.mapped = "203.0.113.7:1", .other = "198.51.100.2:3479"});
  for (const auto now : {50ms, 100ms, 500ms}) {
    for (const auto& step : plan_at(story, now).send)
      if (step.question != mapping) CHECK(step.to == ep("198.51.100.1:3478"));
  }
}

TEST_CASE("An OTHER-ADDRESS that cannot be a second address is not asked", "[planner]") {
  const auto* const other = GENERATE("[2001:db8::2]:3479", "0.0.0.0:3479", "224.0.0.1:3479", "198.51.100.2:0");
  Story story{"198.51.100.1:3478"};
  story.ask_and_hear(0ms, "198.51.100.1:3478", {.mapped = "203.0.113.7:1", .other = other});
  CHECK_FALSE(sends(plan_at(story, 50ms), mapping, other));
}

TEST_CASE("A server that stays silent over UDP is asked over TCP", "[planner]") {
  Story story{"198.51.100.1:3478"};
  for (const auto at : {0ms, 15ms, 30ms}) story.ask(at, mapping, "198.51.100.1:3478");
  CHECK_FALSE(sends(plan_at(story, 249ms), tcp_control, "198.51.100.1:3478"));
  CHECK(sends(plan_at(story, 250ms), tcp_control, "198.51.100.1:3478"));
}

TEST_CASE("The run is over at its timeout, whatever is open", "[planner]") {
  const Story story{"198.51.100.1:3478"};
  const auto plan = plan_at(story, probe::Timing{}.timeout);
  CHECK(plan.send.empty());
  CHECK_FALSE(plan.wake);
}

TEST_CASE("A server that cannot be sent to ends the run at once", "[planner]") {
  Story story{"198.51.100.1:3478"};
  for (const auto question : {mapping, filtering, filtering_port}) {
    for (const auto at : {0ms, 15ms}) {
      story.ask(at, question, "198.51.100.1:3478");
      story.trace.events.emplace_back(probe::SendFailed{
          .at = at, .question = question, .to = ep("198.51.100.1:3478"), .why = "Network is unreachable"});
    }
  }
  const auto plan = plan_at(story, 15ms);
  CHECK(plan.send.empty());
  CHECK_FALSE(plan.wake);
}
