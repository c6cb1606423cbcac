#include "natkit/base/base64.hpp"

#include "catch.hpp"
#include "natkit/base/rng.hpp"

using namespace natkit;

TEST_CASE("Base64 is that of RFC 4648 §10", "[base64]") {
  const auto [plain, text] = GENERATE(table<std::string, std::string>({{"", ""},
                                                                       {"f", "Zg=="},
                                                                       {"fo", "Zm8="},
                                                                       {"foo", "Zm9v"},
                                                                       {"foob", "Zm9vYg=="},
                                                                       {"fooba", "Zm9vYmE="},
                                                                       {"foobar", "Zm9vYmFy"}}));
  CHECK(to_base64(as_bytes(plain)) == text);
  const auto back = from_base64(text);
  REQUIRE(back);
  CHECK(as_text(*back) == plain);
}

TEST_CASE("Base64 that no encoder writes is refused", "[base64]") {
  for (const auto* text : {"Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm9v\n", "Zm9v Zm9v",
                           "Z===", "====", "Zg==Zg==", "Zm-_", "Zm9vYg==\n"})
    CHECK_FALSE(from_base64(text));
}

TEST_CASE("Any bytes come back from base64", "[base64]") {
  SeededRng rng{1};
  for (std::size_t size = 0; size < 200; ++size) {
    Bytes bytes(size);
    rng.fill(bytes);
    CHECK(from_base64(to_base64(bytes)) == bytes);
  }
}
