#pragma once
/// Inside this room only: the way from this host to its servers, drawn for the page of `probe_html.hpp`, whose style
/// sheet gives the classes their colours.
#include <string>

#include "natkit/base/endpoint.hpp"
#include "natkit/probe/report.hpp"

namespace natkit::report {
/// From top to bottom: this host, the NATs as far as they are known, the internet, the servers with their round trips.
/// What is not known is drawn with dashes. `facts` are those of `family` in `report`.
[[nodiscard]] std::string path_svg(const probe::Report& report, Family family, const probe::FamilyReport& facts);
}  // namespace natkit::report
