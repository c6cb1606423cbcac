#include "natkit/report/changes.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <map>
#include <utility>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/report/json.hpp"

namespace natkit::report {
namespace {
constexpr std::string_view schema = "natkit/nat-probe/1";
/// Another one each time, or no value of the network's; wherever they stand. (`range` is which ports were just seen,
/// `remembered` how old a value is.)
constexpr std::array<std::string_view, 9> passing{"schema", "error",      "evidence",   "rtt_ms",      "loss",
                                                  "range",  "remembered", "elapsed_ms", "packets_sent"};
constexpr std::string_view error_key = "error.reason";

std::string join(std::string_view parent, std::string_view key) {
  return parent.empty() ? std::string{key} : fmt::format("{}.{}", parent, key);
}

/// The values of an answer by their paths, in its order.
class Values {
 public:
  explicit Values(std::string_view answer) {
    const auto root = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
    if (root.is_object()) add_members(root, "");
  }
  [[nodiscard]] const std::vector<std::string>& keys() const { return keys_; }
  [[nodiscard]] std::string at(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? "null" : found->second;
  }

 private:
  void add_members(const Json& object, const std::string& path) {
    for (const auto& [key, value] : object.items())
      if (std::ranges::find(passing, key) == passing.end()) add(value, join(path, key), key);
  }

  void add(const Json& value, const std::string& path, std::string_view key) {
    if (value.is_object()) return add_members(value, path);
    const bool has_objects =
        value.is_array() && std::ranges::any_of(value, [](const Json& item) { return item.is_object(); });
    if (has_objects) {
      for (std::size_t i = 0; i < value.size(); ++i) add(value[i], join(path, std::to_string(i)), {});
      return;
    }
    keys_.push_back(path);
    values_[path] = dump(is_socket(key) ? without_port(value) : value);
  }

  /// Every run has other sockets, so only their addresses tell anything.
  static bool is_socket(std::string_view key) { return key == "local" || key == "mapped"; }
  static Json without_port(const Json& value) {
    const auto endpoint = value.is_string() ? parse_endpoint(value.get<std::string>()) : std::nullopt;
    return endpoint ? Json(to_text(endpoint->address)) : value;
  }

  std::vector<std::string> keys_;
  std::map<std::string, std::string> values_;
};

std::string time_text(std::chrono::sys_seconds at) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(at.time_since_epoch().count())));
}

Json event(const char* name, std::chrono::sys_seconds at) {
  return {{"schema", schema}, {"event", name}, {"at", time_text(at)}};
}

Json parsed(const std::string& value) { return Json::parse(value, nullptr, /*allow_exceptions=*/false); }

std::string value_text(const Change& change, const std::string& value) {
  const auto json = parsed(value);
  if (json.is_null()) return change.key == error_key ? "none" : "unknown";
  if (!json.is_array()) return json.is_string() ? json.get<std::string>() : value;
  std::string list;
  for (const auto& item : json)
    list += fmt::format("{}{}", list.empty() ? "" : ", ", item.is_string() ? item.get<std::string>() : dump(item));
  return list.empty() ? "none" : list;
}

Json or_null(const std::string& reason) { return reason.empty() ? Json(nullptr) : Json(reason); }

/// The error's part of the changes of a run.
std::vector<Change> error_change(std::string& before, const std::string& now) {
  if (before == now) return {};
  const auto was = std::exchange(before, now);
  return {{.key = std::string{error_key}, .from = dump(or_null(was)), .to = dump(or_null(now))}};
}
}  // namespace

std::vector<Change> changes_between(std::string_view before, std::string_view after) {
  const Values old{before};
  const Values fresh{after};
  auto keys = fresh.keys();
  for (const auto& key : old.keys())
    if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  std::vector<Change> changes;
  for (const auto& key : keys)
    if (old.at(key) != fresh.at(key)) changes.push_back({.key = key, .from = old.at(key), .to = fresh.at(key)});
  return changes;
}

std::vector<Change> WatchedAnswers::enter(std::string answer, const std::optional<Error>& error) {
  auto changes = error_change(reason_, error ? error->reason : std::string{});
  if (last_) std::ranges::copy(changes_between(*last_, answer), std::back_inserter(changes));
  last_ = std::move(answer);
  return changes;
}

std::vector<Change> WatchedAnswers::enter_failure(const Error& error) { return error_change(reason_, error.reason); }

std::string report_event(std::string_view answer, std::chrono::sys_seconds at) {
  auto out = event("report", at);
  const auto root = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
  for (const auto& [key, value] : root.items())
    if (key != "schema") out[key] = value;
  return dump(out);
}

std::string changed_event(std::span<const Change> changes, std::chrono::sys_seconds at) {
  auto out = event("changed", at);
  out["changes"] = Json::array();
  for (const auto& change : changes)
    out["changes"].push_back({{"key", change.key}, {"from", parsed(change.from)}, {"to", parsed(change.to)}});
  return dump(out);
}

std::string to_text(const Change& change, std::chrono::sys_seconds at) {
  return printable(fmt::format("{} {}: {} -> {}", time_text(at), change.key, value_text(change, change.from),
                               value_text(change, change.to)));
}
}  // namespace natkit::report
