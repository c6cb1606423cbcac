// Who remembers that a peer is reached by a relay only: what that saves, and that it costs nothing where it is wrong.
#include <array>

#include "catch.hpp"
#include "link/meeting.hpp"

using namespace natkit;
using namespace natkit::test;
using Leads = MeetingConfig::Leads;

namespace {
/// A waits; B comes after two seconds, so all that B waits for is its own doing.
MeetingConfig second_run(Box box_a, Box box_b, Leads leads, Duration half_trip = 12500us) {
  return {.box_a = box_a, .box_b = box_b, .b_comes_later = 2s, .half_trip = half_trip, .b_leads = leads};
}

double waited(const MeetingConfig& config) {
  Meeting meeting{config};
  meeting.run(20s, [&] { return meeting.are_secured(); });
  REQUIRE(meeting.are_secured());
  const auto result = meeting.waited_by_b();
  CHECK(meeting.b->sessions() == 1);
  CHECK(meeting.b->path->is_relayed());
  return result;
}
}  // namespace

TEST_CASE("Where no UDP passes, who leads with the relay does not wait for servers that stay silent",
          "[relay_leads][sim]") {
  const auto before = waited(second_run(Box::symmetric, Box::no_udp_symmetric, Leads::as_gathered));
  const auto after = waited(second_run(Box::symmetric, Box::no_udp_symmetric, Leads::with_relay));
  CAPTURE(before, after);
  CHECK(after <= before - 200);
}

TEST_CASE("A relay that is far away is not waited for, since it is told of later in any case", "[relay_leads][sim]") {
  const auto before = waited(second_run(Box::symmetric, Box::no_udp_symmetric, Leads::as_gathered, 50ms));
  const auto after = waited(second_run(Box::symmetric, Box::no_udp_symmetric, Leads::with_relay, 50ms));
  CAPTURE(before, after);
  CHECK(after < before);
}

TEST_CASE("Where all servers answer at once, there is nothing to save and nothing is lost", "[relay_leads][sim]") {
  const auto half_trip = GENERATE(Duration{12500us}, Duration{50ms});
  const auto before = waited(second_run(Box::symmetric, Box::symmetric, Leads::as_gathered, half_trip));
  const auto after = waited(second_run(Box::symmetric, Box::symmetric, Leads::with_relay, half_trip));
  CAPTURE(before, after);
  CHECK(after <= before + 1);
}

TEST_CASE("A direct path is found as soon and used as ever by who leads with the relay in vain", "[relay_leads][sim]") {
  const auto box_a = GENERATE(Box::open, Box::drop, Box::accept, Box::symmetric);
  const auto box_b = GENERATE(Box::open, Box::full_cone, Box::drop, Box::accept);
  if (needs_guessing(box_a, box_b)) return;
  const auto half_trip = GENERATE(Duration{12500us}, Duration{50ms});
  std::array<double, 2> waits{};
  for (const auto leads : {Leads::as_gathered, Leads::with_relay}) {
    Meeting meeting{second_run(box_a, box_b, leads, half_trip)};
    meeting.run(20s, [&] { return meeting.are_secured(); });
    REQUIRE(meeting.are_secured());
    meeting.run(2s);
    CHECK(meeting.a->path->is_direct());
    CHECK(meeting.b->path->is_direct());
    waits.at(leads == Leads::with_relay ? 1 : 0) = meeting.waited_by_b();
  }
  CAPTURE(to_text(box_a), to_text(box_b), waits[0], waits[1]);
  CHECK(waits[1] <= waits[0] + 1);
}

TEST_CASE("A relay that is not there any more is not waited for longer than any server is", "[relay_leads][sim]") {
  for (const auto leads : {Leads::as_gathered, Leads::with_relay}) {
    auto config = second_run(Box::drop, Box::drop, leads);
    config.relaying = EncounterConfig::Relaying::no;
    Meeting meeting{config};
    meeting.run(20s, [&] { return meeting.are_secured(); });
    REQUIRE(meeting.are_secured());
    CHECK(meeting.waited_by_b() <= 600);
  }
}
