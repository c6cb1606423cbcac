#include "natkit/report/against.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "natkit/report/labels.hpp"
#include "natkit/report/peer_report.hpp"
#include "natkit/report/probe_json.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using enum Behavior;
using probe::Need;

namespace {
const std::vector<Behavior> all_behaviors = members(BehaviorSet{});

probe::Report own_side(BehaviorSet mapping, BehaviorSet filtering) {
  return test::report_of(test::family(true, mapping, filtering));
}
probe::Report peer_side(BehaviorSet mapping, BehaviorSet filtering) {
  auto report = own_side(mapping, filtering);
  report.ipv4->mapped = test::endpoint("198.51.100.77:40000");
  return report;
}
probe::Report ipv6_only() {
  auto report = test::port_restricted();
  report.ipv6 = report.ipv4;
  report.ipv6->local = report.ipv6->mapped = test::endpoint("[2001:db8::1]:1");
  report.ipv4 = std::nullopt;
  return report;
}
bool has(const Against& against, std::string_view words) {
  return std::ranges::any_of(against.advice,
                             [&](const std::string& one) { return one.find(words) != std::string::npos; });
}
}  // namespace

TEST_CASE("Every pair of NATs needs what the pair's rule says", "[against]") {
  for (const auto mapping : all_behaviors)
    for (const auto filtering : all_behaviors)
      for (const auto other_mapping : all_behaviors)
        for (const auto other_filtering : all_behaviors) {
          const auto against = against_of(own_side(mapping, filtering), peer_side(other_mapping, other_filtering));
          CHECK(against.expected == probe::need_of({.mapping = mapping, .filtering = filtering},
                                                   {.mapping = other_mapping, .filtering = other_filtering}));
          CHECK_FALSE(against.reason.empty());
          CHECK(against.advice.empty() == (against.expected == Need::direct));
          CHECK(against.families == std::vector{Family::ipv4});
        }
}

TEST_CASE("What is not known of either side stays unknown, with whose it is", "[against]") {
  const auto against =
      against_of(own_side(address_dependent, address_dependent), peer_side(endpoint_independent, BehaviorSet{}));
  CHECK(against.expected == Need::unknown);
  CHECK(against.reason == "it depends on what was not found out: the filtering of the peer");
  CHECK(has(against, "two addresses"));
}

TEST_CASE("The side whose port must be guessed is named", "[against]") {
  const auto hard = address_and_port_dependent;
  CHECK(against_of(own_side(hard, hard), peer_side(endpoint_independent, hard)).reason.starts_with("this side shows"));
  CHECK(against_of(own_side(endpoint_independent, hard), peer_side(hard, hard)).reason.starts_with("the peer shows"));
}

TEST_CASE("A router that maps ports is the first advice, unless another NAT is before it", "[against]") {
  const auto hard = address_and_port_dependent;
  const auto own = own_side(hard, hard);
  auto peer = peer_side(hard, hard);
  CHECK(has(against_of(own, peer), "Forward one UDP port"));
  peer.port_mapping.pcp = {.available = true, .external = peer.ipv4->mapped->address};
  const auto against = against_of(own, peer);
  CHECK(against.expected == Need::relay);
  CHECK(against.advice.front().starts_with("Map one UDP port at the peer"));
  CHECK_FALSE(has(against, "Forward"));
  peer.port_mapping.pcp.external = parse_ip_address("100.64.0.1");
  peer.ipv4->cgn = true;
  CHECK_FALSE(has(against_of(own, peer), "at the peer"));
  CHECK(has(against_of(own, peer), "in the router at this side"));
}

TEST_CASE("Blocked UDP needs a relay, whatever the other side is", "[against]") {
  const auto against = against_of(test::blocked(), test::silent());
  CHECK(against.expected == Need::relay);
  CHECK(against.reason == "UDP does not get through at this side");
  CHECK(against_of(test::blocked(), test::blocked()).reason.find("this side and the peer") != std::string::npos);
}

TEST_CASE("A side that nobody answered is not known", "[against]") {
  const auto against = against_of(test::port_restricted(), test::silent());
  CHECK(against.expected == Need::unknown);
  CHECK(against.reason.find("the peer") != std::string::npos);
  CHECK_FALSE(against.advice.empty());
}

TEST_CASE("IPv4 here and IPv6 there is no way, once it is known that there is no other", "[against]") {
  auto own = test::port_restricted();
  auto peer = ipv6_only();
  auto against = against_of(own, peer);
  CHECK(against.expected == Need::unknown);
  CHECK(against.families.empty());
  own.ipv6 = probe::FamilyReport{};
  CHECK(against_of(own, peer).expected == Need::unknown);
  peer.ipv4 = probe::FamilyReport{};
  against = against_of(own, peer);
  CHECK(against.expected == Need::relay);
  CHECK(against.reason == "this side has IPv4 only and the peer has IPv6 only");
  CHECK(has(against, "has both"));
}

TEST_CASE("The better of two shared families counts", "[against]") {
  const auto hard = address_and_port_dependent;
  auto own = own_side(hard, hard);
  auto peer = peer_side(hard, hard);
  own.ipv6 = test::family(false, endpoint_independent, hard);
  own.ipv6->local = own.ipv6->mapped = test::endpoint("[2001:db8:1::1]:1");
  peer.ipv6 = own.ipv6;
  peer.ipv6->local = peer.ipv6->mapped = test::endpoint("[2001:db8:2::1]:1");
  const auto against = against_of(own, peer);
  CHECK(against.expected == Need::direct);
  CHECK(against.families == std::vector{Family::ipv4, Family::ipv6});
}

TEST_CASE("One public address is one network only where a router has it itself", "[against]") {
  auto own = test::port_restricted();
  const auto peer = own;
  auto against = against_of(own, peer);
  CHECK(against.expected == Need::unknown);
  CHECK(against.reason.find("same public address") != std::string::npos);
  own.ipv4->hairpin = false;
  CHECK(against_of(own, peer).expected == Need::unknown);
  own.ipv4->hairpin = true;
  CHECK(against_of(own, peer).expected == Need::direct);
  CHECK(against_of(peer, own).expected == Need::direct);
  own.ipv4->layers = 1;
  against = against_of(own, peer);
  CHECK(against.expected == Need::direct);
  CHECK(against.reason.find("same network") != std::string::npos);
  CHECK(against_of(ipv6_only(), ipv6_only()).expected == Need::direct);
}

TEST_CASE("Redacted addresses that look the same prove nothing", "[against]") {
  auto own = test::port_restricted();
  own.ipv4->mapped = test::endpoint("240.0.0.1:1");
  own.ipv4->layers = 1;
  const auto against = against_of(own, own);
  CHECK(against.reason.find("same network") == std::string::npos);
  CHECK(against.reason.find("redacted") != std::string::npos);
}

TEST_CASE("The answer holds what was asked for, and nothing of it else", "[against]") {
  const auto own = test::port_restricted();
  CHECK_FALSE(nlohmann::json::parse(to_json(own))["verdict"].contains("against"));
  const auto against = against_of(own, peer_side(address_dependent, address_dependent));
  const auto json = nlohmann::json::parse(to_json(own, {.against = against, .error = {}}))["verdict"]["against"];
  CHECK(json["expected"] == "direct-with-prediction");
  CHECK(json["families"] == nlohmann::json{"ipv4"});
  CHECK(json["reason"] == against.reason);
  CHECK(json["advice"].size() == against.advice.size());
  const auto text = to_text(against);
  CHECK(text.starts_with("\nconnection with the peer\n  expected  direct-with-prediction\n"));
  CHECK(nlohmann::json::parse(to_json(own, {.against = Against{}, .error = {}}))["verdict"]["against"]["expected"]
            .is_null());
}

TEST_CASE("Who is behind a login page is asked to log in before anything is predicted", "[against]") {
  auto own = test::blocked();
  own.captive_portal = true;
  const auto against = against_of(own, peer_side(endpoint_independent, endpoint_independent));
  CHECK(against.expected == Need::unknown);
  CHECK(against.reason == "a login page lets nothing out at this side, so what is behind it is not known");
  CHECK(has(against, "Log in with a browser at this side"));
  const auto swapped =
      against_of(peer_side(endpoint_independent, endpoint_independent), parse_peer_report(to_json(own)).value());
  CHECK(swapped.reason == "a login page lets nothing out at the peer, so what is behind it is not known");
}
