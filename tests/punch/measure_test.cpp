#include "measure.hpp"

#include <cmath>

#include "catch.hpp"
#include "punch/two_sides.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
std::unique_ptr<Task> measuring(Duration time) { return std::make_unique<Measure>(time); }
double ms(const std::optional<Duration>& duration) {
  return std::chrono::duration<double, std::milli>(duration.value()).count();
}
}  // namespace

TEST_CASE("Measuring tells the round trip of a line that is even, without loss and jitter", "[punch][sim]") {
  TwoSides two{{}, measuring(2s), measuring(2s)};
  CHECK_FALSE(two.a.task->quality());  // nothing is known before it has begun
  two.run(10s, [&] { return two.are_done(); });
  REQUIRE(two.are_done());
  for (const auto* side : {&two.a, &two.b}) {
    const auto quality = side->task->quality().value();
    CHECK(quality.sent == 40);
    CHECK(quality.answered == 40);
    CHECK(quality.loss() == 0);
    CHECK(ms(quality.least) >= 50);
    CHECK(ms(quality.median) <= 52);
    CHECK(ms(quality.most) <= 55);
    CHECK(ms(quality.jitter) <= 1);
  }
}

TEST_CASE("Measuring tells how much of the probes is lost, there and back", "[punch][sim]") {
  const auto loss = GENERATE(0.01, 0.05);
  TwoSides two{{.loss = loss}, measuring(60s), measuring(60s)};
  two.run(80s, [&] { return two.are_done(); });
  REQUIRE(two.are_done());
  const auto expected = 1 - std::pow(1 - loss, 4);  // two lines, two ways
  for (const auto* side : {&two.a, &two.b}) {
    const auto quality = side->task->quality().value();
    CHECK(quality.sent >= 1190);
    // Three standard deviations of a binomial distribution.
    const auto margin = 3 * std::sqrt(expected * (1 - expected) / static_cast<double>(quality.sent));
    CHECK(std::abs(quality.loss().value() - expected) <= margin);
    CHECK(ms(quality.median) <= 52);  // what is repeated would be late
  }
}

TEST_CASE("Measuring tells the jitter of a line", "[punch][sim]") {
  constexpr auto jitter = 10ms;
  TwoSides two{{.jitter = jitter}, measuring(60s), measuring(60s)};
  two.run(80s, [&] { return two.are_done(); });
  REQUIRE(two.are_done());
  // Each round trip has four draws from [0, 10 ms]: a mean of 20 ms; the difference of two round trips has a variance
  // of 8 * 10^2 / 12, and the mean of its size is sqrt(2 / pi) of the deviation, nearly, as of a normal distribution's.
  const auto expected = std::sqrt(8 * 100.0 / 12) * std::sqrt(2 / std::acos(-1.0));
  for (const auto* side : {&two.a, &two.b}) {
    const auto quality = side->task->quality().value();
    CHECK(quality.loss() == 0);
    CHECK(std::abs(ms(quality.jitter) - expected) <= 0.7);
    CHECK(std::abs(ms(quality.median) - 70) <= 2);
    CHECK(ms(quality.least) >= 50);
    CHECK(ms(quality.most) <= 92);
  }
}

TEST_CASE("Who measures for a shorter time waits for the other, but not for ever", "[punch][sim]") {
  const auto [longer, is_waited_for] = GENERATE(table<Duration, bool>({{Duration{2s}, true}, {Duration{20s}, false}}));
  TwoSides two{{}, measuring(500ms), measuring(longer)};
  two.run(30s, [&] { return two.are_done(); });
  REQUIRE(two.are_done());
  CHECK(two.a.task->quality()->answered == 10);
  // Its own time, or as long as the other one waited for it.
  const auto answered = two.b.task->quality()->answered;
  CHECK((is_waited_for ? answered == 40 : (answered >= 60 && answered <= 80)));
  const auto gap = ms_between(two.a.done_at, two.b.done_at);
  CHECK((std::abs(gap) < 100) == is_waited_for);
  // The other one would have been told, and so may end.
  CHECK(two.b.task->may_end());
}

TEST_CASE("A peer that goes before it has said that it is through is missed", "[punch][sim]") {
  TwoSides two{{}, measuring(10s), measuring(10s)};
  two.run(3s, [&] { return two.a.secured_at && two.b.secured_at; });
  two.run(1s, [] { return false; });
  CHECK_FALSE(two.a.task->may_end());
  two.b.hearing = Side::Hearing::nothing;
  two.b.speaking = Side::Speaking::nothing;
  two.run(60s, [&] { return two.a.ended.has_value(); });
  REQUIRE(two.a.ended);
  CHECK(two.a.ended->reason == link::EndReason::connection_lost);
  CHECK_FALSE(two.a.done_at);
}

TEST_CASE("Answers that nobody asked for, and pieces of them, do not count", "[punch][sim]") {
  TwoSides two{{}, measuring(1s), measuring(1s)};
  two.run(3s, [&] { return two.a.secured_at.has_value(); });
  two.run(300ms, [] { return false; });
  auto& link = *two.a.hub.find(*two.a.id);
  const auto before = two.a.task->quality()->answered;
  for (const auto& payload : {Bytes{}, Bytes{1}, Bytes{1, 0, 0}, Bytes{9, 0, 0, 0, 0, 0, 0, 0, 0}, Bytes(9, 0xFF)})
    two.a.task->hear(two.net.now(), link,
                     {.stream = task_stream, .kind = channel::MessageKind::binary, .payload = payload});
  // One from the future, one from long ago.
  two.a.task->hear(
      two.net.now(), link,
      {.stream = task_stream, .kind = channel::MessageKind::binary, .payload = {1, 0x7F, 0, 0, 0, 0, 0, 0, 0}});
  two.a.task->hear(two.net.now(), link,
                   {.stream = task_stream, .kind = channel::MessageKind::binary, .payload = Bytes(9, 1)});
  // One from so long ago that no clock tells.
  two.a.task->hear(
      two.net.now(), link,
      {.stream = task_stream, .kind = channel::MessageKind::binary, .payload = {1, 0x80, 0, 0, 0, 0, 0, 0, 0}});
  CHECK(two.a.task->quality()->answered == before);
}
