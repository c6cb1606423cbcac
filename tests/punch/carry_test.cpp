#include "carry.hpp"

#include <algorithm>

#include "catch.hpp"
#include "punch/two_sides.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
std::unique_ptr<Task> carrying(Carry::Input input = Carry::Input::ends, Bytes first = {}) {
  return std::make_unique<Carry>(input, std::move(first));
}
}  // namespace

TEST_CASE("Bytes arrive whole in both directions, and each side knows that the other has all", "[punch][sim]") {
  const auto loss = GENERATE(0.0, 0.01);
  TwoSides two{{.loss = loss}, carrying(), carrying()};
  const auto ours = noise(1'000'000, 1), theirs = noise(300'001, 2);
  two.a.give(two.net.now(), ours);
  two.b.give(two.net.now(), theirs);
  two.run(120s, [&] { return two.are_done(); });
  REQUIRE(two.are_done());
  CHECK((two.b.written == ours));  // too long to be shown
  CHECK((two.a.written == theirs));
}

TEST_CASE("The first bytes come with the end of the handshake", "[punch][sim]") {
  TwoSides two{{}, carrying(), carrying()};
  two.a.give(two.net.now(), {'a'}, Side::More::comes);
  two.b.give(two.net.now(), {'b'}, Side::More::comes);
  std::optional<Instant> first_at_a, first_at_b;
  two.run(5s, [&] {
    if (!first_at_a && !two.a.written.empty()) first_at_a = two.net.now();
    if (!first_at_b && !two.b.written.empty()) first_at_b = two.net.now();
    return first_at_a && first_at_b;
  });
  REQUIRE(first_at_a);
  REQUIRE(first_at_b);
  CHECK(ms_between(two.a.secured_at, first_at_a) <= 2);       // b is the server, and sends with its last flight
  CHECK(ms_between(two.a.secured_at, first_at_b) <= 25 + 2);  // half a round trip
}

TEST_CASE("Who writes slowly slows the other down, and gets everything", "[punch][sim]") {
  TwoSides two{{}, carrying(), carrying()};
  two.b.bytes_per_millisecond = 4000;
  const auto ours = noise(16'000'000, 3);
  two.a.give(two.net.now(), ours);
  two.b.give(two.net.now(), {});
  const channel::Channel::Config buffers;
  std::size_t most_under_way = 0;
  two.run(20s, [&] {
    const auto sent = static_cast<std::size_t>(dynamic_cast<const Carry&>(*two.a.task).bytes_sent());
    most_under_way = std::max(most_under_way, sent - two.b.written.size());
    return two.are_done();
  });
  // Both buffers fill up, and nothing else does.
  CHECK(most_under_way > buffers.receive_buffer);
  CHECK(most_under_way < buffers.send_buffer + buffers.receive_buffer + 500'000);
  REQUIRE(two.are_done());
  // It keeps the writer busy: 16 MB take it 4 s.
  CHECK(ms_between(two.a.secured_at, two.b.done_at) < 5000);
  CHECK((two.b.written == ours));
  CHECK(two.a.written.empty());
}

TEST_CASE("It is over only when the last byte is written, however long the writer takes", "[punch][sim]") {
  TwoSides two{{}, carrying(), carrying()};
  two.b.bytes_per_millisecond = 1;
  two.a.give(two.net.now(), noise(2000, 4));
  two.b.give(two.net.now(), {});
  two.run(1500ms, [] { return false; });
  CHECK_FALSE(two.a.done_at);
  two.run(5s, [&] { return two.are_done(); });
  REQUIRE(two.are_done());
  CHECK(two.b.written.size() == 2000);
  CHECK(*two.a.done_at >= *two.b.done_at - 25ms);
}

TEST_CASE("Nothing at all is carried as well, at once", "[punch][sim]") {
  TwoSides two{{}, carrying(), carrying()};
  two.a.give(two.net.now(), {});
  two.b.give(two.net.now(), {});
  two.run(5s, [&] { return two.are_done(); });
  REQUIRE(two.are_done());
  CHECK(ms_between(two.b.secured_at, two.b.done_at) <= 150);
}

TEST_CASE("What was read before the connection stood is the peer's, in front of all else", "[punch][sim]") {
  TwoSides two{{}, carrying(Carry::Input::ends, {'f', 'i', 'r', 's', 't', ' '}), carrying()};
  two.a.give(two.net.now(), {'t', 'h', 'e', 'n'});
  two.b.give(two.net.now(), {});
  two.run(5s, [&] { return two.are_done(); });
  REQUIRE(two.are_done());
  CHECK(std::string(two.b.written.begin(), two.b.written.end()) == "first then");
}

TEST_CASE("A terminal's input ends with the peer's; that of a pipe is waited for", "[punch][sim]") {
  const auto input = GENERATE(Carry::Input::terminal, Carry::Input::ends);
  TwoSides two{{}, carrying(input), carrying()};
  two.a.give(two.net.now(), {'h', 'i'}, Side::More::comes);
  two.b.give(two.net.now(), {'h', 'o'});
  two.run(5s, [&] { return two.are_done(); });
  CHECK(two.are_done() == (input == Carry::Input::terminal));
  CHECK(two.a.written == Bytes{'h', 'o'});
  CHECK(two.b.written == Bytes{'h', 'i'});
}

TEST_CASE("A peer that vanishes leaves it unfinished, and the link says so", "[punch][sim]") {
  TwoSides two{{}, carrying(), carrying()};
  const auto ours = noise(20'000'000, 5);
  two.a.give(two.net.now(), ours);
  two.b.give(two.net.now(), {});
  two.run(5s, [&] { return two.b.written.size() > 100'000; });
  REQUIRE(two.b.written.size() > 100'000);
  two.b.hearing = Side::Hearing::nothing;
  two.b.speaking = Side::Speaking::nothing;
  two.run(60s, [&] { return two.a.ended.has_value(); });
  REQUIRE(two.a.ended);
  CHECK(two.a.ended->reason == link::EndReason::connection_lost);
  CHECK_FALSE(two.a.done_at);
  CHECK_FALSE(two.a.task->may_end());
}

TEST_CASE("Words that are none of it change nothing", "[punch][sim]") {
  TwoSides two{{}, carrying(), carrying()};
  two.a.give(two.net.now(), {'x'}, Side::More::comes);
  two.b.give(two.net.now(), {'y'}, Side::More::comes);
  two.run(2s, [&] { return !two.a.written.empty() && !two.b.written.empty(); });
  auto& link = *two.a.hub.find(*two.a.id);
  for (const std::string_view word : {"", "en", "ended", "writtem"})
    two.a.task->hear(
        two.net.now(), link,
        {.stream = task_stream, .kind = channel::MessageKind::text, .payload = Bytes(word.begin(), word.end())});
  two.a.task->hear(two.net.now(), link,
                   {.stream = control_stream, .kind = channel::MessageKind::binary, .payload = {'z'}});
  two.run(1s, [] { return false; });
  CHECK_FALSE(two.a.done_at);
  CHECK(two.a.written == Bytes{'y'});
}
