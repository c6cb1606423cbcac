#include "natkit/base/printable.hpp"

#include "catch.hpp"

using natkit::printable;

TEST_CASE("Ordinary text of any script is shown as it is", "[printable]") {
  CHECK(printable("eth0 Grüße 日本 🎮") == "eth0 Grüße 日本 🎮");
}

TEST_CASE("What a terminal would obey is spelled out", "[printable]") {
  CHECK(printable("a\nb\t\x1b[31m\x7f") == R"(a\nb\t\x1b[31m\x7f)");
  CHECK(printable("\xc2\x9b") == R"(\x9b)");                      // C1: the one-byte CSI
  CHECK(printable("exe.\xe2\x80\xaegpj") == R"(exe.\u202egpj)");  // right-to-left override
  CHECK(printable(R"(\n)") == R"(\\n)");
}

TEST_CASE("Bytes that are not UTF-8 are spelled out one by one", "[printable]") {
  CHECK(printable("\xff\xc3") == R"(\xff\xc3)");
  CHECK(printable("\xc0\xaf") == R"(\xc0\xaf)");                  // overlong
  CHECK(printable("\xed\xa0\x80") == R"(\xed\xa0\x80)");          // a surrogate
  CHECK(printable("\xf4\x90\x80\x80") == R"(\xf4\x90\x80\x80)");  // past U+10FFFF
  CHECK(printable("\xe2\x82") == R"(\xe2\x82)");                  // cut off
}
