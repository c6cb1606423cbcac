#include <array>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "natkit/report/portmap_json.hpp"
#include "natkit/report/portmap_text.hpp"

using namespace natkit;
using namespace natkit::report;
using namespace std::chrono_literals;
using nlohmann::json;
using portmap::Method;

namespace {
Endpoint at(const char* text) { return *parse_endpoint(text); }
IpAddress ip(const char* text) { return *parse_ip_address(text); }

MappingAnswer mapped() {
  return {.protocol = Protocol::udp,
          .internal = at("192.168.1.2:7000"),
          .requested_external = 7000,
          .layers = {{.via = Method::pcp,
                      .protocol = Protocol::udp,
                      .internal = at("192.168.1.2:7000"),
                      .external = at("203.0.113.7:7001"),
                      .lifetime = 7200s,
                      .gateway = ip("192.168.1.1")}},
          .verified = {},
          .verdict = {},
          .elapsed = 1500us};
}

MappingAnswer through_two() {
  auto answer = mapped();
  answer.layers[0].external = at("192.168.77.50:7001");
  answer.layers.push_back({.via = Method::nat_pmp,
                           .protocol = Protocol::udp,
                           .internal = at("192.168.77.50:7001"),
                           .external = at("203.0.113.7:9000"),
                           .lifetime = 3600s,
                           .gateway = ip("192.168.77.1")});
  return answer;
}
}  // namespace

TEST_CASE("The answer of add has the contract's keys in their order", "[portmap_json]") {
  const std::array answers{mapped()};
  CHECK(mappings_json(answers, 2ms, nullptr) ==
        R"({"schema":"natkit/upnp-map/1","protocol":"udp","internal":"192.168.1.2:7000","external":"203.0.113.7:7001",)"
        R"("requested_external":7000,"lease_ms":7200000,"permanent":false,"via":"pcp","gateway":"192.168.1.1",)"
        R"("external_scope":"public","verified":null,"verdict":null,"layers":[{"gateway":"192.168.1.1","via":"pcp",)"
        R"("internal":"192.168.1.2:7000","external":"203.0.113.7:7001","lease_ms":7200000,"permanent":false}],)"
        R"("elapsed_ms":2.0})");
}

TEST_CASE("What is not mapped is null, and the error says why", "[portmap_json]") {
  const std::array answers{MappingAnswer{.internal = at("192.168.1.2:7000")}};
  const Error error{Errc::nobody_there, "silent", "nobody answered", ""};
  const auto out = json::parse(mappings_json(answers, 1s, &error));
  for (const auto* key : {"external", "requested_external", "lease_ms", "permanent", "via", "gateway", "verified"})
    CHECK(out.at(key).is_null());
  CHECK(out.at("layers").empty());
  CHECK(out.at("error").at("reason") == "silent");
}

TEST_CASE("A mapping without an end has no length and says that it is permanent", "[portmap_json]") {
  std::array answers{mapped()};
  answers[0].layers[0].lifetime = 0s;
  const auto out = json::parse(mappings_json(answers, 1s, nullptr));
  CHECK(out.at("lease_ms").is_null());
  CHECK(out.at("permanent") == true);
}

TEST_CASE("Through two routers the outermost is where the world sends to, and the shortest lease ends all",
          "[portmap_json]") {
  const std::array answers{through_two()};
  const auto out = json::parse(mappings_json(answers, 1s, nullptr));
  CHECK(out.at("external") == "203.0.113.7:9000");
  CHECK(out.at("gateway") == "192.168.77.1");
  CHECK(out.at("lease_ms") == 3600000);
  CHECK(out.at("layers").size() == 2);
}

TEST_CASE("Two protocols are two mappings in one object", "[portmap_json]") {
  std::array answers{mapped(), mapped()};
  answers[1].protocol = Protocol::tcp;
  const auto out = json::parse(mappings_json(answers, 1s, nullptr));
  CHECK(out.at("mappings").size() == 2);
  CHECK(out.at("mappings")[1].at("protocol") == "tcp");
}

TEST_CASE("An event names itself first after the schema", "[portmap_json]") {
  CHECK(event_json("granted", mapped()).starts_with(R"({"schema":"natkit/upnp-map/1","event":"granted","protocol")"));
  CHECK(json::parse(moved_json(mapped(), at("203.0.113.7:1"))).at("before") == "203.0.113.7:1");
}

TEST_CASE("People read what is mapped, until when, and how to undo it", "[portmap_text]") {
  CHECK(mapping_text(mapped(), Keeping::kept) ==
        "mapped   udp 203.0.113.7:7001 -> 192.168.1.2:7000\n"
        "by       PCP at 192.168.1.1\n"
        "for      2 h; the same command again renews it\n"
        "undo     upnp-map remove 7001/udp\n");
  CHECK(mapping_text(through_two(), Keeping::held) ==
        "mapped   udp 203.0.113.7:9000 -> 192.168.1.2:7000\n"
        "by       PCP at 192.168.1.1: 192.168.77.50:7001 -> 192.168.1.2:7000\n"
        "by       NAT-PMP at 192.168.77.1: 203.0.113.7:9000 -> 192.168.77.50:7001\n"
        "until    this command ends (Ctrl-C)\n");
}

TEST_CASE("A port that is not open is not called open", "[portmap_text]") {
  auto answer = mapped();
  answer.verified = false;
  answer.verdict = "nothing arrived";
  CHECK(mapping_text(answer, Keeping::kept).ends_with("outside  NOT open: nothing arrived\n"));
  answer.verified.reset();
  CHECK(mapping_text(answer, Keeping::kept).ends_with("outside  not known: nothing arrived\n"));
}

TEST_CASE("A private external address is never passed off as public", "[portmap_text]") {
  auto answer = mapped();
  answer.requested_external = 7001;
  CHECK(mapping_warnings(answer).empty());
  answer.layers[0].external.address = ip("10.0.0.5");
  REQUIRE(mapping_warnings(answer).size() == 1);
  CHECK(mapping_warnings(answer)[0].find("private") != std::string::npos);
  answer.layers[0].external.address = ip("100.64.0.7");
  CHECK(mapping_warnings(answer)[0].find("provider") != std::string::npos);
  answer.layers[0].external.address = IpAddress{};
  CHECK(mapping_warnings(answer)[0].find("did not say") != std::string::npos);
}

TEST_CASE("Another port than the one asked for is pointed out", "[portmap_text]") {
  REQUIRE(mapping_warnings(mapped()).size() == 1);
  CHECK(mapping_warnings(mapped())[0].find("7001 instead of 7000") != std::string::npos);
}

TEST_CASE("What a router calls things cannot command the terminal", "[portmap_text][portmap_json]") {
  const ListedMapping evil{.external_port = 7000, .internal = at("192.168.1.3:7000"), .description = "\x1b[31mred\n"};
  const GatewayAnswer gateway{
      .address = ip("192.168.1.1"),
      .methods = {{.method = Method::upnp,
                   .is_available = false,
                   .refusal = portmap::Refusal{Method::upnp, portmap::Cause::failed, 501, "says \x1b[2J"}}},
      .manufacturer = "\x1b]0;evil\x07",
      .model = "m\x9b"};
  const std::array mappings{evil};
  const std::array gateways{gateway};
  for (const auto& text : {list_text(mappings), gateways_text(gateways), list_json(mappings, 1s, nullptr),
                           gateways_json(gateways, 1s, nullptr)})
    for (const char c : text) CHECK((c == '\n' || (c >= ' ' && c <= '~')));
}

TEST_CASE("A lease is told in two units at most", "[portmap_text]") {
  CHECK(lease_text(0s) == "for ever");
  CHECK(lease_text(90s) == "1 min 30 s");
  CHECK(lease_text(7200s) == "2 h");
  CHECK(lease_text(86399s) == "23 h 59 min");
  CHECK(lease_text(3605s) == "1 h");
}

TEST_CASE("A removal that nobody confirmed is not called removed", "[portmap_text][portmap_json]") {
  const std::array removals{RemovalAnswer{.external = at("203.0.113.7:7000"), .gateway = ip("192.168.1.1")}};
  CHECK(removals_text(removals).starts_with("unknown"));
  CHECK(json::parse(removals_json(removals, 1s, nullptr)).at("removed")[0].at("gone").is_null());
  CHECK(removals_text({}) == "nothing to remove\n");
}

TEST_CASE("An external address that nobody told is not shown as one", "[portmap_text][portmap_json]") {
  const Endpoint nowhere{IpAddress{}, 7000};
  const std::array removals{RemovalAnswer{.external = nowhere, .gateway = ip("192.168.1.1")}};
  CHECK(removals_text(removals) == "unknown  udp *:7000 at 192.168.1.1\n");
  const auto removed = json::parse(removals_json(removals, 1s, nullptr)).at("removed")[0];
  CHECK(removed.at("external").is_null());
  CHECK(removed.at("external_port") == 7000);
  const std::array checks{CheckAnswer{.external = nowhere}};
  CHECK(checks_text(checks) == "unknown  udp *:7000\n");
  CHECK(json::parse(checks_json(checks, 1s, nullptr)).at("external").is_null());
}

TEST_CASE("One check answers at the top, several in a list", "[portmap_json]") {
  const std::array one{CheckAnswer{.external = at("203.0.113.7:7000"), .is_open = true, .detail = "came"}};
  CHECK(json::parse(checks_json(one, 1s, nullptr)).at("open") == true);
  const std::array two{one[0], one[0]};
  CHECK(json::parse(checks_json(two, 1s, nullptr)).at("checks").size() == 2);
}

TEST_CASE("A router that is met twice says so, and keeps what each of its addresses answered",
          "[portmap_text][portmap_json]") {
  const GatewayAnswer first{.address = ip("192.168.1.1"), .udn = "uuid:1"};
  const GatewayAnswer again{.address = ip("2001:db8::1"), .udn = "uuid:1", .same_as = ip("192.168.1.1")};
  const std::array gateways{first, again};
  CHECK(gateways_text(gateways) == "router 192.168.1.1\n\nrouter 2001:db8::1, the same device as 192.168.1.1\n");
  const auto told = json::parse(gateways_json(gateways, 1s, nullptr)).at("gateways");
  CHECK(told[0].at("same_as").is_null());
  CHECK(told[1].at("same_as") == "192.168.1.1");
  CHECK(told[1].at("udn") == "uuid:1");
}

TEST_CASE("NAT-PMP, which has no IPv6, is not said to be silent there", "[portmap_text]") {
  std::array gateways{GatewayAnswer{.address = ip("2001:db8::1"), .methods = {{.method = portmap::Method::nat_pmp}}}};
  CHECK(gateways_text(gateways) == "router 2001:db8::1\n");
  gateways[0].address = ip("192.168.1.1");
  CHECK(gateways_text(gateways) == "router 192.168.1.1\n  NAT-PMP  no answer\n");
}
