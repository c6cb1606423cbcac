// Which ports and addresses a NAT gives, how many NATs there are, and who meddles with what is inside packets.
#include <fmt/format.h>

#include <algorithm>

#include "catch.hpp"
#include "natkit/probe/classifier.hpp"
#include "natkit/probe/verdicts.hpp"
#include "probe/story.hpp"
#include "probe/world.hpp"

using namespace natkit;
using namespace natkit::test;
using Rule = probe::PortAllocation::Rule;

namespace {
struct Given {
  std::uint16_t local = 0;
  std::uint16_t port = 0;
  const char* address = "203.0.113.7";
};

/// A run in which fresh sockets were given these.
probe::FamilyReport report_of(const std::vector<Given>& sockets) {
  Story story{"198.51.100.1:3478"};
  story.ask_and_hear(0ms, "198.51.100.1:3478", {.mapped = "203.0.113.7:40000"});
  std::uint32_t number = 100;
  for (const auto& [local, port, address] : sockets) {
    const auto id = story.ask(50ms, probe::Question::allocation, "198.51.100.1:3478");
    std::get<probe::Sent>(story.trace.events.back()).socket = SocketId{++number};
    const auto from = fmt::format("192.168.1.2:{}", local);
    const auto mapped = fmt::format("{}:{}", address, port);
    story.hear(100ms, id, "198.51.100.1:3478", {.mapped = mapped.c_str(), .local = from.c_str()});
  }
  story.end(150ms);
  return classify(story.trace).ipv4.value();
}

std::vector<Given> ports(std::initializer_list<int> given) {
  std::vector<Given> all;
  for (const auto port : given)
    all.push_back({static_cast<std::uint16_t>(50000 + 7 * all.size()), static_cast<std::uint16_t>(port)});
  return all;
}
}  // namespace

TEST_CASE("A row of fresh sockets shows the rule by which ports are given", "[classifier][allocation]") {
  SECTION("their own, but for one that another host had") {
    auto sockets = ports({50000, 50007, 50014, 50021, 50028, 50035, 50042, 50049, 50056});
    sockets[3].port = 61234;
    const auto found = report_of(sockets).port_allocation;
    CHECK(found.rule == Rule::preserving);
    CHECK_FALSE(found.delta);
  }
  SECTION("one after the other, some to other hosts, two overtaken") {
    const auto found = report_of(ports({2000, 2001, 2003, 2002, 2004, 2005, 2008, 2009, 2010, 2011})).port_allocation;
    CHECK(found.rule == Rule::sequential);
    CHECK(found.delta == 1);
    CHECK(found.range == std::pair<std::uint16_t, std::uint16_t>{2000, 2011});
  }
  SECTION("by twos, downwards") {
    const auto found = report_of(ports({2020, 2018, 2016, 2014, 2012, 2010, 2008, 2006})).port_allocation;
    CHECK(found.rule == Rule::sequential);
    CHECK(found.delta == -2);
  }
  SECTION("of a block") {
    const auto found = report_of(ports({4100, 4501, 4207, 4333, 4111, 4480, 4290, 4420, 4155, 4377})).port_allocation;
    CHECK(found.rule == Rule::block);
  }
  SECTION("any") {
    CHECK(report_of(ports({4100, 64501, 14207, 34333, 54111, 4480, 24290, 44420})).port_allocation.rule ==
          Rule::random);
  }
  SECTION("of a part of all, which may be a block or not") {
    const auto found = report_of(ports({49200, 64501, 54207, 60333, 54111, 51480, 57290, 62420})).port_allocation;
    CHECK_FALSE(found.rule);
    CHECK(found.range);
  }
  SECTION("too few to tell") { CHECK_FALSE(report_of(ports({1, 2, 3, 4, 5, 6, 7})).port_allocation.rule); }
}

TEST_CASE("A row of fresh sockets shows how public addresses are given", "[classifier][allocation]") {
  auto sockets = ports({50000, 50007, 50014, 50021, 50028, 50035, 50042, 50049});
  CHECK(report_of(sockets).pooling == probe::Pooling::paired);
  sockets[5].address = "203.0.113.8";
  CHECK(report_of(sockets).pooling == probe::Pooling::arbitrary);
  CHECK_FALSE(report_of({}).pooling);
}

TEST_CASE("NATs are counted by what the router says of itself", "[classifier][layers]") {
  const auto judge = [](const char* local, const char* external) {
    probe::PortMappings routers;
    if (external) routers.pcp = {.available = true, .external = parse_ip_address(external)};
    const auto mapped = ep("203.0.113.7:40000");
    return judge_layers({.local = ep(local), .mapped = mapped, .nat = ep(local) != mapped}, routers);
  };
  CHECK(judge("203.0.113.7:40000", nullptr).layers == 0U);
  CHECK(judge("192.168.1.2:40000", "203.0.113.7").layers == 1U);
  CHECK(judge("192.168.1.2:40000", "203.0.113.7").cgn == false);
  // Two, or more: how many nobody has said.
  CHECK_FALSE(judge("192.168.1.2:40000", "100.64.3.4").layers);
  CHECK(judge("192.168.1.2:40000", "100.64.3.4").cgn == true);
  CHECK_FALSE(judge("192.168.1.2:40000", "10.0.0.4").layers);
  CHECK_FALSE(judge("192.168.1.2:40000", "10.0.0.4").cgn);
  CHECK(judge("100.64.3.4:40000", nullptr).cgn == true);
  CHECK_FALSE(judge("192.168.1.2:40000", nullptr).cgn);
  CHECK(judge("192.168.1.2:40000", nullptr).evidence.at(0).reason == "router-says-nothing");
}

TEST_CASE("A gateway that rewrites addresses inside of packets is told", "[classifier]") {
  Story story{"198.51.100.1:3478"};
  story.ask_and_hear(0ms, "198.51.100.1:3478", {.mapped = "203.0.113.7:40000"});
  CHECK_FALSE(classify(story.trace).ipv4->rewritten);
  std::get<probe::Received>(story.trace.events.back()).rewritten = ep("192.168.1.2:50000");
  CHECK(classify(story.trace).ipv4->rewritten == true);
}

TEST_CASE("The first routers on the way say who they are", "[probe][hops][sim]") {
  World world{1};
  auto& carrier = world.net.add_nat({.filtering = Behavior::endpoint_independent});
  auto& home = world.net.add_nat({}, carrier);
  home.set_link({.delay = 25ms});
  const auto report = world.measure(world.net.add_host(home), {.extent = probe::Timing::Extent::full});
  REQUIRE(report.ipv4);
  const auto& hops = report.ipv4->hops;
  REQUIRE(hops.size() == 2 + sim::internet_hops);  // the home's, the carrier's, and those of the internet
  REQUIRE(hops[0]);
  REQUIRE(hops[1]);
  CHECK(hops[0]->is_private());
  CHECK(hops[1]->is_private());
  CHECK(hops[0] != hops[1]);
  CHECK_FALSE(report.ipv4->cgn);  // private addresses have second routers at home, too
}

TEST_CASE("A router with a carrier's address is a hint at the carrier's NAT, and no more", "[probe][hops]") {
  probe::FamilyReport family;
  family.local = ep("192.168.1.2:50000");
  family.mapped = ep("203.0.113.7:50000");
  family.nat = true;
  family.hops = {ep("192.168.1.1:0").address, std::nullopt, ep("100.64.3.1:0").address};
  const auto verdict = judge_layers(family, {});
  CHECK_FALSE(verdict.cgn);
  CHECK_FALSE(verdict.layers);
  CHECK(verdict.evidence.at(0).reason == "hop-in-a-carriers-network");
  CHECK(verdict.evidence.at(0).detail.starts_with("the router 3 hops away says that it is 100.64.3.1"));
  // The home's router itself has the public address, so there can be no NAT beyond it.
  probe::PortMappings routers;
  routers.pcp = {.available = true, .external = ep("203.0.113.7:0").address};
  CHECK(judge_layers(family, routers).layers == 1);
}
