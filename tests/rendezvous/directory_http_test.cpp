#include "natkit/rendezvous/directory_http.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "natkit/crypto/signature.hpp"

using namespace natkit;
using namespace natkit::rendezvous;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {
const IpAddress home = IpAddress::v4(0xC6336401U);
const IpAddress elsewhere = IpAddress::v4(0xC6336402U);

struct Site {
  SeededRng rng{1};
  Directory directory{{}};
  DirectoryHttp http{{}, directory, rng};
  Instant now{1h};

  struct Answer {
    unsigned status = 0;
    json body;
    std::vector<std::pair<std::string, std::string>> headers;

    [[nodiscard]] std::string reason() const { return body.at("error").at("reason").get<std::string>(); }
    [[nodiscard]] std::string header(const std::string& name) const {
      for (const auto& [key, value] : headers)
        if (key == name) return value;
      return {};
    }
  };
  Answer ask(const std::string& method, const std::string& target, const std::string& body = {},
             const std::string& token = {}, const IpAddress& from = home) {
    auto response = http.handle(now, {.method = method,
                                      .target = target,
                                      .authorization = token.empty() ? "" : "Bearer " + token,
                                      .body = body,
                                      .from = from});
    return {response.status, response.body.empty() ? json() : json::parse(response.body), response.headers};
  }
  std::vector<std::string> names(const std::string& target) {
    const auto answer = ask("GET", target);
    CAPTURE(answer.body.dump());
    REQUIRE(answer.status == 200);
    std::vector<std::string> found;
    for (const auto& row : answer.body.contains("GET") ? answer.body["GET"] : answer.body["sessions"])
      found.push_back(row.at("name"));
    return found;
  }
};
using Names = std::vector<std::string>;
}  // namespace

TEST_CASE("What was said of a member is told as numbers, and of a stranger zeros", "[directory][http][reports]") {
  Site site;
  const auto stranger = site.ask("GET", "/v1/members/" + std::string(64, 'a'));
  REQUIRE(stranger.status == 200);
  CHECK(stranger.body.at("failed_to_host") == 0.0);
  CHECK(stranger.body.at("reports").is_null());  // nobody keeps them here
  CHECK(site.ask("GET", "/v1/members/anna").status == 400);
  CHECK(site.ask("DELETE", "/v1/members/" + std::string(64, 'a')).status == 405);

  Reports reports{{}};
  DirectoryHttp http{{}, site.directory, site.rng, &reports};
  const auto anna = crypto::Identity::make();
  const auto ben = crypto::Identity::make();
  Report report{.session = std::string(32, '1'),
                .epoch = 1,
                .member = to_hex(ben.fingerprint().digest),
                .certificate = crypto::certificate_of(anna)};
  report.signature = crypto::sign(anna, report_text(report));
  REQUIRE(reports.take(site.now, report, home));
  const auto ask = [&] {
    return json::parse(
        http.handle(site.now, {.method = "GET", .target = "/v1/members/" + report.member, .from = home}).body);
  };
  CHECK(ask().at("reports") == json{{"agreed", 0.0}, {"disputed", 0.0}});
  site.now += 2min;  // nobody else has said anything
  CHECK(ask().at("reports") == json{{"agreed", 0.0}, {"disputed", 1.0}});
}

TEST_CASE("A row is made, shown, refreshed, taken over and removed over HTTP", "[directory][http]") {
  Site site;
  const auto made = site.ask(
      "PUT", "/v1/sessions/ab12",
      R"({"name":"den","game":"chess","epoch":3,"members":1,"max":4,"router_is_open":true,"tags":{"map":"n"}})", "key");
  CHECK(made.status == 201);
  CHECK(made.header("Location") == "/v1/sessions/ab12");
  CHECK(made.body["schema"] == "natkit/rendezvousd/1");
  CHECK(made.body["ttl_ms"] == 30000);

  site.now += 5s;
  const auto shown = site.ask("GET", "/v1/sessions/ab12", {}, {}, elsewhere);
  REQUIRE(shown.status == 200);
  CHECK(shown.body["name"] == "den");
  CHECK(shown.body["address"] == "198.51.100.1");
  CHECK(shown.body["router_is_open"] == true);
  CHECK(shown.body["age_ms"] == 5000);
  CHECK(shown.body["failed_to_host"] == 0);

  CHECK(site.ask("PUT", "/v1/sessions/ab12", R"({"name":"den","epoch":3})", "key").status == 200);
  CHECK(site.ask("PUT", "/v1/sessions/ab12", R"({"name":"den","epoch":3})", "guess").status == 401);
  CHECK(site.ask("PUT", "/v1/sessions/ab12", R"({"name":"den","epoch":3})").status == 401);
  const auto stale = site.ask("PUT", "/v1/sessions/ab12", R"({"name":"den","epoch":2})", "key");
  CHECK(stale.status == 409);
  CHECK(stale.reason() == "stale-epoch");
  CHECK(site.ask("PUT", "/v1/sessions/ab12", R"({"epoch":4,"old_host":"lost"})", "key").body["how"] == "taken-over");

  CHECK(site.ask("DELETE", "/v1/sessions/ab12?epoch=3", {}, "key").status == 409);
  CHECK(site.ask("DELETE", "/v1/sessions/ab12", {}, "guess").status == 401);
  CHECK(site.ask("DELETE", "/v1/sessions/ab12?epoch=4", {}, "key").status == 204);
  CHECK(site.ask("DELETE", "/v1/sessions/ab12", {}, "key").status == 404);
  CHECK(site.ask("GET", "/v1/sessions/ab12").reason() == "not-found");
}

TEST_CASE("Who brings neither id nor token is given both", "[directory][http]") {
  Site site;
  const auto made = site.ask("POST", "/v1/sessions", R"({"name":"den"})");
  REQUIRE(made.status == 201);
  const auto id = made.body["session"].get<std::string>();
  const auto token = made.body["token"].get<std::string>();
  CHECK(id.size() == 32);
  CHECK(token.size() == 32);
  CHECK(token != id);
  CHECK(site.ask("PUT", "/v1/sessions/" + id, R"({"name":"lair"})", token).status == 200);
  CHECK(!site.ask("GET", "/v1/sessions/" + id).body.contains("token"));
  CHECK(site.ask("POST", "/v1/sessions", json{{"session", id}}.dump()).status == 401);
  CHECK(site.ask("DELETE", "/v1/sessions/" + id, {}, token).status == 204);
}

TEST_CASE("Lists are filtered, and a filter that is misspelt is not passed over", "[directory][http]") {
  Site site;
  const auto put = [&](const std::string& id, const std::string& body) {
    REQUIRE(site.ask("PUT", "/v1/sessions/" + id, body, "key").status == 201);
  };
  put("1", R"({"name":"a b","game":"chess","tags":{"map":"n&s"},"members":2,"max":2})");
  put("2", R"({"name":"c","game":"chess","has_password":true,"host":")" + std::string(64, 'b') + "\"}");
  put("3", R"({"name":"d","game":"cards","doors":"locked"})");
  put("4", R"({"name":"e","game":"cards","visibility":"hidden"})");
  CHECK(site.names("/v1/sessions") == Names{"a b", "c"});
  CHECK(site.names("/v1/sessions?game=chess&password=without") == Names{"a b"});
  CHECK(site.names("/v1/sessions?room=not-full") == Names{"c"});
  CHECK(site.names("/v1/sessions?tag=map=n%26s") == Names{"a b"});
  CHECK(site.names("/v1/sessions?name=a+b") == Names{"a b"});
  CHECK(site.names("/v1/sessions?name=d") == Names{"d"});
  CHECK(site.names("/v1/sessions?name=d&doors=open").empty());
  CHECK(site.names("/v1/sessions?name=e") == Names{"e"});
  CHECK(site.names("/v1/sessions?blocked=" + std::string(64, 'b')) == Names{"a b"});
  CHECK(site.names("/v1/sessions?limit=1") == Names{"a b"});
  const auto page = site.ask("GET", "/v1/sessions?limit=1");
  CHECK(site.names(fmt::format("/v1/sessions?after={}", page.body["next"].get<int>())) == Names{"c"});
  CHECK(site.ask("GET", "/v1/sessions").body["next"].is_null());
  for (const auto* wrong : {"gmae=chess", "room=full", "tag=map", "after=x", "after=-1", "limit=0", "game=%4"})
    CHECK(site.ask("GET", std::string{"/v1/sessions?"} + wrong).status == 400);
}

TEST_CASE("More rows than a page of the protocol come in one answer", "[directory][http]") {
  Site site;
  for (int i = 0; i < 250; ++i)
    REQUIRE(site.directory.publish(site.now, {.session = fmt::format("{}", i), .name = std::string(100, 'n')}, "key",
                                   IpAddress::v4(static_cast<std::uint32_t>(i))));
  const auto first = site.ask("GET", "/v1/sessions");
  CHECK(first.body["sessions"].size() == 200);
  const auto second = site.ask("GET", fmt::format("/v1/sessions?after={}", first.body["next"].get<int>()));
  CHECK(second.body["sessions"].size() == 50);
  CHECK(second.body["sessions"][0]["session"] == "200");
}

TEST_CASE("What is no request of ours is told so", "[directory][http]") {
  Site site;
  CHECK(site.ask("GET", "/").status == 404);
  CHECK(site.ask("GET", "/v1/sessionsx").status == 404);
  CHECK(site.ask("GET", "nowhere").status == 400);
  CHECK(site.ask("GET", "/%zz").status == 400);
  CHECK(site.ask("PATCH", "/v1/sessions").status == 405);
  CHECK(site.ask("POST", "/v1/sessions/1").header("Allow") == "GET, HEAD, PUT, DELETE");
  CHECK(site.ask("BREW", "/testServer").status == 405);
  for (const auto* body : {"", "[]", "{", "{\"name\":7}", "{\"name\":\"\\u0007\"}", "{\"session\":\"2\"}"})
    CHECK(site.ask("PUT", "/v1/sessions/1", body, "key").status == 400);
  CHECK(site.ask("PUT", "/v1/sessions/1", std::string(20000, ' ') + "{}", "key").status == 413);
  CHECK(site.ask("PUT", "/v1/sessions/", "{}", "key").status == 201);  // as a POST with a token
}

TEST_CASE("One address may ask so often and for so many bytes", "[directory][http][limits]") {
  Site site;
  for (int i = 0; i < 60; ++i) REQUIRE(site.ask("GET", "/v1/sessions").status == 200);
  const auto refused = site.ask("GET", "/v1/sessions");
  CHECK(refused.status == 429);
  CHECK(refused.header("Retry-After") == "1");
  CHECK(site.ask("GET", "/v1/sessions", {}, {}, elsewhere).status == 200);
  site.now += 1s;
  CHECK(site.ask("GET", "/v1/sessions").status == 200);

  SeededRng rng{1};
  DirectoryHttp narrow{{.answer_bytes = {.burst = 100, .per_second = 10}}, site.directory, rng};
  const HttpRequest request{.method = "GET", .target = "/nowhere", .from = home};
  CHECK(narrow.handle(site.now, request).status == 404);
  CHECK(narrow.handle(site.now, request).status == 429);
  CHECK(narrow.handle(site.now + 30s, request).status == 404);
}

TEST_CASE("MasterServer2: a row is made, listed by its game, overwritten by its id and deleted", "[directory][http]") {
  Site site;
  // As RakNet's sample writes it: in single quotes, as plain text.
  const auto made = site.ask("POST", "/testServer",
                             "{'__gameId': 'pc', '__clientReqId': '7', '__timeoutSec': '30', 'gameName': 'Bob\\'s "
                             "\"den\"', 'routerIsOpen': 1, 'natTypes': [{'t': 1}], '__rowPW': 'secret' }");
  REQUIRE(made.status == 200);
  CHECK(made.body["POST"]["__clientReqId"] == "7");
  CHECK(made.body["POST"]["__gameId"] == "pc");
  REQUIRE(made.body["POST"]["__rowId"].is_number_integer());
  const auto id = made.body["POST"]["__rowId"].get<std::int32_t>();
  CHECK(id > 0);

  const auto listed = site.ask("GET", "/testServer?__gameId=pc", {}, {}, elsewhere).body["GET"];
  REQUIRE(listed.size() == 1);
  CHECK(listed[0]["__rowId"] == id);
  CHECK(listed[0]["__gameId"] == "pc");
  CHECK(listed[0]["__addr"] == "198.51.100.1");
  CHECK(listed[0]["__timeoutSec"] == 30);
  CHECK(listed[0]["gameName"] == "Bob's \"den\"");
  CHECK(listed[0]["routerIsOpen"] == 1);
  CHECK(listed[0]["natTypes"][0]["t"] == 1);
  CHECK(!listed[0].contains("__rowPW"));
  CHECK(site.ask("GET", "/testServer?__gameId=other").body["GET"].empty());
  CHECK(site.ask("GET", "/testServer").status == 400);
  const auto few = site.ask("GET", "/testServer?__gameId=pc&__excludeCols=__addr,natTypes").body["GET"][0];
  CHECK(!few.contains("__addr"));
  CHECK(!few.contains("natTypes"));
  CHECK(few.contains("gameName"));

  const auto again = fmt::format(R"({{"__gameId":"pc","__rowId":{},"gameName":"lair","__rowPW":"{}"}})", id, "{}");
  const auto with = [&](const std::string& password) {
    auto body = json::parse(again);
    body["__rowPW"] = password;
    return body.dump();
  };
  CHECK(site.ask("POST", "/testServer", with("guess")).status == 401);
  CHECK(site.ask("POST", "/testServer", with("")).status == 401);
  CHECK(site.ask("PUT", "/testServer", with("secret"), {}, elsewhere).status == 200);
  const auto updated = site.ask("GET", "/testServer?__gameId=pc").body["GET"];
  REQUIRE(updated.size() == 1);
  CHECK(updated[0]["gameName"] == "lair");
  CHECK(updated[0]["__addr"] == "198.51.100.2");
  CHECK(updated[0]["__timeoutSec"] == 60);

  const auto path = fmt::format("/testServer?__gameId=pc&__rowId={}", id);
  CHECK(site.ask("DELETE", path).status == 401);
  CHECK(site.ask("DELETE", path + "&__rowPW=secret").status == 200);
  CHECK(site.ask("DELETE", path + "&__rowPW=secret").status == 404);
  CHECK(site.ask("GET", "/testServer?__gameId=pc").body["GET"].empty());
}

TEST_CASE("MasterServer2: a row is gone after its timeout, which has bounds", "[directory][http]") {
  Site site;
  const auto post = [&](const std::string& seconds) {
    return site
        .ask("POST", "/testServer", R"({"__gameId":"pc","name":"den","__rowId":9,"__timeoutSec":)" + seconds + "}")
        .status;
  };
  for (const auto& [wished, granted] : std::initializer_list<std::pair<const char*, std::chrono::seconds>>{
           {"1", 15s}, {"20", 20s}, {"\"300\"", 300s}, {"4000", 300s}, {"\"x\"", 60s}, {"-7", 15s}}) {
    CAPTURE(wished);
    REQUIRE(post(wished) == 200);
    site.now += granted - 1s;
    CHECK(site.names("/testServer?__gameId=pc").size() == 1);
    site.now += 1s;
    CHECK(site.names("/testServer?__gameId=pc").empty());
  }
}

TEST_CASE("MasterServer2: a row without a password belongs to the address that made it", "[directory][http]") {
  Site site;
  const std::string body = R"({"__gameId":"pc","__rowId":"5764607523034234882","name":"den"})";
  const auto made = site.ask("POST", "/testServer", body);
  CHECK(made.body["POST"]["__rowId"] == "5764607523034234882");
  CHECK(!made.body["POST"].contains("__clientReqId"));
  CHECK(site.ask("POST", "/testServer", body, {}, elsewhere).status == 401);
  CHECK(site.ask("POST", "/testServer", body).status == 200);
  CHECK(site.ask("PUT", "/v1/sessions/5764607523034234882", "{}", "address 198.51.100.1").status == 401);
  CHECK(site.ask("PUT", "/v1/sessions/5764607523034234882", "{}", "198.51.100.1").status == 401);
}

TEST_CASE("Both forms show the same rows", "[directory][http]") {
  Site site;
  REQUIRE(
      site.ask(
              "PUT", "/v1/sessions/s1",
              R"({"name":"den","game":"pc","members":2,"max":4,"router_is_open":false,"tags":{"map":"n","__addr":"x"}})",
              "key")
          .status == 201);
  REQUIRE(site.ask("POST", "/testServer", "{'__gameId':'pc','name':'lair','routerIsOpen':true,'map':'s'}").status ==
          200);
  CHECK(site.names("/testServer?__gameId=pc") == Names{"den", "lair"});
  const auto den = site.ask("GET", "/testServer?__gameId=pc").body["GET"][0];
  CHECK(den["__rowId"] == "s1");
  CHECK(den["__addr"] == "198.51.100.1");
  CHECK(den["routerIsOpen"] == false);
  CHECK(den["map"] == "n");
  CHECK(site.names("/v1/sessions?game=pc") == Names{"den", "lair"});
  const auto lair = site.ask("GET", "/v1/sessions?name=lair").body["sessions"][0];
  CHECK(lair["router_is_open"] == true);
  CHECK(lair["columns"]["map"] == "s");
  CHECK(site.ask("POST", "/testServer", "{'__gameId':'pc','__rowId':'s1'}").status == 401);
}

TEST_CASE("Single quotes become double ones, and nothing else changes", "[directory][http]") {
  for (const auto& [in, out] : std::initializer_list<std::pair<const char*, const char*>>{
           {"{'a':'b'}", R"({"a":"b"})"},
           {R"({"it's":'a "b" \'c\' \\'})", R"({"it's":"a \"b\" 'c' \\"})"},
           {R"({"a\"'b":1})", R"({"a\"'b":1})"},
           {"'", "\""},
           {"'\\", "\"\\"},
           {"", ""}})
    CHECK(with_double_quotes(in) == out);
}

TEST_CASE("Paths and queries are decoded, or refused", "[directory][http]") {
  const auto target = parse_http_target("/a%20b+c?x=1&&y=a+b%3D&x=2&z");
  REQUIRE(target);
  CHECK(target->path == "/a b+c");
  CHECK(target->find("x") == "1");
  CHECK(target->find("y") == "a b=");
  CHECK(target->find("z") == "");
  CHECK(!target->find("w"));
  for (const auto* wrong : {"", "x", "*", "http://a/", "/%", "/%4", "/%4g", "/?a=%"}) CHECK(!parse_http_target(wrong));
  CHECK(!parse_http_target("/" + std::string(4096, 'a')));
  std::string many = "/?";
  for (int i = 0; i < 129; ++i) many += "a=b&";
  CHECK(!parse_http_target(many));
}
