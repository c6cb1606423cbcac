#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "natkit/report/markup.hpp"
#include "natkit/report/mesh_events.hpp"

namespace natkit::report {
namespace {
constexpr double size = 640, middle = size / 2, radius = 230, dot = 14;

struct Place {
  double x = 0, y = 0;
};

Place place_of(std::size_t index, std::size_t count) {
  const auto angle =
      2 * std::numbers::pi * static_cast<double>(index) / static_cast<double>(count) - std::numbers::pi / 2;
  return {middle + radius * std::cos(angle), middle + radius * std::sin(angle)};
}

/// Colours that differ for the colour-blind too (Okabe and Ito), and lines that differ without colour.
std::string_view stroke_of(PathKind kind) {
  if (kind == PathKind::relayed) return R"(stroke="#d55e00" stroke-dasharray="2 5")";
  if (kind == PathKind::routed) return R"(stroke="#e69f00" stroke-dasharray="9 5")";
  return R"(stroke="#0072b2")";
}
}  // namespace

std::string mesh_svg(const MeshStatus& status) {
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {0}\" font-family=\"sans-serif\" "
      "font-size=\"14\">\n<title>{1}, epoch {2}</title>\n",
      size, to_markup(status.name), status.epoch);
  const auto count = status.members.size();
  std::size_t self = 0;
  for (std::size_t i = 0; i < count; ++i)
    if (status.members[i].is_self) self = i;
  const auto here = place_of(self, count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& member = status.members[i];
    if (!member.path) continue;
    const auto there = place_of(i, count);
    out += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke-width=\"2\" {}/>\n",
                       here.x, here.y, there.x, there.y, stroke_of(member.path->kind));
    const auto rtt = member.path->rtt ? fmt::format(" {:.0f} ms", to_ms(*member.path->rtt)) : std::string{};
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"#555\" font-size=\"11\">{}{}</text>\n",
                       (here.x + there.x) / 2 + 4, (here.y + there.y) / 2, to_text(member.path->kind), rtt);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto& member = status.members[i];
    const auto at = place_of(i, count);
    out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\" stroke=\"#000\"/>\n", at.x, at.y,
                       member.is_host ? dot * 1.4 : dot,
                       member.is_host   ? "#009e73"
                       : member.is_self ? "#56b4e9"
                                        : "#fff");
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}{}</text>\n", at.x, at.y + 34,
                       to_markup(short_name_of(member)), member.is_host ? " (host)" : "");
  }
  return out + "</svg>\n";
}
}  // namespace natkit::report
