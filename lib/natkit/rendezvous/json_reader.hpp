#pragma once
// Private to the room: reads the keys of one object of JSON.
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/time.hpp"
#include "natkit/rendezvous/message.hpp"

namespace natkit::rendezvous {
using Json = nlohmann::ordered_json;

// A day: no wait of this protocol is longer, and no arithmetic on it can overflow.
inline constexpr double longest_ms = 86'400'000;
inline constexpr std::size_t longest_short_text = 256;  // ids, tokens, names, addresses

/// Reads keys of one object; remembers when one was not right.
class Reader {
 public:
  explicit Reader(const Json& object) : object_(object) {}

  void read(const char* key, std::string& out) {
    if (const auto* value = find(key); value != nullptr && value->is_string())
      out = value->get_ref<const std::string&>();
    else
      is_right_ = false;
  }
  void read_short(const char* key, std::string& out) {
    read(key, out);
    is_right_ = is_right_ && !out.empty() && out.size() <= longest_short_text;
  }
  template <class Number>
    requires std::is_unsigned_v<Number>
  void read(const char* key, Number& out) {
    const auto* value = find(key);
    if (value == nullptr || !value->is_number_unsigned() ||
        value->get<std::uint64_t>() > std::numeric_limits<Number>::max())
      is_right_ = false;
    else
      out = value->get<Number>();
  }
  void read(const char* key, Duration& out) {
    const auto* value = find(key);
    const double milliseconds = value != nullptr && value->is_number() ? value->get<double>() : -1;
    if (milliseconds >= 0 && milliseconds <= longest_ms)
      out = from_ms(milliseconds);
    else
      is_right_ = false;
  }
  void read(const char* key, Endpoint& out) {
    std::string text;
    read(key, text);
    const auto endpoint = parse_endpoint(text);
    is_right_ = is_right_ && endpoint;
    if (endpoint) out = *endpoint;
  }
  void read(const char* key, PlaceId& out) {
    std::uint32_t number = 0;
    read(key, number);
    out = PlaceId{number};
  }
  void read(const char* key, AttemptId& out) {
    std::string text;
    read(key, text);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    is_right_ = is_right_ && text.size() == 16 && error == std::errc{} && end == text.data() + text.size();
    out = AttemptId{number};
  }
  void read(const char* key, Reason& out) {
    std::string text;
    read(key, text);
    out = parse_reason(text).value_or(Reason::rejected);  // a newer one; the detail will say it
  }
  template <class Enum, std::size_t Count>
  void read(const char* key, const std::array<std::pair<Enum, std::string_view>, Count>& names, Enum& out) {
    std::string text;
    read(key, text);
    for (const auto& [value, name] : names)
      if (name == text) {
        out = value;
        return;
      }
    is_right_ = false;
  }
  void read(const char* key, bool& out) {
    if (const auto* value = find(key); value != nullptr && value->is_boolean())
      out = value->get<bool>();
    else
      is_right_ = false;
  }
  void read(const char* key, double& out) {
    if (const auto* value = find(key); value != nullptr && value->is_number())
      out = value->get<double>();
    else
      is_right_ = false;
  }
  void read(const char* key, std::vector<std::string>& out) {
    const auto* value = find(key);
    is_right_ = is_right_ && value != nullptr && value->is_array();
    if (!is_right_) return;
    for (const auto& entry : *value) {
      is_right_ = is_right_ && entry.is_string();
      if (is_right_) out.push_back(entry.get<std::string>());
    }
  }
  template <class Value>
  void read(const char* key, std::map<std::string, Value>& out) {
    const auto* value = find(key);
    is_right_ = is_right_ && value != nullptr && value->is_object();
    if (!is_right_) return;
    Reader reader{*value};
    for (const auto& [name, entry] : value->items()) reader.read(name.c_str(), out[name]);
    is_right_ = reader.is_right();
  }
  template <class Read>
  void read_object(const char* key, Read&& read_inner) {
    const auto* value = find(key);
    if (value == nullptr || !value->is_object()) return fail();
    Reader reader{*value};
    read_inner(reader);
    is_right_ = is_right_ && reader.is_right();
  }
  template <class Read>
  void read_objects(const char* key, Read&& read_inner) {
    const auto* value = find(key);
    if (value == nullptr || !value->is_array()) return fail();
    for (const auto& entry : *value) {
      if (!entry.is_object()) return fail();
      Reader reader{entry};
      read_inner(reader);
      is_right_ = is_right_ && reader.is_right();
    }
  }
  /// What `out` holds stays where the key is missing.
  template <class T>
  void read_if_there(const char* key, T& out) {
    if (const auto* value = find(key); value != nullptr && !value->is_null()) read(key, out);
  }
  template <class T>
  void read(const char* key, std::optional<T>& out) {
    if (const auto* value = find(key); value != nullptr && !value->is_null()) read(key, out.emplace());
  }

  [[nodiscard]] const Json* find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  void fail() { is_right_ = false; }
  [[nodiscard]] bool is_right() const { return is_right_; }

 private:
  const Json& object_;
  bool is_right_ = true;
};

template <class Enum, std::size_t Count>
std::string_view name_of(const std::array<std::pair<Enum, std::string_view>, Count>& names, Enum value) {
  for (const auto& [candidate, name] : names)
    if (candidate == value) return name;
  return {};
}
}  // namespace natkit::rendezvous
