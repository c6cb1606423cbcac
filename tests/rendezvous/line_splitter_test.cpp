#include "natkit/rendezvous/line_splitter.hpp"

#include <vector>

#include "catch.hpp"
#include "natkit/base/rng.hpp"

using namespace natkit;
using rendezvous::LineSplitter;

namespace {
std::vector<std::string> lines_of(LineSplitter& splitter) {
  std::vector<std::string> lines;
  while (auto line = splitter.next()) lines.push_back(*line);
  return lines;
}
}  // namespace

TEST_CASE("Lines come out whole, however the stream was cut", "[rendezvous][lines]") {
  const std::string stream = "one\r\ntwo\n\nthree\n";
  SeededRng rng{1};
  for (int round = 0; round < 500; ++round) {
    LineSplitter splitter;
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < stream.size();) {
      const auto count = std::min<std::size_t>(1 + rng.below(6), stream.size() - at);
      splitter.append(as_bytes(std::string_view{stream}.substr(at, count)));
      at += count;
      for (auto& line : lines_of(splitter)) lines.push_back(std::move(line));
    }
    REQUIRE(lines == std::vector<std::string>{"one", "two", "", "three"});
    REQUIRE_FALSE(splitter.has_part());
  }
}

TEST_CASE("A line that is too long breaks the stream, ended or not", "[rendezvous][lines]") {
  LineSplitter splitter{8};
  splitter.append(as_bytes("1234567\n"));
  CHECK(lines_of(splitter).size() == 1);
  splitter.append(as_bytes("12345678"));
  CHECK_FALSE(splitter.next());
  CHECK_FALSE(splitter.is_broken());
  CHECK(splitter.has_part());
  splitter.append(as_bytes("9"));
  CHECK_FALSE(splitter.next());
  CHECK(splitter.is_broken());
  splitter.append(as_bytes("\nfine\n"));
  CHECK_FALSE(splitter.next());

  LineSplitter other{8};
  other.append(as_bytes("12345678\nfine\n"));
  CHECK_FALSE(other.next());
  CHECK(other.is_broken());
}
