#include "natkit/report/probe_metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/printable.hpp"

namespace natkit::report {
namespace {
using enum Behavior;

double in_seconds(Duration duration) { return std::chrono::duration<double>{duration}.count(); }

/// In a label's value a backslash, a quote and a line end are escaped with a backslash.
std::string label_value(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

/// One metric: `add` for each value that is known, then `text`.
class Gauge {
 public:
  Gauge(std::string_view name, std::string_view help) : name_(name), help_(help) {}

  void add(double value) { add("", value); }
  void add(const std::string& labels, double value) {
    if (std::ranges::find(labels_, labels) != labels_.end()) return;
    labels_.push_back(labels);
    fmt::format_to(std::back_inserter(lines_), "natkit_nat_probe_{}{} {}\n", name_,
                   labels.empty() ? "" : "{" + labels + "}", value);
  }
  void add_fact(const std::string& labels, const std::optional<bool>& fact) {
    if (fact) add(labels, *fact ? 1 : 0);
  }

  [[nodiscard]] std::string text() const {
    if (lines_.empty()) return {};
    return fmt::format("# HELP natkit_nat_probe_{0} {1}\n# TYPE natkit_nat_probe_{0} gauge\n{2}", name_, help_, lines_);
  }

 private:
  std::string_view name_;
  std::string_view help_;
  std::vector<std::string> labels_;
  std::string lines_;
};

struct Answered {
  std::string label;
  const probe::FamilyReport& facts;
};
std::vector<Answered> answered_families(const probe::Report& report) {
  std::vector<Answered> all;
  if (report.ipv4 && report.ipv4->mapped) all.push_back({R"(family="ipv4")", *report.ipv4});
  if (report.ipv6 && report.ipv6->mapped) all.push_back({R"(family="ipv6")", *report.ipv6});
  return all;
}

std::string udp_ok(const probe::Report& report) {
  Gauge gauge{"udp_ok", "Whether UDP passes; 0: a server answers over TCP only."};
  if (report.udp != probe::UdpState::unknown) gauge.add(report.udp == probe::UdpState::ok ? 1 : 0);
  return gauge.text();
}

std::string facts(const probe::Report& report, std::string_view name, std::string_view help,
                  std::optional<bool> probe::FamilyReport::* fact) {
  Gauge gauge{name, help};
  for (const auto& [label, family] : answered_families(report)) gauge.add_fact(label, family.*fact);
  return gauge.text();
}

std::string behaviors(const probe::Report& report, std::string_view name, std::string_view help,
                      BehaviorSet probe::FamilyReport::* behavior) {
  Gauge gauge{name, help};
  for (const auto& [label, family] : answered_families(report)) {
    const auto& possible = family.*behavior;
    for (const auto one : {endpoint_independent, address_dependent, address_and_port_dependent})
      if (possible.single() || !possible.contains(one))
        gauge.add(fmt::format(R"({},behaviour="{}")", label, to_text(one)), possible.contains(one) ? 1 : 0);
  }
  return gauge.text();
}

std::string layers(const probe::Report& report) {
  Gauge gauge{"layers", "How many NATs are in the way."};
  for (const auto& [label, family] : answered_families(report))
    if (family.layers) gauge.add(label, *family.layers);
  return gauge.text();
}

/// All three, so that one which is not the case reads 0.
std::string ipv6_translation(const probe::Report& report) {
  using probe::Translation;
  Gauge gauge{"ipv6_translation", "1: this becomes of IPv6 addresses on their way (RFC 6296), 0: it does not."};
  if (report.ipv6 && report.ipv6->translation)
    for (const auto one : {Translation::none, Translation::prefix, Translation::nat66})
      gauge.add(fmt::format(R"(translation="{}")", to_text(one)), report.ipv6->translation == one ? 1 : 0);
  return gauge.text();
}

std::string tcp_behaviors(std::string_view name, std::string_view help, const BehaviorSet& possible) {
  Gauge gauge{name, help};
  for (const auto one : {endpoint_independent, address_dependent, address_and_port_dependent})
    if (possible.single() || !possible.contains(one))
      gauge.add(fmt::format(R"(behaviour="{}")", to_text(one)), possible.contains(one) ? 1 : 0);
  return gauge.text();
}

std::string path_mtu(const probe::Report& report) {
  Gauge gauge{"path_mtu_bytes", "The largest IP packet, up to 1500 bytes, that gets to a server in one piece."};
  if (report.mtu_bytes) gauge.add(*report.mtu_bytes);
  return gauge.text();
}

std::string captive_portal(const probe::Report& report) {
  Gauge gauge{"captive_portal", "Whether a login page stands before the internet."};
  gauge.add_fact("", report.captive_portal);
  return gauge.text();
}

std::string clat(const probe::Report& report) {
  Gauge gauge{"clat", "Whether this host translates its own IPv4 packets (464XLAT)."};
  gauge.add_fact("", report.nat64.clat);
  return gauge.text();
}

std::string port_mapping(const probe::PortMappings& routers) {
  Gauge gauge{"port_mapping_available", "Whether the router maps ports by this protocol."};
  gauge.add_fact(R"(protocol="pcp")", routers.pcp.available);
  gauge.add_fact(R"(protocol="nat-pmp")", routers.nat_pmp.available);
  gauge.add_fact(R"(protocol="upnp")", routers.upnp.available);
  return gauge.text();
}

/// A name may have an address of each family, so both are labels.
std::string round_trips(const probe::Report& report) {
  Gauge gauge{"rtt_seconds", "Shortest round trip to a server over UDP."};
  for (const auto& server : report.servers)
    if (server.rtt)
      gauge.add(fmt::format(R"(server="{}",address="{}")", label_value(server.name), to_text(server.address)),
                in_seconds(*server.rtt));
  return gauge.text();
}

std::string single(std::string_view name, std::string_view help, double value) {
  Gauge gauge{name, help};
  gauge.add(value);
  return gauge.text();
}
}  // namespace

std::string metrics_text(const probe::Report& report) {
  using probe::FamilyReport;
  return udp_ok(report) + facts(report, "nat", "Whether a NAT is in the way.", &FamilyReport::nat) +
         behaviors(report, "mapping", "1: this is the NAT's mapping behaviour (RFC 4787), 0: it is not.",
                   &FamilyReport::mapping) +
         behaviors(report, "filtering", "1: this is the NAT's filtering behaviour (RFC 4787), 0: it is not.",
                   &FamilyReport::filtering) +
         facts(report, "port_preserved", "Whether the public port is the local one.", &FamilyReport::port_preserved) +
         facts(report, "hairpin", "Whether hosts behind the NAT reach each other by their public addresses.",
               &FamilyReport::hairpin) +
         layers(report) + facts(report, "cgn", "Whether one of the NATs is the carrier's.", &FamilyReport::cgn) +
         ipv6_translation(report) +
         facts(report, "temporary_address", "Whether the address that this host sends from changes (RFC 8981).",
               &FamilyReport::temporary) +
         tcp_behaviors("tcp_mapping", "1: this is the NAT's mapping behaviour over TCP (RFC 5382), 0: it is not.",
                       report.tcp.mapping) +
         tcp_behaviors("tcp_filtering", "1: this is the NAT's filtering behaviour over TCP, 0: it is not.",
                       report.tcp.filtering) +
         path_mtu(report) + captive_portal(report) + clat(report) + port_mapping(report.port_mapping) +
         round_trips(report) + single("elapsed_seconds", "How long the measurement took.", in_seconds(report.elapsed)) +
         single("packets_sent", "How many packets the measurement took.", report.packets_sent);
}
}  // namespace natkit::report
