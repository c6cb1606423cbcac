#include "natkit/portmap/diagnosis.hpp"

#include <algorithm>
#include <functional>

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::portmap;
using namespace natkit::test;

namespace {
const Route home{"192.168.1.2"_ip, "192.168.1.1"_ip, "eth0", Route::Kind::link};
const Route second_home{"192.168.2.2"_ip, "192.168.2.1"_ip, "wlan0", Route::Kind::link};

Refusal silence(Method method) { return {.method = method, .cause = Cause::silent, .detail = "did not answer"}; }
Refusal refusal(Method method, Cause cause, std::string detail) {
  return {.method = method, .cause = cause, .detail = std::move(detail)};
}
Wish wish(std::uint16_t port = 7000) { return {.internal = {"192.168.1.2"_ip, port}, .external_port = port}; }
HeardGateway heard(std::vector<Refusal> refusals) {
  return {.route = home, .address = home.router, .refusals = std::move(refusals)};
}
Symptoms symptoms(std::vector<Refusal> refusals, const Wish& wanted = wish()) {
  return {.gateways = {heard(std::move(refusals))}, .wish = wanted};
}
Symptoms with_external(Symptoms from, const IpAddress& external) {
  from.gateways.front().external = external;
  return from;
}
Symptoms by_tunnel() {
  auto made = symptoms({silence(Method::pcp)});
  made.gateways.front().route.kind = Route::Kind::tunnel;
  made.gateways.front().route.interface = "tun0";
  return made;
}
Symptoms further_out(std::vector<Refusal> refusals) {
  return symptoms_of(wish(), home, {.refusals = std::move(refusals), .gateways = {"10.0.0.1"_ip}});
}
Symptoms cut_short(std::vector<Refusal> refusals, std::vector<Method> pending) {
  auto made = symptoms(std::move(refusals));
  made.gateways.front().pending = std::move(pending);
  return made;
}
const std::vector<Refusal> all_silent{silence(Method::pcp), silence(Method::nat_pmp), silence(Method::upnp)};
const auto pcp_off = refusal(Method::pcp, Cause::switched_off, "does not allow mappings");
const auto upnp_taken = refusal(Method::upnp, Cause::port_taken, "has this external port mapped already");

struct Row {
  std::string_view name;
  Symptoms symptoms;
  Cause cause;
  NextStep next_step;
  std::string_view sentence;
};

std::vector<Row> rows() {
  using enum NextStep;
  using enum Cause;
  return {
      {"no gateway", {}, no_gateway, connect_host, "this host has no default route, so no router to ask"},
      {"the route went away while it was held",
       symptoms({refusal(Method::pcp, no_gateway, "no default route leaves from 192.168.1.2")}), no_gateway,
       connect_host, "no default route leaves from 192.168.1.2"},
      {"UPnP and all else off: silence", symptoms(all_silent), silent, switch_on,
       "the router 192.168.1.1 answers neither PCP, NAT-PMP nor UPnP"},
      {"one method asked, and silent", symptoms({silence(Method::pcp)}), silent, switch_on,
       "the router 192.168.1.1 does not answer PCP"},
      {"UPnP off in a device that is there",
       symptoms({silence(Method::pcp), silence(Method::nat_pmp),
                 refusal(Method::upnp, switched_off, "offers no service that maps ports")}),
       switched_off, switch_on, "the router 192.168.1.1 offers no service that maps ports (upnp)"},
      {"PCP disabled", symptoms({pcp_off, silence(Method::upnp)}), switched_off, switch_on,
       "the router 192.168.1.1 does not allow mappings (pcp)"},
      {"PCP disabled explains nothing while UPnP works", symptoms({pcp_off, upnp_taken}), port_taken, take_other_port,
       "the router 192.168.1.1 has this external port mapped already (upnp)"},
      {"double NAT, with both addresses",
       with_external(symptoms({refusal(Method::pcp, table_full, "has no room")}), "10.0.0.2"_ip), double_nat,
       map_all_layers, "the router 192.168.1.1 has the private address 10.0.0.2: another router stands behind it"},
      {"double NAT, the outer router silent", further_out({silence(Method::pcp), silence(Method::upnp)}), double_nat,
       switch_on_outer,
       "the router 192.168.1.1 mapped it and was made to take it back: behind it, the router 10.0.0.1 answers neither "
       "PCP nor UPnP"},
      {"double NAT, nothing known of the outer router",
       symptoms({refusal(Method::pcp, double_nat, "gives 10.0.0.2, and the next router does not show itself")}),
       double_nat, join_routers,
       "the router 192.168.1.1 gives 10.0.0.2, and the next router does not show itself (pcp)"},
      {"PCP sees a NAT in between", symptoms({refusal(Method::pcp, address_mismatch, "sees another address")}),
       address_mismatch, map_all_layers, "the router 192.168.1.1 sees another address (pcp)"},
      {"the provider's NAT",
       with_external(symptoms({refusal(Method::pcp, table_full, "has no room")}), "100.64.0.7"_ip), carrier_nat,
       ask_provider, "the router 192.168.1.1 has the address 100.64.0.7, behind a NAT of the provider"},
      {"the provider's NAT behind the outer router",
       further_out({refusal(Method::upnp, carrier_nat, "gives 100.64.0.7, and the next router does not show itself")}),
       carrier_nat, ask_provider,
       "the router 192.168.1.1 mapped it and was made to take it back: behind it, the router 10.0.0.1 gives "
       "100.64.0.7, and the next router does not show itself (upnp)"},
      {"a VPN owns the route", by_tunnel(), tunnel_owns_route, leave_tunnel,
       "a tunnel (tun0) owns the way out, so the router behind it is not asked"},
      {"port range denied", symptoms({refusal(Method::upnp, not_authorized, "does not authorise this")}, wish(80)),
       port_denied, take_high_port, "the router 192.168.1.1 does not authorise this (upnp)"},
      {"this host not allowed", symptoms({refusal(Method::upnp, not_authorized, "does not authorise this")}),
       not_authorized, allow_host, "the router 192.168.1.1 does not authorise this (upnp)"},
      {"table full", symptoms({refusal(Method::nat_pmp, table_full, "has no room for another mapping")}), table_full,
       clear_table, "the router 192.168.1.1 has no room for another mapping (nat-pmp)"},
      {"not connected", symptoms({refusal(Method::nat_pmp, not_connected, "has no address on the internet now")}),
       not_connected, check_uplink, "the router 192.168.1.1 has no address on the internet now (nat-pmp)"},
      {"odd answers", symptoms({refusal(Method::upnp, malformed, "answers, but not by the book")}), malformed,
       try_other_method, "the router 192.168.1.1 answers, but not by the book (upnp)"},
      {"unknown, because nobody had the time", cut_short({}, {Method::pcp, Method::nat_pmp, Method::upnp}), unknown,
       wait_longer, "the reason is not known: the router 192.168.1.1 had no time to answer PCP, NAT-PMP and UPnP"},
      {"unknown, because one had no time yet", cut_short({silence(Method::pcp)}, {Method::upnp}), unknown, wait_longer,
       "the reason is not known: the router 192.168.1.1 had no time to answer UPnP"},
      {"a refusal is known whatever was to come", cut_short({pcp_off}, {Method::upnp}), switched_off, switch_on,
       "the router 192.168.1.1 does not allow mappings (pcp)"},
      {"unknown, because nothing was heard at all", symptoms({}), unknown, wait_longer,
       "the reason is not known: the router 192.168.1.1 was not heard"},
  };
}

RouteFindings silent_findings(const Route& route) {
  RouteFindings found{.route = route};
  for (auto* one : {&found.pcp, &found.nat_pmp, &found.upnp}) one->state = Finding::State::silent;
  return found;
}
}  // namespace

TEST_CASE("Each reason for there being no mapping has its cause, sentence and next step", "[portmap][diagnosis]") {
  for (const auto& row : rows()) {
    INFO(row.name);
    const auto diagnosis = diagnose(row.symptoms);
    CHECK(to_text(diagnosis.cause) == to_text(row.cause));
    CHECK(diagnosis.sentence == row.sentence);
    CHECK(diagnosis.next_step == row.next_step);
  }
}

TEST_CASE("Of two gateways the one that said something is named, not the first", "[portmap][diagnosis]") {
  auto other = silent_findings(second_home);
  other.pcp = {.state = Finding::State::refused, .refusal = pcp_off};
  const auto diagnosis = diagnose(symptoms_of({.routes = {silent_findings(home), other}}));
  CHECK(diagnosis.cause == Cause::switched_off);
  CHECK(diagnosis.sentence == "the router 192.168.2.1 does not allow mappings (pcp)");
  REQUIRE(diagnosis.rule);
  CHECK(diagnosis.rule->router == "192.168.2.1"_ip);
}

TEST_CASE("A gateway beside the way out is told apart from the router", "[portmap][diagnosis]") {
  auto found = silent_findings(home);
  found.upnp = {.state = Finding::State::refused,
                .refusal = refusal(Method::upnp, Cause::not_connected, "says that it is not connected")};
  found.devices.push_back({.location = "http://192.168.1.254/d", .host = "192.168.1.254"_ip});
  const auto alone = diagnose(symptoms_of({.routes = {found}}));
  CHECK(alone.sentence ==
        "the gateway 192.168.1.254 is not this host's way out, which is 192.168.1.1, and says that it is not connected "
        "(upnp)");
  CHECK(alone.next_step == NextStep::use_other_router);

  found.pcp = {.state = Finding::State::refused, .refusal = pcp_off};
  CHECK(diagnose(symptoms_of({.routes = {found}})).sentence == "the router 192.168.1.1 does not allow mappings (pcp)");
}

TEST_CASE("A search that was cut short gives no verdict about silence", "[portmap][diagnosis]") {
  const auto diagnosis = diagnose(symptoms_of({.routes = {{.route = home}}}));
  CHECK(diagnosis.cause == Cause::unknown);
  CHECK_FALSE(diagnosis.rule);
}

TEST_CASE("NAT-PMP is not missed where the router is met over IPv6", "[portmap][diagnosis]") {
  auto found = silent_findings({"2001:db8::2"_ip, "fe80::1"_ip, "eth0", Route::Kind::link});
  found.nat_pmp = {};
  const auto diagnosis = diagnose(symptoms_of({.routes = {found}}));
  CHECK(diagnosis.cause == Cause::silent);
  CHECK(diagnosis.sentence == "the router fe80::1 answers neither PCP nor UPnP");
}

TEST_CASE("The evidence names every gateway, method and code that the diagnosis rests on", "[portmap][diagnosis]") {
  auto coded = pcp_off;
  coded.code = 2;
  auto made = with_external(symptoms({coded, silence(Method::upnp)}), "10.0.0.2"_ip);
  made.gateways.front().pending = {Method::nat_pmp};
  CHECK(diagnose(made).evidence == std::vector<std::string>{
                                       "192.168.1.1 by PCP: it does not allow mappings (code 2)",
                                       "192.168.1.1 by UPnP: it did not answer",
                                       "192.168.1.1 by NAT-PMP: it had no time to answer",
                                       "192.168.1.1: its external address is 10.0.0.2",
                                   });
}

TEST_CASE("What a gateway says is printable in the diagnosis", "[portmap][diagnosis]") {
  const auto diagnosis = diagnose(symptoms({refusal(Method::upnp, Cause::failed, "says \x1b[31mno\a")}));
  const auto is_plain = [](const std::string& text) {
    return std::ranges::none_of(text, [](char c) { return c < ' ' || c == '\x7f'; });
  };
  CHECK(is_plain(diagnosis.sentence));
  CHECK(std::ranges::all_of(diagnosis.evidence, is_plain));
}

TEST_CASE("The rule to enter by hand has the port outside and the one inside", "[portmap][diagnosis]") {
  auto wanted = wish();
  wanted.protocol = Protocol::tcp;
  wanted.external_port = 8000;
  const auto rule = diagnose(symptoms(all_silent, wanted)).rule;
  REQUIRE(rule);
  CHECK(to_text(*rule) ==
        "enter a rule by hand in the router's settings (http://192.168.1.1/): tcp port 8000 to 192.168.1.2 port 7000");

  wanted.external_port = 0;
  CHECK(diagnose(symptoms(all_silent, wanted)).rule->external_port == 7000);
}

TEST_CASE("A rule by hand is proposed only where it would help", "[portmap][diagnosis]") {
  const auto has_rule = [](const Symptoms& one) { return diagnose(one).rule.has_value(); };
  CHECK(has_rule(symptoms({upnp_taken})));
  CHECK_FALSE(has_rule({}));
  CHECK_FALSE(has_rule(with_external(symptoms({upnp_taken}), "100.64.0.7"_ip)));
  CHECK_FALSE(has_rule(further_out(all_silent)));
  CHECK_FALSE(has_rule(symptoms({refusal(Method::pcp, Cause::double_nat, "has the same network on both sides")})));
}
