#include "natkit/rendezvous/message.hpp"

#include <array>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::rendezvous;
using namespace std::chrono_literals;

namespace {
/// One of each, with every key.
std::vector<Message> samples() {
  const AttemptId attempt{0x9f00112233445566U};
  const auto endpoint = *parse_endpoint("[2001:db8::1]:4000");
  return {Hello{},
          Welcome{.address = endpoint, .ping_interval = 15s},
          Register{.id = "sha-256 AA", .token = "t", .heard = 7},
          Register{.id = "sha-256 AA", .token = "t"},
          Registered{.session = Registered::Session::resumed, .heard = 3},
          Registered{.services = {{.kind = Service::Kind::turn, .credentials = turn::Credentials{"n", "p"}}},
                     .services_for = 1h},
          Renewed{.services = {{.kind = Service::Kind::stun, .address = endpoint, .name = "s"}}},
          Ping{.number = 1, .heard = 2},
          Pong{.number = 1, .heard = 2},
          Closing{},
          Goodbye{.reason = Reason::server_full, .detail = "full"},
          Open{.place = PlaceId{1}, .purpose = Purpose::connect, .name = "den", .description = "d\n\"", .wait = 1500ms},
          Open{.place = PlaceId{1}, .purpose = Purpose::pair, .name = "den"},
          Describe{.place = PlaceId{2}, .description = "d"},
          Close{.place = PlaceId{3}},
          AttemptResult{.attempt = attempt, .outcome = Outcome::connected, .path = "host"},
          PeerFound{.place = PlaceId{1},
                    .attempt = attempt,
                    .role = Role::controlled,
                    .peer = "b",
                    .peer_purpose = Purpose::listen,
                    .peer_address = endpoint,
                    .description = "theirs",
                    .start_in = 12500us},
          Refused{.reason = Reason::already_in_progress,
                  .detail = "x",
                  .finality = Finality::passing,
                  .place = PlaceId{1},
                  .attempt = attempt},
          Refused{.reason = Reason::rejected, .detail = "", .finality = Finality::final},
          Candidate{.attempt = attempt, .text = "c"},
          Restart{.attempt = attempt, .description = "r"},
          Bye{.attempt = attempt, .reason = Reason::closed}};
}

MessageError error_of(std::string_view line) {
  const auto parsed = parse_message(line);
  REQUIRE_FALSE(parsed);
  return parsed.error();
}
}  // namespace

TEST_CASE("Every message comes back as it was written, on one line", "[rendezvous][message]") {
  std::array<bool, std::variant_size_v<Message>> seen{};
  for (const auto& message : samples()) {
    const auto line = write_message(message);
    CAPTURE(line);
    REQUIRE(line.ends_with('\n'));
    CHECK(line.find('\n') == line.size() - 1);
    const auto parsed = parse_message(std::string_view{line}.substr(0, line.size() - 1));
    REQUIRE(parsed);
    CHECK(parsed->index() == message.index());
    CHECK(write_message(*parsed) == line);
    seen[message.index()] = true;
  }
  for (const auto each : seen) CHECK(each);
}

TEST_CASE("What a newer version adds is passed over", "[rendezvous][message]") {
  CHECK(error_of(R"({"type":"dance","with":"me"})") == MessageError::unknown_type);
  const auto parsed =
      parse_message(R"({"type":"bye","attempt":"00000000000000ff","reason":"brand-new","mood":[1,{}]})");
  REQUIRE(parsed);
  CHECK(std::get<Bye>(*parsed).attempt == AttemptId{255});
  CHECK(std::get<Bye>(*parsed).reason == Reason::rejected);
}

TEST_CASE("What is no message is told from a message that is wrong", "[rendezvous][message]") {
  for (const auto* line :
       {"", "GET / HTTP/1.1", "[]", "null", "7", "\"hello\"", "{\"type\":", "{\"type\":\"hello\xff\"}"})
    CHECK(error_of(line) == MessageError::not_json);
  for (const auto* line :
       {R"({})", R"({"type":7})", R"({"type":"hello"})", R"({"type":"hello","version":"1"})",
        R"({"type":"hello","version":-1})", R"({"type":"hello","version":1.5})",
        R"({"type":"hello","version":4294967296})", R"({"type":"register","id":"","token":"t"})",
        R"({"type":"register","id":7,"token":"t"})", R"({"type":"bye","attempt":"ff","reason":"closed"})",
        R"({"type":"bye","attempt":"00000000000000fg","reason":"closed"})",
        R"({"type":"bye","attempt":"-0000000000000ff","reason":"closed"})",
        R"({"type":"open","place":1,"purpose":"dance","name":"n"})",
        R"({"type":"open","place":1,"purpose":"pair","name":"n","wait_ms":-1})",
        R"({"type":"open","place":1,"purpose":"pair","name":"n","wait_ms":1e300})",
        R"({"type":"welcome","version":1,"address":"nowhere","ping_interval_ms":1})"}) {
    CAPTURE(line);
    CHECK(error_of(line) == MessageError::malformed);
  }
}

TEST_CASE("A line of brackets that never end is refused without harm", "[rendezvous][message]") {
  for (const char c : {'[', '{'}) {
    std::string line(32768, c);
    CHECK(error_of(line) == MessageError::not_json);
  }
  std::string deep = R"({"type":"closing","x":)" + std::string(10000, '[') + std::string(10000, ']') + "}";
  CHECK(parse_message(deep));
}

TEST_CASE("Text that is no UTF-8 is still written as JSON", "[rendezvous][message]") {
  const auto line = write_message(Candidate{.attempt = AttemptId{1}, .text = "a\xff\xfe"});
  CHECK(parse_message(std::string_view{line}.substr(0, line.size() - 1)));
}
