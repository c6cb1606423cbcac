// What meshctl says of who can be reached, to scripts and to people.
#include "natkit/report/mesh_reach.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "natkit/report/mesh_events.hpp"

using namespace natkit;
using namespace natkit::report;
using nlohmann::ordered_json;

namespace {
constexpr std::string_view nasty = "two\nlines \x1b[31mred \xff";
const std::string anna(64, 'a'), ben(64, 'b'), cleo(64, 'c');

Endpoint at(const char* text) { return *parse_endpoint(text); }
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

MeshReach mapped() {
  return {.reach = "open",
          .reason = "mapped",
          .can_host = true,
          .nat = true,
          .mapping = Behavior::endpoint_independent,
          .filtering = {Behavior::address_dependent, Behavior::address_and_port_dependent},
          .seen_as = at("203.0.113.7:7000"),
          .port = {.state = "held",
                   .external = at("203.0.113.7:50000"),
                   .internal = at("192.168.1.2:4000"),
                   .method = "pcp"},
          .evidence = {"somebody saw it"}};
}

MeshReach hard() {
  return {.reach = "hard",
          .reason = "port-each-peer",
          .can_host = false,
          .port = {.state = "refused", .detail = "the router 192.168.1.1 answers neither PCP nor UPnP"},
          .forward = MeshReach::Forward{at("192.168.1.2:4000"), 4000, "enter a rule by hand"}};
}
}  // namespace

TEST_CASE("What a host finds out of its network is told with the keys of the contract", "[mesh_reach]") {
  const auto told = ordered_json::parse(MeshEvents::reach(mapped()));
  std::vector<std::string> keys;
  for (const auto& [key, value] : told.items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"schema", "event", "reach", "reason", "can_host", "nat", "mapping",
                                         "filtering", "seen_as", "port", "forward", "evidence"});
  CHECK(told.at("event") == "reach");
  CHECK(told.at("can_host") == true);
  CHECK(told.at("mapping") == "endpoint-independent");
  CHECK(told.at("filtering") == ordered_json{"address-dependent", "address-and-port-dependent"});
  CHECK(told.at("port").at("state") == "held");
  CHECK(told.at("port").at("external") == "203.0.113.7:50000");
  CHECK(told.at("port").at("method") == "pcp");
  CHECK(told.at("forward").is_null());
  CHECK(told.at("evidence").size() == 1);
  const auto forward = ordered_json::parse(MeshEvents::reach(hard())).at("forward");
  CHECK(forward.at("protocol") == "udp");
  CHECK(forward.at("internal") == "192.168.1.2:4000");
  CHECK(forward.at("external_port") == 4000);
}

TEST_CASE("What is not known of a network is null, with its reason, and no reason to do anything", "[mesh_reach]") {
  const MeshReach unknown{.reason = "no-answer"};
  const auto told = ordered_json::parse(MeshEvents::reach(unknown));
  for (const auto* key : {"reach", "can_host", "nat", "mapping", "filtering", "seen_as", "forward"}) {
    CAPTURE(key);
    CHECK(told.at(key).is_null());
  }
  CHECK(told.at("reason") == "no-answer");
  CHECK(has(reach_text(unknown), "not known: no server answered"));
  CHECK(can_host_text(unknown.can_host) == "unknown");
  CHECK(forward_text(unknown).empty());
  CHECK(forward_text(mapped()).empty());
  CHECK(forward_text({.reach = "easy", .reason = "same-port"}).empty());
}

TEST_CASE("A host that nobody can reach is told what to forward, or why that is in vain", "[mesh_reach]") {
  const auto words = forward_text(hard());
  for (const auto* part : {"strangers cannot reach this host", "the router opens no port",
                           "Forward UDP port 4000 to 192.168.1.2:4000: enter a rule by hand"}) {
    CAPTURE(part, words);
    CHECK(has(words, part));
  }
  auto unasked = hard();
  unasked.port = {};
  CHECK(has(forward_text(unasked), "no router was asked"));
  auto in_vain = hard();
  in_vain.forward.reset();
  CHECK(has(forward_text(in_vain), "answers neither"));
  CHECK_FALSE(has(forward_text(in_vain), "Forward"));
  CHECK(has(forward_text({.reach = "hard", .reason = "udp-blocked"}), "UDP does not pass"));
}

TEST_CASE("Nothing that a router says can change a terminal", "[mesh_reach]") {
  auto reach = hard();
  reach.port.detail = nasty;
  reach.forward.reset();
  for (const auto& text : {reach_text(reach), forward_text(reach)}) {
    CAPTURE(text);
    CHECK_FALSE(has(text, "\n"));
    CHECK_FALSE(has(text, "\x1b"));
  }
}

TEST_CASE("The matrix of pairs has what is predicted on one side and what is there on the other", "[mesh_reach]") {
  const std::vector<std::pair<std::string, std::string>> names{{anna, "anna"}, {ben, "ben"}, {cleo, "cleo"}};
  const std::vector<MeshPair> pairs{
      {anna, ben, "direct", "direct"}, {anna, cleo, "direct-with-prediction", "relayed"}, {ben, cleo, "", ""}};
  const auto matrix = pair_matrix(names, pairs);
  CHECK(matrix ==
        "pairs    anna     ben      cleo\n"
        "anna     -        direct   guess\n"
        "ben      direct   -        ?\n"
        "cleo     relayed  ?        -\n"
        "right of the diagonal what a pair is predicted to need, left of it what it has\n");
  CHECK(pair_matrix({names.front()}, {}).empty());
}

TEST_CASE("Who could not be linked with is told with what it would have taken", "[mesh_reach]") {
  const auto told = ordered_json::parse(
      MeshEvents::rejected("not-all-reached", {}, {ben}, {{.a = anna, .b = ben, .predicted = "relay"}}));
  CHECK(told.at("pairs").at(0).at("predicted") == "relay");
  CHECK(told.at("pairs").at(0).at("achieved").is_null());
  CHECK(has(need_text("relay"), "both NATs"));
  CHECK(has(need_text("direct-with-prediction"), "filters by port"));
  CHECK(need_text("").empty());
}

TEST_CASE("A status has the reach of this host and the pairs, for scripts and for people", "[mesh_reach]") {
  const MeshStatus status{
      .session = std::string(32, '5'),
      .name = "den",
      .state = "host",
      .host = anna,
      .members = {{.id = anna, .name = "anna", .is_self = true, .is_host = true}, {.id = ben, .name = "ben"}},
      .reach = mapped(),
      .pairs = {{anna, ben, "direct", "routed"}}};
  const auto told = ordered_json::parse(MeshEvents::status(status));
  CHECK(told.at("reach").at("reason") == "mapped");
  CHECK(told.at("pairs").at(0).at("a") == anna);
  CHECK(told.at("pairs").at(0).at("achieved") == "routed");
  const auto text = MeshWords::status(status);
  for (const auto* part : {"reach    anybody can reach this host", "can host yes",
                           "the router's port 203.0.113.7:50000", "anna     -        direct"}) {
    CAPTURE(part, text);
    CHECK(has(text, part));
  }
}
