#include "natkit/turn/credentials.hpp"

#include "catch.hpp"

using namespace natkit;
using namespace natkit::turn;
using namespace std::chrono_literals;

TEST_CASE("A shared secret makes the names and passwords that coturn knows", "[credentials]") {
  const auto made = make_rest_credentials("north", UnixTime{1700000000s}, "alice");
  CHECK(made.username == "1700000000:alice");
  CHECK(made.password == "Cd/49soE35ICqcJF/bCTn8Z4OyE=");  // by Python's hmac and base64
  CHECK(make_rest_credentials("north", UnixTime{1700000000s}).username == "1700000000");
}

TEST_CASE("A name says when it ends, or is none that a secret makes", "[credentials]") {
  CHECK(end_of_rest_username("1700000000:alice") == UnixTime{1700000000s});
  CHECK(end_of_rest_username("1700000000") == UnixTime{1700000000s});
  CHECK(end_of_rest_username("17:1:2") == UnixTime{17s});
  for (const auto* name : {"", ":", "alice", "12x:alice", "-1:alice", " 1:alice", "99999999999999999999:alice"})
    CHECK_FALSE(end_of_rest_username(name));
}
