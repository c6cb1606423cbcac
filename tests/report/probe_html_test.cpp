#include "natkit/report/probe_html.hpp"

#include <string>
#include <vector>

#include "catch.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using enum Behavior;

namespace {
bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// What is wrong with the page's tags; empty: every tag that is opened is closed, in order.
std::string objection_to_tags(std::string_view page) {
  std::vector<std::string> open;
  for (auto at = page.find('<'); at != std::string_view::npos; at = page.find('<', at + 1)) {
    const auto end = page.find('>', at);
    if (end == std::string_view::npos) return "a tag without an end";
    auto tag = page.substr(at + 1, end - at - 1);
    if (tag.starts_with('!') || tag.ends_with('/')) continue;
    const bool closes = tag.starts_with('/');
    if (closes) tag.remove_prefix(1);
    const std::string name{tag.substr(0, tag.find_first_of(" \n"))};
    if (!closes) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back());
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

/// All that can stand in a report at once.
probe::Report full() {
  auto report = test::port_restricted();
  report.ipv4->port_allocation = {
      .rule = probe::PortAllocation::Rule::sequential, .delta = -2, .range = std::pair{40000, 40010}};
  report.ipv4->pooling = probe::Pooling::arbitrary;
  report.ipv4->hairpin = false;
  report.ipv4->layers = 2;
  report.ipv4->cgn = true;
  report.ipv4->rewritten = true;
  report.ipv6 = test::family(false, endpoint_independent, {endpoint_independent, address_dependent});
  report.port_mapping.upnp = {.available = true, .external = test::endpoint("100.64.0.2:1").address};
  report.port_mapping.pcp.available = false;
  return report;
}

std::vector<probe::Report> samples() {
  return {probe::Report{}, test::port_restricted(), test::silent(), test::blocked(), full()};
}
}  // namespace

TEST_CASE("The page's tags are closed in order, whatever is known", "[probe_html]") {
  for (const auto& report : samples()) {
    const auto page = to_html(report);
    CHECK(objection_to_tags(page).empty());
    CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
    CHECK(page.ends_with("</html>\n"));
  }
  CHECK(objection_to_tags("<a><b></a></b>") == "</a> closes b");
  CHECK(objection_to_tags("<a><b/>") == "a is not closed");
}

TEST_CASE("The page fetches nothing and runs nothing", "[probe_html]") {
  for (const auto& report : samples()) {
    const auto page = to_html(report);
    for (const auto* outside :
         {"http://", "https://", "src=", "href=", "@import", "url(", "<script", "<link", "onload"})
      CHECK_FALSE(has(page, outside));
    CHECK(has(page, "content=\"default-src 'none';"));
  }
}

TEST_CASE("Names and evidence from outside are text on the page, never markup", "[probe_html]") {
  const std::string hostile = "<script>alert('x')</script>\x1b[2J\n\"&\xff\xe2\x80\xae";
  auto report = full();
  report.servers[0].name = hostile;
  report.evidence = {{hostile, hostile, hostile}, {"ipv6.filtering", "r", hostile}, {"udp", "r", hostile}};
  const auto page = to_html(report);
  CHECK(objection_to_tags(page).empty());
  CHECK_FALSE(has(page, "<script"));
  CHECK_FALSE(has(page, "\x1b"));
  CHECK_FALSE(has(page, "\xff"));
  CHECK_FALSE(has(page, "\xe2\x80\xae"));
  CHECK(has(page, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\\x1b[2J\\n&quot;&amp;\\xff\\u202e"));

  auto silent = test::silent();
  silent.evidence = {{"udp", "cannot-send", hostile}};  // which the headline quotes
  CHECK(objection_to_tags(to_html(silent)).empty());
  CHECK_FALSE(has(to_html(silent), "<script"));
}

TEST_CASE("The page tells the verdict, the values, the ways to peers and what all that rests on", "[probe_html]") {
  const auto page = to_html(full());
  CHECK(has(page, "<header class=\"good\">\n<h1><span class=\"grade\">Good</span> most other players"));
  CHECK(has(page, "<dt>mapping</dt><dd>endpoint-independent<small>one public port"));
  CHECK(has(page, "<dt>filtering</dt><dd>endpoint-independent or address-dependent<small>"));
  CHECK(has(page, "<dt>port of a new socket</dt><dd>sequential, -2 each time, seen from 40000 to 40010</dd>"));
  CHECK(has(page, "<dt>hairpin</dt><dd>no<small>hosts behind the NAT do not"));
  CHECK(has(page, "<dt>NATs in the way</dt><dd>2</dd>"));
  CHECK(has(page, "<dt>inside packets</dt><dd>addresses are rewritten"));
  CHECK(has(page, "<dt>public addresses</dt><dd>this host&#39;s own"));  // of IPv6, where there is no NAT
  CHECK(has(page, "<dt>UPnP</dt><dd>yes<small>external address 100.64.0.2</small>"));
  CHECK(has(page, "<dt>RFC 3489</dt><dd>port-restricted cone</dd>"));
  CHECK(has(page, "<th scope=\"row\">full cone</th><td class=\"direct\">direct</td>"));
  CHECK(has(page, "<li><code>198.51.100.1:3478</code> stun.example:3478 <span class=\"soft\">50.2 ms, two addresses"));
  CHECK(has(page, "<li><code>ipv4.filtering</code> 2 receipts, no answer within 40 ms"));
  CHECK(has(page, "14 packets in 142.5 ms"));
}

TEST_CASE("What is not known says so on the page, with its reason", "[probe_html]") {
  auto report = test::report_of(test::family(true, BehaviorSet{}, BehaviorSet{}));
  report.evidence = {{"ipv4.mapping", "one-server", "one server cannot tell"}};
  const auto page = to_html(report);
  CHECK(has(page, "<dt>mapping</dt><dd><span class=\"unknown\">unknown</span><small>one server cannot tell</small>"));
  CHECK(has(page, "<dt>filtering</dt><dd><span class=\"unknown\">unknown</span><small>not measured</small>"));
  CHECK(has(page, "<dt>NATs in the way</dt><dd><span class=\"unknown\">unknown</span>"));
  CHECK(has(page, "<h2>IPv6</h2>\n<p class=\"unknown\">not asked</p>"));
  CHECK(has(to_html(test::silent()), "<p class=\"unknown\">not known: nobody answered</p>"));
}

TEST_CASE("The picture has a box for each NAT that is known, and a broken one for what is not", "[probe_html]") {
  const auto two = to_html(full());
  CHECK(has(two, ">NAT 1</text>"));
  CHECK(has(two, ">100.64.0.2</text>"));
  CHECK(has(two, ">NAT of the carrier</text>"));
  CHECK(has(two, ">50.2 ms</text>"));
  CHECK(has(to_html(test::port_restricted()), ">how many is not known</text>"));
  CHECK(has(to_html(test::silent()), ">NAT?</text>"));
  CHECK(has(to_html(test::silent()), "<rect class=\"stop unsure\""));
  CHECK(has(to_html(test::blocked()), "<rect class=\"stop obstacle\""));
  const auto open = to_html(test::report_of(test::family(false, endpoint_independent, endpoint_independent)));
  CHECK_FALSE(has(open, ">NAT</text>"));
  CHECK_FALSE(has(open, ">Firewall</text>"));
  const auto firewall = to_html(test::report_of(test::family(false, endpoint_independent, address_dependent)));
  CHECK(has(firewall, ">Firewall</text>"));
}

TEST_CASE("A login page stands in the picture and before the ways out", "[probe_html]") {
  auto report = test::blocked();
  report.ways_out.emplace();
  CHECK(to_html(report).find("UDP does not pass") != std::string::npos);
  report.captive_portal = true;
  report.evidence.push_back({"captive_portal", "page-of-nobody", "it leads to <b>login.example.net"});
  const auto page = to_html(report);
  CHECK(page.find(">Login page<") != std::string::npos);
  CHECK(page.find("TCP does") == std::string::npos);
  CHECK(page.find("<li>login page: it leads to &lt;b&gt;login.example.net</li>") != std::string::npos);
}

TEST_CASE("A trace with absurdly many NATs and servers draws a bounded picture", "[probe_html]") {
  auto report = test::port_restricted();
  report.ipv4->layers = 4'000'000'000U;
  report.servers.assign(500, report.servers[0]);
  const auto page = to_html(report);
  CHECK(has(page, ">and 3999999994 more</text>"));
  CHECK(has(page, ">Server (and 484 more)</text>"));
  CHECK(objection_to_tags(page).empty());
}
