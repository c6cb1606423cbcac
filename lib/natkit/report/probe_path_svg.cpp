#include "natkit/report/probe_path_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/report/markup.hpp"

namespace natkit::report {
namespace {
/// In units of the picture, which are CSS pixels where it has its full width; that is as wide as a small telephone.
constexpr double width = 340, box_height = 50, gap = 26, indent = 22, padding = 12;
constexpr double glyph = 7.3;             // of the 12 pixel monospace font: 0.6 em and a little
constexpr unsigned most_nats_drawn = 6;   // nobody has seen more than four
constexpr std::size_t most_servers = 16;  // as many as nat-probe asks; a trace may come from elsewhere

enum class Certainty : std::uint8_t { known, unknown, obstacle };

struct Stop {
  std::string title;
  std::string note{};  ///< at the right
  std::string detail{};
  Certainty certainty = Certainty::known;
};

std::string_view class_of(Certainty certainty) {
  switch (certainty) {
    case Certainty::unknown:
      return "stop unsure";
    case Certainty::obstacle:
      return "stop obstacle";
    case Certainty::known:
      break;
  }
  return "stop";
}

/// A text that would leave its box is narrowed: an IPv6 address with its port may have 47 characters.
std::string fitted(std::string_view text, double room) {
  if (static_cast<double>(text.size()) * glyph <= room) return {};
  return fmt::format(R"( textLength="{:.0f}" lengthAdjust="spacingAndGlyphs")", room);
}

std::string box(const Stop& stop, double x, double y) {
  const auto room = width - x - 1 - 2 * padding;
  auto out = fmt::format(R"(<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="8"/>)"
                         "\n",
                         class_of(stop.certainty), x, y, width - x - 1, box_height);
  const auto title_at = stop.detail.empty() ? y + 30 : y + 21;
  out += fmt::format(R"(<text class="title" x="{}" y="{}">{}</text>)"
                     "\n",
                     x + padding, title_at, to_markup(stop.title));
  if (!stop.note.empty())
    out += fmt::format(R"(<text class="note" x="{}" y="{}" text-anchor="end">{}</text>)"
                       "\n",
                       width - 1 - padding, title_at, to_markup(stop.note));
  if (!stop.detail.empty())
    out += fmt::format(R"(<text class="detail" x="{}" y="{}"{}>{}</text>)"
                       "\n",
                       x + padding, y + 39, fitted(stop.detail, room), to_markup(stop.detail));
  return out;
}

std::string line(double x1, double y1, double x2, double y2) {
  return fmt::format(R"(<line class="way" x1="{}" y1="{}" x2="{}" y2="{}"/>)"
                     "\n",
                     x1, y1, x2, y2);
}

/// What the router says its outer address is.
std::optional<IpAddress> outer_address(const probe::PortMappings& routers, Family family) {
  for (const auto& external : {routers.pcp.external, routers.nat_pmp.external, routers.upnp.external})
    if (external && external->family() == family) return external;
  return std::nullopt;
}

std::vector<Stop> counted_nats(const probe::Report& report, Family family, unsigned layers, bool is_last_a_carriers) {
  std::vector<Stop> stops;
  const auto drawn = std::min(layers, most_nats_drawn);
  stops.reserve(drawn);
  for (unsigned i = 0; i < drawn; ++i) stops.push_back({.title = layers == 1 ? "NAT" : fmt::format("NAT {}", i + 1)});
  if (stops.empty()) return stops;
  if (const auto outer = outer_address(report.port_mapping, family)) stops.front().detail = to_text(*outer);
  if (is_last_a_carriers) stops.back() = {.title = "NAT of the carrier"};
  if (layers > drawn) stops.back().note = fmt::format("and {} more", layers - drawn);
  return stops;
}

/// That there is one is known, how many there are is not.
std::vector<Stop> uncounted_nats(const probe::Report& report, Family family, const probe::FamilyReport& facts) {
  std::vector<Stop> stops;
  const auto outer = outer_address(report.port_mapping, family);
  const bool is_carriers_customer = facts.local && facts.local->address.is_shared();
  if (!is_carriers_customer)
    stops.push_back({.title = "NAT",
                     .note = facts.cgn == true ? "" : "how many is not known",
                     .detail = outer ? "its outer address: " + to_text(*outer) : ""});
  if (facts.cgn == true) stops.push_back({.title = "NAT of the carrier", .note = "one or more"});
  return stops;
}

std::vector<Stop> nats(const probe::Report& report, Family family, const probe::FamilyReport& facts) {
  if (!facts.nat) return {{.title = "NAT?", .note = "not known", .certainty = Certainty::unknown}};
  if (!*facts.nat) {
    if (facts.filtering == Behavior::endpoint_independent) return {};
    const bool is_sure = !facts.filtering.contains(Behavior::endpoint_independent);
    if (is_sure) return {{.title = "Firewall", .note = "no NAT"}};
    return {{.title = "Firewall?", .note = "no NAT; the rest is not known", .certainty = Certainty::unknown}};
  }
  return facts.layers ? counted_nats(report, family, *facts.layers, facts.cgn == true)
                      : uncounted_nats(report, family, facts);
}

std::vector<Stop> way_out(const probe::Report& report, Family family, const probe::FamilyReport& facts) {
  std::vector<Stop> stops{{.title = "This host", .detail = facts.local ? to_text(*facts.local) : ""}};
  if (report.captive_portal == true) {
    stops.push_back({.title = "Login page", .note = "nothing passes before", .certainty = Certainty::obstacle});
  } else if (report.udp == probe::UdpState::blocked) {
    stops.push_back({.title = "UDP does not pass", .note = "TCP does", .certainty = Certainty::obstacle});
  } else {
    auto between = nats(report, family, facts);
    std::ranges::move(between, std::back_inserter(stops));
  }
  if (facts.mapped)
    stops.push_back({.title = "Internet", .note = "sees this host as", .detail = to_text(*facts.mapped)});
  else
    stops.push_back({.title = "Internet", .note = "nobody answered over UDP", .certainty = Certainty::unknown});
  return stops;
}

std::vector<Stop> servers_of(const probe::Report& report, Family family) {
  std::vector<Stop> stops;
  std::size_t count = 0;
  for (const auto& server : report.servers) {
    if (server.address.address.family() != family || ++count > most_servers) continue;
    stops.push_back({.title = "Server",
                     .note = server.rtt ? fmt::format("{:.1f} ms", to_ms(*server.rtt)) : "no answer",
                     .detail = to_text(server.address),
                     .certainty = server.rtt ? Certainty::known : Certainty::unknown});
  }
  if (count > most_servers) stops.back().title = fmt::format("Server (and {} more)", count - most_servers);
  return stops;
}
}  // namespace

std::string path_svg(const probe::Report& report, Family family, const probe::FamilyReport& facts) {
  std::string drawing;
  double y = 1;
  for (const auto& stop : way_out(report, family, facts)) {
    if (y > 1) drawing += line(width / 2, y - gap, width / 2, y);
    drawing += box(stop, 1, y);
    y += box_height + gap;
  }
  // Servers hang side by side from one line: a packet goes to one of them, not through all.
  const auto top = y - gap;
  auto bottom = top;
  for (const auto& server : servers_of(report, family)) {
    const auto at = bottom + gap / 2;
    drawing += line(indent / 2, at + box_height / 2, indent, at + box_height / 2);
    drawing += box(server, indent, at);
    bottom = at + box_height;
  }
  if (bottom > top) drawing = line(indent / 2, top, indent / 2, bottom - box_height / 2) + drawing;
  return fmt::format("<svg role=\"img\" aria-label=\"The path over {0}\" viewBox=\"0 0 {1} {2}\">\n{3}</svg>\n",
                     to_text(family), width, bottom + 1, drawing);
}
}  // namespace natkit::report
