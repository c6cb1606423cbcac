// The lines that meshctl gives to scripts and to people, and its drawing.
#include "natkit/report/mesh_events.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::report;
using namespace std::chrono_literals;
using nlohmann::ordered_json;

namespace {
constexpr std::string_view nasty = "two\nlines \x1b[31mred \xff";
const std::string anna(64, 'a'), ben(64, 'b'), cleo(64, 'c');

Endpoint at(const char* text) { return *parse_endpoint(text); }

PathFacts direct() {
  return {
      .kind = PathKind::reflexive, .local = at("203.0.113.7:7000"), .remote = at("[2001:db8::9]:9000"), .rtt = 50123us};
}

/// Anna leads, seen from Ben; Cleo is reached through Anna, and has no name.
MeshStatus session() {
  return {.session = std::string(32, '5'),
          .name = "den",
          .state = "member",
          .host = anna,
          .epoch = 3,
          .sequence = 17,
          .most = 8,
          .is_locked = true,
          .witness = "votes",
          .server = at("192.0.2.1:3478"),
          .carried_bytes = 4096,
          .members = {{.id = anna,
                       .name = "anna",
                       .number = 1,
                       .is_host = true,
                       .is_voter = true,
                       .is_ready = true,
                       .path = direct(),
                       .score = 0.5},
                      {.id = ben, .name = "ben", .number = 2, .is_self = true, .is_voter = true, .rank = 1},
                      {.id = cleo,
                       .number = 4,
                       .rank = 2,
                       .path = PathFacts{.kind = PathKind::routed, .remote = at("192.0.2.9:9")},
                       .via = anna}}};
}

/// In order, since people read them too.
std::vector<std::string> keys_of(const ordered_json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}
using Keys = std::vector<std::string>;

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
}  // namespace

TEST_CASE("Every event of a session is one JSON object on one line, with its own name", "[mesh_events]") {
  const Error error{Errc::usage, "some-reason", std::string{nasty}, {}};
  const std::vector<std::pair<std::string, std::string>> events{
      {"registered", MeshEvents::registered(at("192.0.2.1:3478"))},
      {"joined", MeshEvents::joined(session())},
      {"member-joined", MeshEvents::member_joined(anna, nasty)},
      {"member-left", MeshEvents::member_left(anna, nasty, "crashed")},
      {"host-changed", MeshEvents::host_changed(anna, ben, 4, "lost")},
      {"became-host", MeshEvents::became_host(4)},
      {"state-inherited", MeshEvents::state_inherited(17, 2300ms)},
      {"link", MeshEvents::link(anna, direct(), {})},
      {"entered", MeshEvents::entered(anna, "knock", direct())},
      {"invite", MeshEvents::invite({.text = "natkit:AQ", .scope = "anywhere"})},
      {"paused", MeshEvents::paused()},
      {"resumed", MeshEvents::resumed()},
      {"forked", MeshEvents::forked("0a", "0b")},
      {"merged", MeshEvents::merged("0a")},
      {"rejected", MeshEvents::rejected("rejected", nasty, {anna})},
      {"removed", MeshEvents::removed("kicked")},
      {"message", MeshEvents::message(anna, nasty, nasty)},
      {"all-ready", MeshEvents::all_ready()},
      {"ended", MeshEvents::ended()},
      {"trouble", MeshEvents::trouble(error)},
      {"status", MeshEvents::status(session())},
  };
  for (const auto& [name, line] : events) {
    INFO(line);
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.find('\x1b') == std::string::npos);
    const auto parsed = ordered_json::parse(line);
    const auto keys = keys_of(parsed);
    REQUIRE(keys.size() >= 2);
    CHECK(Keys{keys[0], keys[1]} == Keys{"schema", "event"});
    CHECK(parsed.at("schema") == "natkit/meshctl/1");
    CHECK(parsed.at("event") == name);
  }
}

TEST_CASE("Who has joined is told the whole session, with the keys of the contract", "[mesh_events]") {
  const auto joined = ordered_json::parse(MeshEvents::joined(session()));
  CHECK(keys_of(joined) == Keys{"schema", "event", "member", "session", "name", "state", "host", "epoch", "sequence",
                                "max", "locked", "witness", "server", "carried_bytes", "traffic", "members", "reach",
                                "pairs"});
  CHECK(joined.at("member") == ben);
  CHECK(joined.at("host") == anna);
  CHECK(joined.at("epoch") == 3);
  CHECK(joined.at("sequence") == 17);
  CHECK(joined.at("max") == 8);
  CHECK(joined.at("locked") == true);
  CHECK(joined.at("server") == "192.0.2.1:3478");
  CHECK(joined.at("carried_bytes") == 4096);
  REQUIRE(joined.at("members").size() == 3);
  const auto& host = joined.at("members").at(0);
  CHECK(keys_of(host) == Keys{"member", "name", "number", "self", "host", "voter", "ready", "rank", "path", "via",
                              "score", "fitness", "traffic"});
  CHECK(host.at("host") == true);
  CHECK(host.at("self") == false);
  CHECK(host.at("voter") == true);
  CHECK(host.at("ready") == true);
  CHECK(keys_of(host.at("path")) == Keys{"kind", "transport", "local", "remote", "rtt_ms"});
  CHECK(host.at("path").at("kind") == "reflexive");
  CHECK(host.at("path").at("remote") == "[2001:db8::9]:9000");
  CHECK(host.at("path").at("rtt_ms") == 50.123);
  CHECK(host.at("score") == 0.5);
  CHECK(joined.at("members").at(2).at("via") == anna);
  CHECK(joined.at("members").at(2).at("path").at("kind") == "routed");
}

TEST_CASE("What a member does not know of the session is null, never a number and never false", "[mesh_events]") {
  const auto members = ordered_json::parse(MeshEvents::status(session())).at("members");
  CHECK(members.at(0).at("rank").is_null());
  CHECK(members.at(0).at("via").is_null());
  CHECK(members.at(1).at("path").is_null());
  CHECK(members.at(1).at("score").is_null());
  CHECK(members.at(2).at("path").at("local").is_null());
  CHECK(members.at(2).at("path").at("rtt_ms").is_null());
  const auto joining = ordered_json::parse(MeshEvents::status({.name = "den", .state = "joining"}));
  CHECK(joining.at("name") == "den");
  CHECK(joining.at("state") == "joining");
  for (const auto* key : {"member", "session", "host", "epoch", "sequence", "max", "locked", "server"}) {
    CAPTURE(key);
    CHECK(joining.at(key).is_null());
  }
  CHECK(ordered_json::parse(MeshEvents::host_changed("", anna, 1, "founded")).at("old").is_null());
  CHECK(ordered_json::parse(MeshEvents::rejected("full", "", {})).at("text").is_null());
  CHECK(ordered_json::parse(MeshEvents::trouble({Errc::usage, "r", "d", {}})).at("advice").is_null());
  const auto gone = ordered_json::parse(MeshEvents::link(anna, {}, {}));
  CHECK(gone.at("path").is_null());
  CHECK(gone.at("via").is_null());
}

TEST_CASE("What happens to members and hosts is told with the keys of the contract", "[mesh_events]") {
  const auto changed = ordered_json::parse(MeshEvents::host_changed(anna, ben, 4, "handed-over"));
  CHECK(keys_of(changed) == Keys{"schema", "event", "old", "new", "epoch", "cause"});
  CHECK(changed.at("old") == anna);
  CHECK(changed.at("new") == ben);
  CHECK(changed.at("cause") == "handed-over");
  const auto left = ordered_json::parse(MeshEvents::member_left(anna, "anna", "crashed"));
  CHECK(keys_of(left) == Keys{"schema", "event", "member", "name", "cause"});
  const auto linked = ordered_json::parse(MeshEvents::link(cleo, direct(), anna));
  CHECK(keys_of(linked) == Keys{"schema", "event", "peer", "path", "via"});
  CHECK(linked.at("via") == anna);
  const auto rejected = ordered_json::parse(MeshEvents::rejected("not-all-reached", "", {anna, ben}));
  CHECK(keys_of(rejected) == Keys{"schema", "event", "reason", "text", "peers", "pairs"});
  CHECK(rejected.at("peers") == ordered_json{anna, ben});
  const auto message = ordered_json::parse(MeshEvents::message(anna, "anna", "hi"));
  CHECK(keys_of(message) == Keys{"schema", "event", "from", "name", "text"});
}

TEST_CASE("An invite is told with who can use it and the addresses in it", "[mesh_events]") {
  const auto told = ordered_json::parse(
      MeshEvents::invite({.text = "natkit:AQ", .scope = "perhaps", .entries = {{anna, {at("192.0.2.1:3478")}}}}));
  CHECK(keys_of(told) == Keys{"schema", "event", "invite", "scope", "entries"});
  CHECK(told.at("invite") == "natkit:AQ");
  CHECK(told.at("scope") == "perhaps");
  CHECK(told.at("entries").at(0).at("member") == anna);
  CHECK(told.at("entries").at(0).at("endpoints").at(0) == "192.0.2.1:3478");
  CHECK(keys_of(ordered_json::parse(MeshEvents::entered(anna, "server", {}))) ==
        Keys{"schema", "event", "member", "by", "path"});
  CHECK(MeshWords::invite_note("anywhere").empty());
  CHECK(has(MeshWords::invite_note("network"), "nobody but hosts of this network"));
  CHECK(has(MeshWords::invite_note("perhaps"), "depends on the NATs"));
}

TEST_CASE("A list is one object whose rows say what the directory knows", "[mesh_events]") {
  const auto none = ordered_json::parse(MeshEvents::list({}));
  CHECK(keys_of(none) == Keys{"schema", "sessions"});
  CHECK(none.at("sessions") == ordered_json::array());
  const MeshRow row{.session = "5555",
                    .name = "den",
                    .address = "203.0.113.7",
                    .members = 3,
                    .has_password = true,
                    .age = 1500ms,
                    .tags = {{"map", "hills"}}};
  const auto listed = ordered_json::parse(MeshEvents::list({row})).at("sessions").at(0);
  CHECK(keys_of(listed) == Keys{"session", "name", "game", "tags", "host", "address", "members", "max", "password",
                                "router_is_open", "age_ms"});
  CHECK(listed.at("tags") == ordered_json{{"map", "hills"}});
  CHECK(listed.at("password") == true);
  CHECK(listed.at("age_ms") == 1500.0);
  for (const auto* key : {"game", "host", "max", "router_is_open"}) CHECK(listed.at(key).is_null());
  CHECK(MeshWords::list({}) == "no sessions are listed there\n");
  CHECK(has(MeshWords::list({row}), "den"));
}

TEST_CASE("What strangers call themselves and their sessions cannot change a terminal", "[mesh_events]") {
  auto status = session();
  status.name = nasty;
  status.members[0].name = nasty;
  const MeshRow row{.name = std::string{nasty}, .game = std::string{nasty}, .address = "203.0.113.7"};
  for (const auto& text :
       {MeshWords::joined(status), MeshWords::member_joined(nasty, 2), MeshWords::member_left(nasty, "left"),
        MeshWords::host_changed(nasty, nasty, 1, "left"), MeshWords::link(nasty, direct(), nasty)}) {
    CAPTURE(text);
    CHECK_FALSE(has(text, "\x1b"));
    CHECK_FALSE(has(text, "\n"));
    CHECK_FALSE(has(text, "\xff"));
  }
  for (const auto& table :
       {MeshWords::status(status), MeshWords::members(status), MeshWords::list({row}), mesh_svg(status)}) {
    CAPTURE(table);
    CHECK_FALSE(has(table, "\x1b"));
    CHECK_FALSE(has(table, "two\nlines"));
    CHECK_FALSE(has(table, "\xff"));
  }
}

TEST_CASE("A table of members has a line for each, with the host, the order of succession and the path",
          "[mesh_events]") {
  const auto table = MeshWords::members(session());
  CHECK(std::count(table.begin(), table.end(), '\n') == 4);
  for (const auto* part : {"host", "50.1 ms", "reflexive", "this host", "routed by anna", "cccccccc"}) {
    CAPTURE(part, table);
    CHECK(has(table, part));
  }
  const auto status = MeshWords::status(session());
  for (const auto* part : {"den  3 of 8 members, locked", "anna  epoch 3", "192.0.2.1:3478"}) {
    CAPTURE(part, status);
    CHECK(has(status, part));
  }
  CHECK(status.ends_with(table));
}

TEST_CASE("Somebody who is joining is not told of a session with nobody in it", "[mesh_events]") {
  const auto status = MeshWords::status({.name = "den", .state = "joining"});
  CHECK(has(status, "session  den\n"));
  CHECK(has(status, "state    joining\n"));
  CHECK_FALSE(has(status, "0 of 0"));
  CHECK_FALSE(has(status, "epoch"));
}

TEST_CASE("The drawing marks the host and escapes what XML would obey", "[mesh_events]") {
  auto status = session();
  status.name = "<den> & \"sons\"";
  status.members[0].name = "<script>alert(1)</script>";
  const auto drawing = mesh_svg(status);
  CAPTURE(drawing);
  CHECK(drawing.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  CHECK(drawing.ends_with("</svg>\n"));
  CHECK_FALSE(has(drawing, "<script"));
  CHECK_FALSE(has(drawing, "<den"));
  CHECK(has(drawing, "&lt;den&gt; &amp; &quot;sons&quot;"));
  CHECK(has(drawing, "alert(1)&lt;/script&gt; (host)"));
  const auto count = [&](std::string_view part) {
    std::size_t found = 0;
    for (auto from = drawing.find(part); from != std::string::npos; from = drawing.find(part, from + 1)) ++found;
    return found;
  };
  CHECK(count("<circle") == 3);
  CHECK(count("<line") == 2);
  CHECK_FALSE(has(mesh_svg({.name = "den", .state = "joining"}), "nan"));
}
