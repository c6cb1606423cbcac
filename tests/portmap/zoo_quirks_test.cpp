// One row for each way in which real routers differ: the right mapping, or the right reason why there is none. The
// quirks, and where each is met ("rows": below, under its number):
//
//    1 SSDP to multicast or unicast only       rows         15 success without a mapping, shadowed rules     rows
//    2 SSDP for one search target only         rows         16 descriptions refused                          rows
//    3 SSDP from and to odd source ports       rows         17 NAT-PMP refuses external port 0               rows
//    4 several answers, several routers        rows, N      18 NAT-PMP cuts ports to 8 bits                  rows
//    5 LOCATION elsewhere, or moving           rows, R, H   19 PCP answered but disabled, version errors     rows
//    6 controlURL in any form                  H            20 nonces checked at times, second mappings      rows, C
//    7 service names old and new, one down     rows         21 answers late and out of order                 C, P
//    8 status "Up", or none                    rows         22 FILTER and RemoteHost promised, not kept      rows
//    9 false external addresses                rows         23 forbidden port ranges                         rows
//   10 protocol case, SOAPAction, HTTP version H            24 Fritz!Box: this host may not                  rows, N
//   11 chunks, lengths, types, line ends       H            25 IPv6: asked from the address to be opened     N
//   12 leases refused, shortened, permanent    rows         26 the same network on both sides of a NAT       N
//   13 501 and 718 for conflicts               rows         27 hairpins that do not work                     rows
//   14 deletion of what is not there           rows
//
// N: zoo_networks_test.cpp, R: zoo_recovery_test.cpp, C: zoo_chance_test.cpp, P: port_control_test.cpp. H: what only
// HTTP can show is tested over sockets (tests/interop, tests/lab), since calls are values here.
#include <functional>
#include <string_view>
#include <variant>

#include "catch.hpp"
#include "portmap/zoo.hpp"

namespace natkit::portmap::zoo {
namespace {
using sim::IgdConfig;
using sim::NatPmpConfig;
using sim::PcpConfig;
using sim::Presence;
using sim::SsdpConfig;

struct Mapped {
  Method via{};
  std::uint16_t port = inside_port;
  /// As it is told; the router's own where this says nothing.
  std::optional<IpAddress> external{};
  /// Whether a packet from outside arrives. What the router claims and its own list confirms, only an outside check
  /// can contradict.
  enum class Truth : std::uint8_t { reached, claimed_only } truth = Truth::reached;
};
struct Refused {
  std::set<Cause> causes;  ///< all of these are named
};
struct Row {
  std::string_view quirk;
  std::function<void(RouterConfig&)> set;
  std::variant<Mapped, Refused> expected;
  std::uint16_t wished_port = 0;
  std::function<void(Lan&)> prepare = [](Lan&) {};
};

sim::Rule rule_of_another(std::uint16_t port) {
  return {.protocol = Protocol::udp,
          .external_port = port,
          .internal = {another_host, port},
          .via = Method::upnp,
          .description = "game"};
}

/// Left by an earlier run that nobody remembers.
sim::Rule stale_rule_of_ours(std::uint16_t port) {
  auto rule = rule_of_another(port);
  rule.internal = inside;
  return rule;
}

std::function<void(RouterConfig&)> by_upnp(const std::function<void(RouterConfig&)>& more) {
  return [more](RouterConfig& router) {
    upnp_only(router);
    more(router);
  };
}

std::vector<Row> rows_of_discovery() {
  using enum Method;
  return {
      {"a router that speaks all three", [](auto&) {}, Mapped{pcp}},
      {"a router that speaks UPnP only", upnp_only, Mapped{upnp}},
      {"a router that speaks NAT-PMP only and drops PCP", nat_pmp_only, Mapped{nat_pmp}},
      {"a router that speaks PCP only", pcp_only, Mapped{pcp}},
      {"nobody there", [](auto& r) { nat_pmp_only(r), r.nat_pmp.presence = Presence::off; }, Refused{{Cause::silent}}},
      // 1
      {"SSDP answered to multicast only", by_upnp([](auto& r) { r.ssdp.hears = SsdpConfig::Hears::multicast; }),
       Mapped{upnp}},
      {"SSDP answered to unicast only", by_upnp([](auto& r) { r.ssdp.hears = SsdpConfig::Hears::unicast; }),
       Mapped{upnp}},
      // 2
      {"SSDP answered for IGD:1 only", by_upnp([](auto& r) { r.ssdp.targets = SsdpConfig::Targets::igd_1; }),
       Mapped{upnp}},
      {"SSDP answered for IGD:2 only", by_upnp([](auto& r) { r.ssdp.targets = SsdpConfig::Targets::igd_2; }),
       Mapped{upnp}},
      {"SSDP answered for the root device only", by_upnp([](auto& r) { r.ssdp.targets = SsdpConfig::Targets::root; }),
       Mapped{upnp}},
      // 3
      {"SSDP answered from another port",
       by_upnp([](auto& r) { r.ssdp.source_port = SsdpConfig::SourcePort::another; }), Mapped{upnp}},
      {"SSDP answered to those only who ask from port 1900",
       by_upnp([](auto& r) { r.ssdp.asked_from = SsdpConfig::AskedFrom::standard_port_only; }), Mapped{upnp}},
      // 4
      {"every SSDP answer twice", by_upnp([](auto& r) { r.ssdp.copies = 2; }), Mapped{upnp}},
      {"two other devices in the same box", by_upnp([](auto& r) { r.ssdp.decoys = 2; }), Mapped{upnp}},
      {"five other root devices in the same box, all of them faster", by_upnp([](auto& r) { r.ssdp.other_roots = 5; }),
       Mapped{upnp}},
      // 5
      {"LOCATION at another host", by_upnp([](auto& r) { r.ssdp.location = "http://192.168.77.77:5000/rootDesc.xml"; }),
       Refused{{Cause::malformed}}},
      {"LOCATION at IPv6 loopback", by_upnp([](auto& r) { r.ssdp.location = "http://[::1]:1900/"; }),
       Refused{{Cause::malformed}}},
      {"a WPS device instead of a gateway",
       by_upnp([](auto& r) { r.ssdp.location = "http://192.168.77.1:5000/wps_device.xml"; }),
       Refused{{Cause::switched_off}}},
      // 7
      {"WANIPConnection:2 only", by_upnp([](auto& r) { r.igd.services = IgdConfig::Services::ip_2; }), Mapped{upnp}},
      {"WANPPPConnection only", by_upnp([](auto& r) { r.igd.services = IgdConfig::Services::ppp_only; }), Mapped{upnp}},
      {"two connections, the first one down",
       by_upnp([](auto& r) { r.igd.services = IgdConfig::Services::ppp_up_ip_down; }), Mapped{upnp}},
      {"two connections, both up", by_upnp([](auto& r) { r.igd.services = IgdConfig::Services::both_up; }),
       Mapped{upnp}},
      {"service names of before the standard",
       by_upnp([](auto& r) { r.igd.services = IgdConfig::Services::legacy_names; }), Mapped{upnp}},
      {"no service that maps", by_upnp([](auto& r) { r.igd.services = IgdConfig::Services::none; }),
       Refused{{Cause::switched_off}}},
      // 8
      {"status Up", by_upnp([](auto& r) { r.igd.status = "Up"; }), Mapped{upnp}},
      {"no status at all", by_upnp([](auto& r) { r.igd.status = ""; }), Mapped{upnp}},
      {"a status that says nothing known", by_upnp([](auto& r) { r.igd.status = "Unconfigured"; }), Mapped{upnp}},
  };
}

std::vector<Row> rows_of_external_addresses() {
  using enum Method;
  using Tells = IgdConfig::TellsExternal;
  const auto tells = [](Tells what, const IpAddress& another = {}) {
    return by_upnp([=](auto& r) {
      r.igd.tells_external = what;
      r.igd.other_external = another;
    });
  };
  const auto mapped = [](Method via, const IpAddress& external) { return Mapped{.via = via, .external = external}; };
  const auto home = IpAddress::v4(0xC0A80002);
  return {
      // 9: a mapping all the same, and never an address that nobody can send to
      {"UPnP tells no external address", tells(Tells::nothing), mapped(upnp, IpAddress{})},
      {"UPnP tells 0.0.0.0", tells(Tells::zero), mapped(upnp, IpAddress{})},
      {"UPnP tells 127.0.0.1", tells(Tells::loopback), mapped(upnp, IpAddress{})},
      {"UPnP tells a multicast address", tells(Tells::another, IpAddress::v4(0xEFFFFFFA)), mapped(upnp, IpAddress{})},
      {"UPnP tells 169.254.1.1", tells(Tells::another, IpAddress::v4(0xA9FE0101)), mapped(upnp, IpAddress{})},
      {"UPnP tells a private address", tells(Tells::another, home), mapped(upnp, home)},
      {"PCP and NAT-PMP tell 0.0.0.0", [](auto& r) { r.external = IpAddress{}; }, mapped(pcp, IpAddress{})},
      {"PCP tells 127.0.0.1", [](auto& r) { pcp_only(r), r.external = IpAddress::v4(0x7F000001); },
       mapped(pcp, IpAddress{})},
      {"NAT-PMP tells 127.0.0.1", [](auto& r) { nat_pmp_only(r), r.external = IpAddress::v4(0x7F000001); },
       mapped(nat_pmp, IpAddress{})},
  };
}

std::vector<Row> rows_of_leases_and_ports() {
  using enum Method;
  const auto leases = [](IgdConfig::Leases kind) { return by_upnp([kind](auto& r) { r.igd.leases = kind; }); };
  return {
      // 12
      {"725: permanent leases only", leases(IgdConfig::Leases::permanent_or_725), Mapped{upnp}},
      {"402 for a lease", leases(IgdConfig::Leases::permanent_or_402), Mapped{upnp}},
      {"402 for lease 0", leases(IgdConfig::Leases::zero_refused_402), Mapped{upnp}},
      {"a lease made permanent without a word", leases(IgdConfig::Leases::silently_permanent), Mapped{upnp}},
      {"a lease shortened without a word", leases(IgdConfig::Leases::silently_shortened), Mapped{upnp}},
      {"lease 0 is a week", leases(IgdConfig::Leases::zero_is_a_week), Mapped{upnp}},
      // 13
      {"718 and any port will do", by_upnp([](auto&) {}), Mapped{upnp, 0}, 0,
       [](Lan& lan) { lan.routers()[0]->plant(rule_of_another(inside_port)); }},
      {"718 and this port it must be", by_upnp([](auto&) {}), Refused{{Cause::port_taken}}, inside_port,
       [](Lan& lan) { lan.routers()[0]->plant(rule_of_another(inside_port)); }},
      {"501 for a conflict", by_upnp([](auto& r) { r.igd.conflict = IgdConfig::Conflict::says_501; }), Mapped{upnp, 0},
       0, [](Lan& lan) { lan.routers()[0]->plant(rule_of_another(inside_port)); }},
      {"718 for an entry that we left ourselves", by_upnp([](auto& r) { r.igd.again = IgdConfig::Again::conflicts; }),
       Mapped{upnp}, inside_port, [](Lan& lan) { lan.routers()[0]->plant(stale_rule_of_ours(inside_port)); }},
      {"AddAnyPortMapping finds another port", by_upnp([](auto& r) { r.igd.services = IgdConfig::Services::ip_2; }),
       Mapped{upnp, inside_port + 1}, 0, [](Lan& lan) { lan.routers()[0]->plant(rule_of_another(inside_port)); }},
      {"AddAnyPortMapping announced and not there", by_upnp([](auto& r) {
         r.igd.services = IgdConfig::Services::ip_2;
         r.igd.add_any = IgdConfig::AddAny::invalid_action;
       }),
       Mapped{upnp}},
      {"724: the same port inside and outside",
       by_upnp([](auto& r) { r.igd.ports = IgdConfig::Ports::same_as_internal; }), Mapped{upnp}},
      {"724 and another port it must be", by_upnp([](auto& r) { r.igd.ports = IgdConfig::Ports::same_as_internal; }),
       Refused{{Cause::unsupported}}, 9000},
      // 14
      {"714 for what is not there", by_upnp([](auto& r) { r.igd.delete_absent = IgdConfig::DeleteAbsent::says_714; }),
       Mapped{upnp}},
      // 15
      {"success, and nothing in the list", by_upnp([](auto& r) { r.igd.lies = IgdConfig::Lies::maps_nothing; }),
       Refused{{Cause::failed}}},
      {"success, listed, and nothing there",
       by_upnp([](auto& r) { r.igd.lies = IgdConfig::Lies::lists_but_maps_nothing; }),
       Mapped{upnp, inside_port, {}, Mapped::Truth::claimed_only}},
      {"a static rule shadows ours", [](auto& r) { r.shadowed = {inside_port}; },
       Mapped{pcp, inside_port, {}, Mapped::Truth::claimed_only}},
      {"the host's own firewall drops it", [](auto& r) { r.host_firewall = {inside_port}; },
       Mapped{pcp, inside_port, {}, Mapped::Truth::claimed_only}},
      {"the list cannot be asked", by_upnp([](auto& r) { r.igd.look = IgdConfig::Look::invalid_action; }),
       Mapped{upnp}},
      // 16
      {"a long description is refused", by_upnp([](auto& r) { r.igd.longest_description = 64; }), Mapped{upnp}},
      // 24
      {"a Fritz!Box that does not let this host",
       [](auto& r) {
         r.pcp.speaks = PcpConfig::Speaks::not_authorized;
         r.nat_pmp.presence = Presence::off;
         r.igd.permission = IgdConfig::Permission::nobody;
       },
       Refused{{Cause::switched_off, Cause::not_authorized}}},
      // 23
      {"a port that is not allowed, moved by PCP", [](auto&) {}, Mapped{pcp, 1024}, 80},
      {"a port that is not allowed by UPnP", by_upnp([](auto&) {}), Refused{{Cause::not_authorized}}, 80},
      {"no port is allowed", [](auto& r) { r.first_port = 2, r.last_port = 1; }, Refused{{Cause::not_authorized}}},
      {"the table is full", [](auto& r) { r.table_size = 0; }, Refused{{Cause::table_full}}},
      {"UPnP keeps a table of its own", [](auto& r) { r.tables = RouterConfig::Tables::upnp_apart; }, Mapped{pcp}},
  };
}

std::vector<Row> rows_of_pcp_and_nat_pmp() {
  using enum Method;
  const auto speaks = [](PcpConfig::Speaks kind) { return [kind](RouterConfig& r) { r.pcp.speaks = kind; }; };
  return {
      // 17
      {"NAT-PMP refuses external port 0",
       [](auto& r) { nat_pmp_only(r), r.nat_pmp.port_zero = NatPmpConfig::PortZero::refused; }, Mapped{nat_pmp}},
      // 18: the answer cannot be matched, so nothing is claimed
      {"NAT-PMP cuts ports to 8 bits",
       [](auto& r) { nat_pmp_only(r), r.nat_pmp.reply_ports = NatPmpConfig::ReplyPorts::eight_bits; },
       Refused{{Cause::silent}}},
      // 19
      {"PCP is there but switched off", [&](auto& r) { r.pcp.speaks = PcpConfig::Speaks::not_authorized; },
       Mapped{upnp}},
      {"all is there but switched off",
       [](auto& r) {
         r.pcp.speaks = PcpConfig::Speaks::not_authorized;
         r.ssdp.presence = Presence::off;
       },
       Refused{{Cause::switched_off}}},
      {"PCP refused by version, NAT-PMP on the same socket", speaks(PcpConfig::Speaks::refuses_version),
       Mapped{nat_pmp}},
      // PCP is given 100 ms after NAT-PMP has answered: UPnP is there first.
      {"PCP dropped, NAT-PMP answered, UPnP too", speaks(PcpConfig::Speaks::silent), Mapped{upnp}},
      {"NAT-PMP is not authorised, UPnP is",
       [](auto& r) {
         r.pcp.speaks = PcpConfig::Speaks::refuses_version;
         r.nat_pmp.result = NatPmpConfig::Result::not_authorized;
       },
       Mapped{upnp}},
      {"NAT-PMP has no resources, nothing else is there",
       [](auto& r) { nat_pmp_only(r), r.nat_pmp.result = NatPmpConfig::Result::no_resources; },
       Refused{{Cause::table_full}}},
      // 20
      {"the nonce is never checked", [](auto& r) { r.pcp.nonce_check = PcpConfig::NonceCheck::never; }, Mapped{pcp}},
      {"the nonce is checked for deletions", [](auto& r) { r.pcp.nonce_check = PcpConfig::NonceCheck::deletions; },
       Mapped{pcp}},
      {"another suggestion makes a second mapping",
       [](auto& r) { r.pcp.other_suggestion = PcpConfig::OtherSuggestion::second_mapping; }, Mapped{pcp}},
      // 22: what is not promised to be kept is not asked for, and what is claimed unasked is not repeated
      {"a FILTER is claimed that nobody asked for",
       [](auto& r) { pcp_only(r), r.pcp.filters = PcpConfig::Filters::always_claimed; }, Mapped{pcp}},
      {"ANNOUNCE is not supported", [](auto& r) { r.pcp.announce = PcpConfig::AnnounceOpcode::unsupported; },
       Mapped{pcp}},
      {"PCP without a network in front", [](auto& r) { pcp_only(r), r.wan = RouterConfig::Wan::down; },
       Refused{{Cause::not_connected}}},
      {"UPnP without a network in front", by_upnp([](auto& r) { r.wan = RouterConfig::Wan::down; }),
       Refused{{Cause::failed}}},
      {"NAT-PMP without a network in front", [](auto& r) { nat_pmp_only(r), r.wan = RouterConfig::Wan::down; },
       Refused{{Cause::not_connected}}},
  };
}

void check(const Row& row, std::uint64_t seed) {
  INFO(row.quirk);
  Lan lan{seed};
  RouterConfig config;
  row.set(config);
  lan.add_router(config);
  row.prepare(lan);
  const auto before = lan.routers()[0]->rules(lan.now()).size();
  MemoryJournal journal;
  SeededRng rng{seed};
  Keeper keeper{wishing(lan, {.internal = inside, .external_port = row.wished_port, .choice = PortChoice::exact}),
                journal, rng};

  lan.attach(keeper);
  REQUIRE(lan.run_until([&] { return is_decided(keeper); }, bound));

  const auto& outcome = keeper.outcome(0);
  if (const auto* mapped = std::get_if<Mapped>(&row.expected)) {
    REQUIRE(outcome.held);
    REQUIRE(outcome.held->layers.size() == 1);
    const auto& grant = outcome.held->layers[0];
    CHECK(grant.via == mapped->via);
    if (mapped->port != 0) CHECK(grant.external.port == mapped->port);
    CHECK(grant.external.address == mapped->external.value_or(config.external));
    CHECK(journal.entries().size() == 1);
    const auto reached = lan.reach(Protocol::udp, {config.external, grant.external.port});
    CHECK(reached == (mapped->truth == Mapped::Truth::reached ? std::optional{inside} : std::nullopt));
    // Losers of the race leave nothing behind: one rule, beside those of others.
    CHECK(lan.rules_of_ours().size() == 1);
  } else {
    const auto& refused = std::get<Refused>(row.expected);
    REQUIRE(outcome.failed);
    const auto causes = causes_of(outcome);
    for (const auto cause : refused.causes) {
      for (const auto& refusal : outcome.failed->refusals)
        UNSCOPED_INFO(to_text(refusal.method) << " " << to_text(refusal.cause) << " " << refusal.detail);
      INFO("awaited: " << to_text(cause));
      CHECK(causes.contains(cause));
    }
    CHECK(lan.rules_of_ours().empty());
  }
  REQUIRE(release(lan, keeper));
  CHECK(lan.rules_of_ours().empty());
  CHECK(journal.entries().empty());
  CHECK(lan.routers()[0]->rules(lan.now()).size() <= before);
  for (const auto& url : lan.fetched()) CHECK(url.starts_with("http://192.168.77.1:5000/"));
  // 27: what the router does with packets from inside to its external address is no evidence, so none is sent there.
  CHECK_FALSE(lan.written_to().contains(config.external));
  CHECK(lan.requests_with_options() == 0);
}
}  // namespace

TEST_CASE("Zoo: routers are found however they answer", "[zoo][sim]") {
  for (const auto& row : rows_of_discovery()) check(row, 1);
}

TEST_CASE("Zoo: a false external address does not spoil a mapping and is not passed on", "[zoo][sim]") {
  for (const auto& row : rows_of_external_addresses()) check(row, 4);
}

TEST_CASE("Zoo: leases and ports that routers refuse have their second try", "[zoo][sim]") {
  for (const auto& row : rows_of_leases_and_ports()) check(row, 2);
}

TEST_CASE("Zoo: PCP and NAT-PMP are used as far as they go", "[zoo][sim]") {
  for (const auto& row : rows_of_pcp_and_nat_pmp()) check(row, 3);
}
}  // namespace natkit::portmap::zoo
