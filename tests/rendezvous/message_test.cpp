#include "natkit/rendezvous/message.hpp"

#include <array>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::rendezvous;
using namespace std::chrono_literals;

namespace {
Row full_row() {
  return {.session = "0123456789abcdef0123456789abcdef",
          .name = "den \"7\"",
          .game = "chess",
          .tags = {{"map", "north"}, {"mode", "duel"}},
          .host = std::string(64, 'a'),
          .epoch = 18'446'744'073'709'551'615U,
          .members = 2,
          .max = 8,
          .has_password = true,
          .visibility = Visibility::hidden,
          .doors = Doors::locked,
          .router_is_open = false,
          .version = "1.2",
          .entry_points = {std::string(64, 'a'), std::string(64, 'b')},
          .knock = "natkit:…",
          .columns = R"({"mapName":"Dune","n":[1,{}]})",
          .ttl = 20s};
}

/// One of each, with every key.
std::vector<Message> samples() {
  const AttemptId attempt{0x9f00112233445566U};
  const auto endpoint = *parse_endpoint("[2001:db8::1]:4000");
  return {
      Hello{},
      Welcome{.address = endpoint, .ping_interval = 15s},
      Register{.id = "sha-256 AA", .token = "t", .heard = 7},
      Register{.id = "sha-256 AA", .token = "t"},
      Registered{.session = Registered::Session::resumed, .heard = 3},
      Registered{.services = {{.kind = Service::Kind::turn, .credentials = turn::Credentials{"n", "p"}}},
                 .services_for = 1h,
                 .signer = std::string(64, 'e')},
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
      Bye{.attempt = attempt, .reason = Reason::closed},
      Publish{.row = full_row(), .token = "t", .old_host = HostEnd::lost},
      Publish{.row = {.session = "1"}, .token = "t"},
      Withdraw{.session = "1", .token = "t", .epoch = 4},
      Find{.question = 3,
           .query = {.room = Query::Room::not_full,
                     .password = Query::Password::without,
                     .doors = Doors::open,
                     .session = "1",
                     .name = "den",
                     .game = "chess",
                     .tags = {{"map", "north"}},
                     .blocked = {"b"},
                     .after = 7,
                     .most = 5}},
      Find{.question = 4},
      Published{.session = "1", .epoch = 4, .ttl = 30s, .failed_to_host = {{"m", 0.5}}},
      Withdrawn{.session = "1"},
      Rows{.question = 3,
           .rows = {{.row = full_row(), .address = endpoint.address, .age = 48h, .refreshed = 3s, .failed_to_host = 1},
                    {.row = {.session = "2"}}},
           .next = 9},
      Rows{.question = 3},
      DirectoryRefused{.reason = DirectoryRefusal::stale_epoch, .session = "1", .epoch = 3},
      DirectoryRefused{.reason = DirectoryRefusal::too_fast, .question = 3},
      DirectoryRefused{.reason = DirectoryRefusal::banned, .question = 3},
      WitnessText{.session = "1", .text = "who"},
      Seek{.question = 5,
           .seeker = {.member = "a",
                      .game = "chess",
                      .tags = {{"map", "north"}},
                      .players = 4,
                      .families = Seeker::Families::ipv6,
                      .reach = Reach::open,
                      .round_trip = 20ms,
                      .round_trips = {{"b", 4ms}},
                      .blocked = {"c"},
                      .strain = std::uint8_t{7},
                      .longest_trip = 80ms,
                      .most_strain = std::uint8_t{50}}},
      Seek{.question = 6, .seeker = {.member = "a"}},
      Unseek{.question = 6},
      Seeking{.question = 6, .waiting = 3},
      Matched{.question = 6,
              .match = {.session = "1",
                        .game = "chess",
                        .tags = {{"map", "north"}},
                        .players = {{.member = "a",
                                     .fitness = {.reach = Reach::easy,
                                                 .reached = std::size_t{1},
                                                 .mean_rtt = 20ms,
                                                 .failures = 0.5,
                                                 .strain = std::uint8_t{7}},
                                     .score = 0.75},
                                    {.member = "b"}}},
              .decision = SignedMatch{.text = "{\"a\":\"\n\"}", .certificate = {1, 2}, .signature = {3}}},
      Matched{.question = 6, .match = {.session = "1", .players = {{.member = "a"}, {.member = "b"}}}},
      ReportMember{.question = 7,
                   .report = {.session = "1",
                              .epoch = 2,
                              .member = "b",
                              .reason = Report::Reason::abuse,
                              .text = "rude",
                              .certificate = {1, 2},
                              .signature = {3, 4}}},
      ReportMember{.question = 8, .report = {.session = "1", .member = "b", .evidence = crypto::Sha256Digest{1, 2, 3}}},
      ReportTaken{.question = 7, .standing = ReportStanding::agreed}};
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

TEST_CASE("Who is told of a peer is told both roles: without its own, or what the peer opened, it is malformed",
          "[rendezvous][message]") {
  const std::string whole =
      R"({"type":"peer-found","place":1,"attempt":"00000000000000ff","role":"controlling","peer":"b",)"
      R"("peer_purpose":"listen","peer_address":"192.0.2.1:4000","description":"d","start_in_ms":1})";
  const auto without = [&](const std::string& part, const std::string& instead = {}) {
    auto line = whole;
    line.replace(line.find(part), part.size(), instead);
    return line;
  };
  const auto parsed = parse_message(whole);
  REQUIRE(parsed);
  CHECK(std::get<PeerFound>(*parsed).role == Role::controlling);
  CHECK(std::get<PeerFound>(*parsed).peer_purpose == Purpose::listen);
  CHECK(error_of(without(R"("role":"controlling",)")) == MessageError::malformed);
  CHECK(error_of(without("controlling", "both")) == MessageError::malformed);
  CHECK(error_of(without(R"("peer_purpose":"listen",)")) == MessageError::malformed);
  // Who wants to be found, and as what, says so too.
  CHECK(error_of(R"({"type":"open","place":1,"name":"n"})") == MessageError::malformed);
}

TEST_CASE("Evidence and decisions of the wrong kind are malformed", "[rendezvous][message]") {
  const auto report = [](const std::string& evidence) {
    return R"({"type":"report","question":1,"session":"1","epoch":1,"member":"b","reason":"abuse","certificate":"00",)"
           R"("signature":"00","evidence":)" +
           evidence + '}';
  };
  CHECK(parse_message(report('"' + std::string(64, 'a') + '"')));
  for (const auto* evidence : {"7", "\"aa\"", "\"xy\"", "{}"})
    CHECK(error_of(report(evidence)) == MessageError::malformed);
  const std::string matched =
      R"({"type":"matched","question":1,"session":"1","players":[{"member":"a"},{"member":"b"}])";
  CHECK(parse_message(matched + '}'));
  for (const auto* decision : {"7", "{}", R"({"text":"t","certificate":"0","signature":"00"})"})
    CHECK(error_of(matched + ",\"decision\":" + decision + '}') == MessageError::malformed);
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

TEST_CASE("A row comes back from its line as it went in", "[rendezvous][message][directory]") {
  for (const auto& row : {full_row(), Row{.session = "1"}, Row{.session = "2", .router_is_open = true}}) {
    auto line = write_message(Publish{.row = row, .token = "t"});
    line.pop_back();
    CHECK(std::get<Publish>(parse_message(line).value()).row == row);
  }
}

TEST_CASE("Rows and questions of the wrong kind are malformed", "[rendezvous][message][directory]") {
  const std::string deep = R"({"type":"publish","token":"t","row":{"session":"1","columns":{"a":)" +
                           std::string(8000, '[') + std::string(8000, ']') + "}}}";
  CHECK(error_of(deep) == MessageError::malformed);
  for (const auto* line :
       {R"({"type":"publish","token":"t"})", R"({"type":"publish","token":"t","row":[]})",
        R"({"type":"publish","token":"","row":{"session":"1"}})",
        R"({"type":"publish","token":"t","row":{"session":"1","doors":"ajar"}})",
        R"({"type":"publish","token":"t","row":{"session":"1","epoch":-1}})",
        R"({"type":"publish","token":"t","row":{"session":"1","router_is_open":1}})",
        R"({"type":"publish","token":"t","row":{"session":"1","tags":{"a":1}}})",
        R"({"type":"publish","token":"t","row":{"session":"1","tags":[]}})",
        R"({"type":"publish","token":"t","row":{"session":"1","entry_points":[7]}})",
        R"({"type":"publish","token":"t","row":{"session":"1","columns":"{}"}})", R"({"type":"find"})",
        R"({"type":"find","question":1,"most":-1})", R"({"type":"find","question":1,"name":7})",
        R"({"type":"rows","question":1,"rows":[7]})", R"({"type":"rows","question":1,"rows":[{"session":"1"}]})",
        R"({"type":"witness","session":"1"})"}) {
    CAPTURE(line);
    CHECK(error_of(line) == MessageError::malformed);
  }
}
