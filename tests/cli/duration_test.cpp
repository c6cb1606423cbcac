#include "natkit/cli/duration.hpp"

#include "catch.hpp"

using namespace natkit;
using namespace std::chrono_literals;
using cli::parse_duration;

TEST_CASE("A duration is a number and a unit", "[duration]") {
  CHECK(parse_duration("300ms") == 300ms);
  CHECK(parse_duration("2s") == 2s);
  CHECK(parse_duration("1.5s") == 1500ms);
  CHECK(parse_duration("1m") == 1min);
  CHECK(parse_duration("10000h") == 10'000h);
  CHECK(parse_duration("0s") == 0s);
}

TEST_CASE("What is not surely a duration is none", "[duration]") {
  for (const auto* text :
       {"", "5", "s", "-1s", "1 s", "1S", "10001h", "1e3s", "nan s", "nans", "infs", "1s2", "0x1s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("A duration is printed in its largest whole unit", "[duration]") {
  CHECK(cli::to_text(300ms) == "300ms");
  CHECK(cli::to_text(2s) == "2s");
  CHECK(cli::to_text(90s) == "90s");
  CHECK(cli::to_text(2min) == "2m");
  CHECK(cli::to_text(0s) == "0ms");
}
