#include "natkit/report/error.hpp"

#include "natkit/report/json.hpp"

namespace natkit::report {
std::string error_json(std::string_view tool, Shape shape, const Error& error) {
  auto object = Json::object();
  object["schema"] = "natkit/" + std::string(tool) + "/1";
  if (shape == Shape::event) object["event"] = "error";
  object["error"] = error_object(error);
  return dump(object);
}
}  // namespace natkit::report
