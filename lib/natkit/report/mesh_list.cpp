#include "natkit/report/mesh_list.hpp"

#include <fmt/format.h>

#include "natkit/report/json.hpp"

namespace natkit::report {
std::optional<std::string> MeshStaleList::json(const Error& error, std::string_view kept, Duration age) {
  auto list = Json::parse(kept, nullptr, false);
  if (!list.is_object() || !list.contains("sessions") || !list["sessions"].is_array()) return std::nullopt;
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(age).count();
  return dump(Json{{"schema", "natkit/meshctl/1"},
                   {"error", error_object(error)},
                   {"stale", true},
                   {"stale_ms", milliseconds},
                   {"sessions", std::move(list["sessions"])}});
}

std::string MeshStaleList::heading(Duration age) {
  using namespace std::chrono;
  const auto text = age < minutes{2} ? fmt::format("{} s", duration_cast<seconds>(age).count())
                    : age < hours{2} ? fmt::format("{} min", duration_cast<minutes>(age).count())
                                     : fmt::format("{} h", duration_cast<hours>(age).count());
  return "stale: the directory does not answer; this is what it told " + text + " ago";
}
}  // namespace natkit::report
