#pragma once
/// Inside this room only: the JSON library, and the one way its values become text.
#include <nlohmann/json.hpp>
#include <string>

#include "natkit/base/result.hpp"

namespace natkit::report {
using Json = nlohmann::ordered_json;  ///< keys stay in the order of the contract

/// One line. Bytes that are not UTF-8 become U+FFFD: a foreign server's text must not make the report unprintable.
inline std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

inline Json error_object(const Error& error) {
  return {{"reason", error.reason},
          {"detail", error.detail},
          {"advice", error.advice.empty() ? Json(nullptr) : Json(error.advice)}};
}
}  // namespace natkit::report
