#include "natkit/report/probe_json.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using enum Behavior;
using nlohmann::json;

namespace {
// The parts that this version never measures.
constexpr auto rest =
    R"("port_allocation":{"rule":null,"delta":null,"range":null},"pooling":null,"hairpin":null,"mapping_lifetime_ms":null,"mapping_lifetime_range_ms":null,"mapping_refresh":null,"layers":null,"cgn":null,"rewritten":null,"hops":null,"address_kind":null)";
constexpr auto ipv6_rest = R"(,"translation":null,"temporary":null})";
constexpr auto not_asked =
    R"({"local":null,"mapped":null,"nat":null,"mapping":null,"filtering":null,"port_preserved":null,)";
constexpr auto never_measured =
    R"("port_mapping":{"upnp":{"available":null,"external":null},"nat_pmp":{"available":null,"external":null},"pcp":{"available":null,"external":null}},"tcp":{"mapping":null,"filtering":null},"mtu_bytes":null,"fragments":null,"ways_out":null,"captive_portal":null,"nat64":{"prefix":null,"clat":null},)";
}  // namespace

TEST_CASE("A full report is this object, key for key", "[probe_json]") {
  const auto expected =
      std::string(R"({"schema":"natkit/nat-probe/1","udp":"ok",)") +
      R"("servers":[{"address":"198.51.100.1:3478","rtt_ms":50.213,"behaviour_discovery":true,"name":"stun.example:3478","loss":null}],)" +
      R"("ipv4":{"local":"192.168.1.5:40000","mapped":"203.0.113.7:40000","nat":true,"mapping":"endpoint-independent",)" +
      R"("filtering":"address-and-port-dependent","port_preserved":true,)" + rest + R"(},"ipv6":)" + not_asked + rest +
      ipv6_rest + R"(,"labels":{"rfc3489":"port-restricted-cone","xbox":null,"playstation":"type-2","nintendo":"B"},)" +
      never_measured +
      R"("verdict":{"summary":"Good: most other players can reach you directly; those behind a symmetric NAT may need a relay","reaches":{)" +
      R"("open-internet":"direct","full-cone":"direct","restricted-cone":"direct","port-restricted-cone":"direct",)" +
      R"("symmetric-firewall":"direct","symmetric":"direct-with-prediction","udp-blocked":"relay"},"advice":[]},)" +
      R"("evidence":[{"about":"ipv4.filtering","reason":"silence-after-receipts","detail":"2 receipts, no answer within 40 ms"}],)" +
      R"("remembered":[],"elapsed_ms":142.5,"packets_sent":14})";
  CHECK(to_json(test::port_restricted()) == expected);
}

TEST_CASE("Every key of the contract is there, in order, even when nothing was measured", "[probe_json]") {
  const auto report = nlohmann::ordered_json::parse(to_json(probe::Report{}));
  const auto keys = [](const nlohmann::ordered_json& object) {
    std::vector<std::string> out;
    for (const auto& item : object.items()) out.push_back(item.key());
    return out;
  };
  using Keys = std::vector<std::string>;
  Keys family{"local",
              "mapped",
              "nat",
              "mapping",
              "filtering",
              "port_preserved",
              "port_allocation",
              "pooling",
              "hairpin",
              "mapping_lifetime_ms",
              "mapping_lifetime_range_ms",
              "mapping_refresh",
              "layers",
              "cgn",
              "rewritten",
              "hops",
              "address_kind"};
  CHECK(keys(report) == Keys{"schema", "udp", "servers", "ipv4", "ipv6", "labels", "port_mapping", "tcp", "mtu_bytes",
                             "fragments", "ways_out", "captive_portal", "nat64", "verdict", "evidence", "remembered",
                             "elapsed_ms", "packets_sent"});
  CHECK(keys(report["ipv4"]) == family);
  for (const auto* name : {"translation", "temporary"}) family.emplace_back(name);
  CHECK(keys(report["ipv6"]) == family);
  for (const auto* name : {"ipv4", "ipv6"})
    CHECK(keys(report[name]["port_allocation"]) == Keys{"rule", "delta", "range"});
  CHECK(keys(report["labels"]) == Keys{"rfc3489", "xbox", "playstation", "nintendo"});
  CHECK(keys(report["port_mapping"]) == Keys{"upnp", "nat_pmp", "pcp"});
  CHECK(keys(report["port_mapping"]["pcp"]) == Keys{"available", "external"});
  CHECK(keys(report["tcp"]) == Keys{"mapping", "filtering"});
  CHECK(keys(report["verdict"]) == Keys{"summary", "reaches", "advice"});
}

TEST_CASE("What was not measured is null, never false", "[probe_json]") {
  const auto report = json::parse(to_json(test::silent()));
  CHECK(report["udp"].is_null());
  CHECK(report["servers"][0]["rtt_ms"].is_null());
  CHECK(report["servers"][0]["behaviour_discovery"].is_null());
  for (const auto& item : report["ipv4"].items())
    if (item.key() != "port_allocation") CHECK(item.value().is_null());
  CHECK(report["labels"]["rfc3489"].is_null());
}

TEST_CASE("Blocked UDP is an answer", "[probe_json]") {
  const auto report = json::parse(to_json(test::blocked()));
  CHECK(report["udp"] == "blocked");
  CHECK(report["labels"]["rfc3489"] == "udp-blocked");
}

TEST_CASE("A set of behaviours is an array of those still possible", "[probe_json]") {
  const auto report = json::parse(to_json(test::report_of(
      test::family(true, {endpoint_independent, address_dependent}, {address_dependent, address_and_port_dependent}))));
  CHECK(report["ipv4"]["mapping"] == json{"endpoint-independent", "address-dependent"});
  CHECK(report["ipv4"]["filtering"] == json{"address-dependent", "address-and-port-dependent"});
}

TEST_CASE("IPv6 endpoints stand in brackets", "[probe_json]") {
  auto sample = test::port_restricted();
  sample.ipv6 = test::family(false, endpoint_independent, endpoint_independent);
  sample.ipv6->local = sample.ipv6->mapped = test::endpoint("[2001:db8::1]:40000");
  const auto report = json::parse(to_json(sample));
  CHECK(report["ipv6"]["mapped"] == "[2001:db8::1]:40000");
  CHECK(report["ipv6"]["nat"] == false);
}

TEST_CASE("A run that fails with an answer in hand puts the error last in it", "[probe_json]") {
  const auto report = nlohmann::ordered_json::parse(
      to_json(test::silent(), Error{Errc::nobody_there, "server-unreachable", "nobody answered", ""}));
  CHECK(report.size() == 19);
  CHECK(std::prev(report.end()).key() == "error");
  CHECK(report["error"]["reason"] == "server-unreachable");
  CHECK(report["error"]["advice"].is_null());
}

TEST_CASE("A server's name that is no UTF-8 does not make the report unprintable", "[probe_json]") {
  auto sample = test::port_restricted();
  sample.servers[0].name = "\xFF";
  CHECK(json::parse(to_json(sample))["servers"][0]["name"] == "\xEF\xBF\xBD");
}

TEST_CASE("What other tools would say is in the JSON only where it was asked for", "[probe_json]") {
  const auto report = test::report_of(test::family(true, Behavior::endpoint_independent, BehaviorSet{}));
  CHECK_FALSE(json::parse(to_json(report)).contains("compare"));
  const auto answer = json::parse(to_json(report, {.compare = compare(report)}));
  REQUIRE(answer["compare"].size() == 3);
  CHECK(answer["compare"][0] ==
        json{{"tool", "stunclient --mode full"}, {"says", nullptr}, {"differs_because", nullptr}});
  CHECK(answer["compare"][1]["says"] == "UDP: true, MappingVariesByDestIP: false");
  CHECK(answer["compare"][1]["differs_because"].is_string());
  const auto failed = to_json(report, {.compare = compare(report), .error = Error{Errc::usage, "r", "d", {}}});
  CHECK(failed.ends_with(R"(}],"error":{"reason":"r","detail":"d","advice":null}})"));
}

TEST_CASE("Kinds of addresses and of translation have names", "[probe_json]") {
  auto report = test::port_restricted();
  report.ipv4->address_kind = AddressKind::private_use;
  report.ipv6 = test::family(true, endpoint_independent, endpoint_independent);
  report.ipv6->address_kind = AddressKind::unique_local;
  report.ipv6->translation = probe::Translation::prefix;
  report.ipv6->temporary = true;
  report.nat64 = {.prefix = Nat64Prefix{*parse_ip_address("64:ff9b::"), 96}, .clat = false};
  const auto object = json::parse(to_json(report));
  CHECK(object["nat64"]["prefix"] == "64:ff9b::/96");
  CHECK(object["nat64"]["clat"] == false);
  CHECK(object["ipv4"]["address_kind"] == "private");
  CHECK_FALSE(object["ipv4"].contains("translation"));
  CHECK(object["ipv6"]["address_kind"] == "unique-local");
  CHECK(object["ipv6"]["translation"] == "prefix");
  CHECK(object["ipv6"]["temporary"] == true);
}
