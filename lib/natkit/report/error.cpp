#include "natkit/report/error.hpp"

#include <nlohmann/json.hpp>

namespace natkit::report {
std::string error_json(std::string_view tool, Shape shape, const Error& error) {
  nlohmann::ordered_json object;
  object["schema"] = "natkit/" + std::string(tool) + "/1";
  if (shape == Shape::event) object["event"] = "error";
  auto& body = object["error"];
  body["reason"] = error.reason;
  body["detail"] = error.detail;
  body["advice"] = error.advice.empty() ? nlohmann::ordered_json{} : nlohmann::ordered_json(error.advice);
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}
}  // namespace natkit::report
