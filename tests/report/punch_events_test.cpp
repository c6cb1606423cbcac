// The lines that punch gives to scripts and to people.
#include "natkit/report/punch_events.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::report;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {
Endpoint at(const char* text) { return *parse_endpoint(text); }

PathFacts direct() {
  return {.kind = PathKind::reflexive,
          .transport = Protocol::udp,
          .local = at("203.0.113.7:7000"),
          .remote = at("[2001:db8::9]:9000"),
          .rtt = 50123us};
}
PathFacts relayed() { return {.kind = PathKind::relayed, .remote = at("198.51.100.1:50000")}; }

constexpr std::array kinds{PathKind::host,    PathKind::reflexive, PathKind::mapped, PathKind::predicted,
                           PathKind::sprayed, PathKind::routed,    PathKind::relayed};
constexpr std::string_view nasty = "two\nlines \x1b[31mred \xff";
}  // namespace

TEST_CASE("Every event is one JSON object on one line, with the schema's and its own name", "[punch_events]") {
  const Error error{Errc::usage, "some-reason", std::string{nasty}, {}};
  const std::vector<std::pair<std::string, std::string>> events{
      {"registered", PunchEvents::registered(at("192.0.2.1:3479"), at("203.0.113.7:7000"), 50ms)},
      {"candidate", PunchEvents::candidate("host", "udp", at("192.168.1.2:7000"))},
      {"description", PunchEvents::description(nasty)},
      {"peer-found", PunchEvents::peer_found({.name = nasty, .role = "controlling", .address = at("198.51.100.9:1")})},
      {"path", PunchEvents::path(direct())},
      {"connected", PunchEvents::connected(direct(), 1s, {})},
      {"secured", PunchEvents::secured(nasty, 1s)},
      {"upgraded", PunchEvents::upgraded(relayed(), direct())},
      {"lost", PunchEvents::lost(relayed())},
      {"report", PunchEvents::quality(direct(), {})},
      {"listening", PunchEvents::listening(Protocol::tcp, at("127.0.0.1:22"), nasty)},
      {"refused", PunchEvents::refused("peer", Protocol::udp, nasty, nasty)},
      {"closed", PunchEvents::closed("peer-left", nasty)},
      {"trouble", PunchEvents::trouble(error)},
  };
  for (const auto& [name, line] : events) {
    INFO(line);
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.find('\x1b') == std::string::npos);
    const auto parsed = json::parse(line);
    CHECK(parsed.at("schema") == "natkit/punch/1");
    CHECK(parsed.at("event") == name);
  }
}

TEST_CASE("What is not known is null, never a number", "[punch_events]") {
  const auto registered = json::parse(PunchEvents::registered(at("192.0.2.1:3479"), at("203.0.113.7:7000"), {}));
  CHECK(registered.at("rtt_ms").is_null());
  const auto found = json::parse(PunchEvents::peer_found({.role = "controlled"}));
  CHECK(found.at("peer").is_null());
  CHECK(found.at("address").is_null());
  CHECK(found.at("same_public_address").is_null());
  const auto path = json::parse(PunchEvents::path(relayed()));
  CHECK(path.at("local").is_null());
  CHECK(path.at("rtt_ms").is_null());
  CHECK(json::parse(PunchEvents::closed("peer-left", "")).at("detail").is_null());
  CHECK(json::parse(PunchEvents::trouble({Errc::usage, "r", "d", {}})).at("advice").is_null());
  const auto unmeasured = json::parse(PunchEvents::quality(direct(), {}));
  for (const auto* key : {"loss", "rtt_ms", "least_rtt_ms", "most_rtt_ms", "jitter_ms"})
    CHECK(unmeasured.at(key).is_null());
}

TEST_CASE("A path is told with its kind, both ends and its round trip in milliseconds", "[punch_events]") {
  const auto connected = json::parse(PunchEvents::connected(direct(), 61500us, {}));
  CHECK(connected.at("direct") == true);
  CHECK(connected.at("elapsed_ms") == 61.5);
  const auto& path = connected.at("path");
  CHECK(path.at("kind") == "reflexive");
  CHECK(path.at("transport") == "udp");
  CHECK(path.at("local") == "203.0.113.7:7000");
  CHECK(path.at("remote") == "[2001:db8::9]:9000");
  CHECK(path.at("rtt_ms") == 50.123);
  const auto upgraded = json::parse(PunchEvents::upgraded(relayed(), direct()));
  CHECK(upgraded.at("before").at("kind") == "relayed");
  CHECK(upgraded.at("path").at("kind") == "reflexive");
  CHECK(upgraded.at("direct") == true);
}

TEST_CASE("What is remembered of the way to a peer is told with its age, and nothing where nothing is",
          "[punch_events]") {
  CHECK(json::parse(PunchEvents::connected(relayed(), 1ms, {})).at("remembered").is_null());
  const auto told = json::parse(PunchEvents::connected(relayed(), 1ms, 3h)).at("remembered");
  CHECK(told.dump() == R"({"age_ms":10800000.0,"direct":false})");
  const auto at_hand = PunchWords::remembered(3h + 59min, PunchWords::Relay::at_hand);
  CHECK(at_hand.find("no direct path was found here to this peer 3 h ago") != std::string::npos);
  CHECK(at_hand.find("the relay is used at once, and a direct one is still tried") != std::string::npos);
  CHECK(PunchWords::remembered(3h, PunchWords::Relay::unknown).find("relay") == std::string::npos);
}

TEST_CASE("Only what goes through somebody else is not direct, and every kind has its own name", "[punch_events]") {
  std::set<std::string_view> names;
  for (const auto kind : kinds) {
    auto path = direct();
    path.kind = kind;
    const auto is_direct = kind != PathKind::relayed && kind != PathKind::routed;
    CHECK(json::parse(PunchEvents::connected(path, 1ms, {})).at("direct") == is_direct);
    CHECK((PunchWords::connected(path, 1ms).find("directly") != std::string::npos) == is_direct);
    names.insert(to_text(kind));
  }
  CHECK(names.size() == kinds.size());
  CHECK_FALSE(names.contains(""));
}

TEST_CASE("Quality is told as counted: loss is the part that did not come back", "[punch_events]") {
  const PathQuality quality{.sent = 40, .answered = 39, .least = 48ms, .median = 50ms, .most = 71ms, .jitter = 1200us};
  const auto report = json::parse(PunchEvents::quality(direct(), quality));
  CHECK(report.at("sent") == 40);
  CHECK(report.at("answered") == 39);
  CHECK(report.at("loss") == 0.025);
  CHECK(report.at("rtt_ms") == 50.0);
  CHECK(report.at("least_rtt_ms") == 48.0);
  CHECK(report.at("most_rtt_ms") == 71.0);
  CHECK(report.at("jitter_ms") == 1.2);
  const auto words = PunchWords::quality(direct(), quality);
  for (const auto* part : {"50.0 ms", "least 48.0", "most 71.0", "jitter 1.2", "2.5 % of 40"}) {
    CAPTURE(part, words);
    CHECK(words.find(part) != std::string::npos);
  }
  CHECK(PunchWords::quality(direct(), {.sent = 40}).find("nothing came back of 40") != std::string::npos);
}

TEST_CASE("Two behind one public address are told so, and nobody else is", "[punch_events]") {
  const auto told = [](const char* peer, const char* own) {
    const PeerFacts facts{.address = at(peer), .own = at(own).address};
    CHECK((PunchWords::peer_found(facts).find("the same public address") != std::string::npos) ==
          (facts.share_public_address() == true));
    return json::parse(PunchEvents::peer_found(facts)).at("same_public_address");
  };
  CHECK(told("198.51.100.9:1", "198.51.100.9:2") == true);
  CHECK(told("198.51.100.9:1", "198.51.100.8:1") == false);
  CHECK(told("[2001:db8::1]:1", "198.51.100.9:1").is_null());
}

TEST_CASE("People see the beginning of a fingerprint, and nothing that could change their terminal", "[punch_events]") {
  const auto words =
      PunchWords::peer_found({.name = "sha-256 AB:CD:EF:01:23:45:67:89", .address = at("198.51.100.9:1")});
  CHECK(words.find("AB:CD:EF:01 ") != std::string::npos);
  CHECK(words.find(":23") == std::string::npos);
  for (const auto& line :
       {PunchWords::peer_found({.name = "\x1b[2J\n"}), PunchWords::listening(Protocol::tcp, at("127.0.0.1:1"), nasty),
        PunchWords::forwarded(Protocol::udp, {}, nasty)}) {
    CHECK(line.find('\x1b') == std::string::npos);
    CHECK(line.find('\n') == std::string::npos);
  }
}
