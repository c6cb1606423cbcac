#include "natkit/report/probe_metrics.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using enum Behavior;

namespace {
bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

struct Sample {
  std::string name, labels, value;
};

/// What a reader makes of a line that is no comment: a name, labels up to the brace that no quotes hold, a value.
Sample sample_of(const std::string& line) {
  std::size_t at = line.find_first_of("{ ");
  Sample sample{.name = line.substr(0, at), .labels = {}, .value = {}};
  if (line.at(at) == '{') {
    bool is_quoted = false;
    const auto begin = at + 1;
    while (line.at(++at) != '}' || is_quoted) {
      if (is_quoted && line[at] == '\\')
        ++at;
      else if (line[at] == '"')
        is_quoted = !is_quoted;
    }
    sample.labels = line.substr(begin, at - begin);
    ++at;
  }
  sample.value = line.substr(at + 1);
  return sample;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

probe::Report hostile() {
  auto report = test::port_restricted();
  report.servers[0].name = "evil\"} 1\nnatkit_forged 1\\\xff";
  report.servers.push_back(report.servers[0]);
  return report;
}
}  // namespace

TEST_CASE("A report becomes metrics, each with HELP and TYPE", "[probe_metrics]") {
  auto report = test::port_restricted();
  report.ipv4->hairpin = false;
  report.ipv4->layers = 2;
  report.ipv4->cgn = true;
  report.port_mapping.upnp.available = false;
  const auto text = metrics_text(report);
  CHECK(
      text.starts_with("# HELP natkit_nat_probe_udp_ok Whether UDP passes; 0: a server answers over TCP only.\n"
                       "# TYPE natkit_nat_probe_udp_ok gauge\nnatkit_nat_probe_udp_ok 1\n"));
  for (const auto* line :
       {"natkit_nat_probe_nat{family=\"ipv4\"} 1\n",
        "natkit_nat_probe_mapping{family=\"ipv4\",behaviour=\"endpoint-independent\"} 1\n",
        "natkit_nat_probe_mapping{family=\"ipv4\",behaviour=\"address-dependent\"} 0\n",
        "natkit_nat_probe_filtering{family=\"ipv4\",behaviour=\"address-and-port-dependent\"} 1\n",
        "natkit_nat_probe_port_preserved{family=\"ipv4\"} 1\n", "natkit_nat_probe_hairpin{family=\"ipv4\"} 0\n",
        "natkit_nat_probe_layers{family=\"ipv4\"} 2\n", "natkit_nat_probe_cgn{family=\"ipv4\"} 1\n",
        "natkit_nat_probe_port_mapping_available{protocol=\"upnp\"} 0\n",
        "natkit_nat_probe_rtt_seconds{server=\"stun.example:3478\",address=\"198.51.100.1:3478\"} 0.050213456\n",
        "natkit_nat_probe_elapsed_seconds 0.1425\n", "natkit_nat_probe_packets_sent 14\n"})
    CHECK(has(text, line));
}

TEST_CASE("What becomes of IPv6 addresses is one of three", "[probe_metrics]") {
  auto report = test::port_restricted();
  report.ipv6 = test::family(true, Behavior::endpoint_independent, Behavior::endpoint_independent);
  CHECK_FALSE(has(metrics_text(report), "ipv6_translation"));
  report.ipv6->translation = probe::Translation::nat66;
  CHECK(has(metrics_text(report), "natkit_nat_probe_ipv6_translation{translation=\"nat66\"} 1\n"));
  CHECK(has(metrics_text(report), "natkit_nat_probe_ipv6_translation{translation=\"none\"} 0\n"));
  CHECK_FALSE(has(metrics_text(report), "temporary"));
  report.ipv6->temporary = true;
  CHECK(has(metrics_text(report), "natkit_nat_probe_temporary_address{family=\"ipv6\"} 1\n"));
}

TEST_CASE("What is not known has no line, and is never 0", "[probe_metrics]") {
  CHECK(metrics_text(test::silent()) ==
        "# HELP natkit_nat_probe_elapsed_seconds How long the measurement took.\n"
        "# TYPE natkit_nat_probe_elapsed_seconds gauge\nnatkit_nat_probe_elapsed_seconds 2\n"
        "# HELP natkit_nat_probe_packets_sent How many packets the measurement took.\n"
        "# TYPE natkit_nat_probe_packets_sent gauge\nnatkit_nat_probe_packets_sent 3\n");
  CHECK(has(metrics_text(test::blocked()), "\nnatkit_nat_probe_udp_ok 0\n"));

  const auto text = metrics_text(
      test::report_of(test::family(std::nullopt, BehaviorSet{}, {endpoint_independent, address_dependent})));
  CHECK_FALSE(has(text, "natkit_nat_probe_nat"));
  CHECK_FALSE(has(text, "natkit_nat_probe_mapping"));
  CHECK_FALSE(has(text, "natkit_nat_probe_layers"));
  CHECK_FALSE(has(text, "natkit_nat_probe_port_mapping"));
  CHECK(has(text, "\nnatkit_nat_probe_filtering{family=\"ipv4\",behaviour=\"address-and-port-dependent\"} 0\n"));
  CHECK_FALSE(has(text, "behaviour=\"endpoint-independent\""));
}

TEST_CASE("What TCP meets and the largest packet are metrics of the host, not of a family", "[probe_metrics]") {
  auto report = test::port_restricted();
  CHECK_FALSE(has(metrics_text(report), "natkit_nat_probe_tcp"));
  CHECK_FALSE(has(metrics_text(report), "natkit_nat_probe_path_mtu"));
  report.tcp = {.mapping = endpoint_independent, .filtering = {address_dependent, address_and_port_dependent}};
  report.mtu_bytes = 1492;
  const auto text = metrics_text(report);
  CHECK(has(text, "\nnatkit_nat_probe_tcp_mapping{behaviour=\"endpoint-independent\"} 1\n"));
  CHECK(has(text, "\nnatkit_nat_probe_tcp_filtering{behaviour=\"endpoint-independent\"} 0\n"));
  CHECK_FALSE(has(text, "natkit_nat_probe_tcp_filtering{behaviour=\"address-dependent\"}"));
  CHECK(has(text, "\nnatkit_nat_probe_path_mtu_bytes 1492\n"));
}

TEST_CASE("Every line can be read, whatever servers are called, and no series stands there twice", "[probe_metrics]") {
  for (const auto& report : {probe::Report{}, test::port_restricted(), test::blocked(), hostile()}) {
    std::set<std::string> series;
    std::set<std::string> announced;
    for (const auto& line : lines_of(metrics_text(report))) {
      CAPTURE(line);
      if (line.starts_with("# TYPE ")) announced.insert(line.substr(7, line.rfind(' ') - 7));
      if (line.starts_with('#')) continue;
      const auto sample = sample_of(line);
      CHECK(announced.contains(sample.name));
      CHECK(sample.name.starts_with("natkit_nat_probe_"));
      CHECK(std::ranges::all_of(sample.name, [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); }));
      CHECK(series.insert(sample.name + sample.labels).second);
      std::size_t read = 0;
      CHECK(std::stod(sample.value, &read) >= 0);
      CHECK(read == sample.value.size());
    }
  }
  CHECK(has(metrics_text(hostile()), R"(server="evil\"} 1\\nnatkit_forged 1\\\\\\xff",address=)"));
}
