#include "natkit/report/server_events.hpp"

#include <nlohmann/json.hpp>

namespace natkit::report {
namespace {
nlohmann::ordered_json event(std::string_view tool, std::string_view name) {
  nlohmann::ordered_json object;
  object["schema"] = "natkit/" + std::string(tool) + "/1";
  object["event"] = name;
  return object;
}

std::string dump(const nlohmann::ordered_json& object) {
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}
}  // namespace

std::string ready_json(std::string_view tool, std::span<const TransportAddress> bound,
                       std::span<const IpAddress> relayed, std::span<const Endpoint> http) {
  auto object = event(tool, "ready");
  for (const auto protocol : {Protocol::udp, Protocol::tcp}) {
    auto& list = object[std::string(to_text(protocol))] = nlohmann::ordered_json::array();
    for (const auto& address : bound)
      if (address.protocol == protocol) list.push_back(to_text(address.endpoint));
  }
  for (const auto& address : relayed) object["relay"].push_back(to_text(address));
  for (const auto& endpoint : http) object["http"].push_back(to_text(endpoint));
  return dump(object);
}

std::string log_json(std::string_view tool, std::string_view level, std::string_view message) {
  auto object = event(tool, "log");
  object["level"] = level;
  object["message"] = message;
  return dump(object);
}
}  // namespace natkit::report
