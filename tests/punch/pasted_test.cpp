#include "pasted.hpp"

#include <algorithm>
#include <string>

#include "catch.hpp"

using namespace natkit;

namespace {
const std::string description = "a=ice-ufrag:x7Kq\r\na=ice-pwd:0lC9dbGcQpoEkqYHV1rWNj\r\na=setup:actpass\r\n";
ByteView view(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }
std::string rest(const Pasted& pasted) {
  const auto bytes = pasted.rest();
  return {bytes.begin(), bytes.end()};
}
}  // namespace

TEST_CASE("A description in one line comes back as it was, and survives a chat program", "[pasted]") {
  const auto line = to_one_line(description);
  CHECK(std::ranges::none_of(line, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; }));
  for (const auto& pasted_text :
       {line + "\n", line + "\r\n", "  " + line + "  \r\n", "so it says:\n\n" + line + "\n"}) {
    Pasted pasted;
    CHECK(pasted.take(view(pasted_text)) == description);
  }
}

TEST_CASE("It comes in pieces of any size", "[pasted]") {
  const auto text = "hello\r\n" + to_one_line(description) + "\nand more";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    Pasted pasted;
    std::optional<std::string> whole;
    std::size_t at = 0;
    for (; at < text.size() && !whole; at += size)
      whole = pasted.take(view(text).subspan(at, std::min(size, text.size() - at)));
    CHECK(whole == description);
    // What came with it is not lost, and nothing of it is repeated.
    CHECK(rest(pasted) + text.substr(std::min(at, text.size())) == "and more");
  }
}

TEST_CASE("SDP lines end with an empty line, with the end of the candidates, or with the input", "[pasted]") {
  Pasted by_empty_line;
  CHECK_FALSE(by_empty_line.take(view(description)));
  CHECK(by_empty_line.take(view("\r\n")) == description);

  Pasted by_end_mark;
  CHECK(by_end_mark.take(view(description + "a=end-of-candidates\nthe rest\n")) ==
        description + "a=end-of-candidates\r\n");
  CHECK(rest(by_end_mark) == "the rest\n");

  Pasted by_end;
  CHECK_FALSE(by_end.take(view("v=0\na=ice-ufrag:x7Kq")));
  CHECK(by_end.take_at_end() == "v=0\r\na=ice-ufrag:x7Kq\r\n");
  CHECK_FALSE(by_end.take_at_end());
}

TEST_CASE("The end of the candidates ends no description whose credentials come after it", "[pasted]") {
  Pasted pasted;
  const std::string first = "v=0\r\na=candidate:0 1 UDP 2122252543 192.0.2.1 50000 typ host\r\na=end-of-candidates\r\n";
  CHECK_FALSE(pasted.take(view(first)));
  CHECK_FALSE(pasted.take(view(description)));
  CHECK(pasted.take(view("\r\n")) == first + description);
}

TEST_CASE("The last line may lack its end", "[pasted]") {
  Pasted pasted;
  CHECK_FALSE(pasted.take(view(to_one_line(description))));
  CHECK(pasted.take_at_end() == description);
}

TEST_CASE("A damaged line gives an empty description, which is refused, and the next one is taken", "[pasted]") {
  const auto line = to_one_line(description);
  for (const auto& damaged :
       {line.substr(0, line.size() - 5), std::string{"natkit:%%%%"}, line.substr(0, 20) + " " + line.substr(20)}) {
    Pasted pasted;
    CHECK(pasted.take(view(damaged + "\n" + line + "\n")) == std::string{});
    CHECK(pasted.take({}) == description);
    CHECK_FALSE(pasted.take({}));
  }
}

TEST_CASE("What is no description is passed over", "[pasted]") {
  Pasted pasted;
  CHECK_FALSE(pasted.take(view("\n\r\nhi there\nA=b\nx\n==\nnatki")));
  CHECK_FALSE(pasted.take_at_end());
}

TEST_CASE("A line without an end, and lines without number, are refused in bounded memory", "[pasted]") {
  const std::string piece(60'000, 'x');
  Pasted endless_line;
  CHECK_FALSE(endless_line.take(view(piece)));
  CHECK(endless_line.take(view(piece)) == std::string{});
  CHECK(endless_line.rest().empty());
  // Its end is no description either, and then all is well again.
  CHECK_FALSE(endless_line.take(view("xxx\n")));
  CHECK(endless_line.take(view(to_one_line(description) + "\n")) == description);

  Pasted endless_lines;
  std::optional<std::string> refused;
  for (int i = 0; i < 100'000 && !refused; ++i) refused = endless_lines.take(view("a=candidate:\n"));
  CHECK(refused == std::string{});
}
