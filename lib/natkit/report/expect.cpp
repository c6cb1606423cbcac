#include "natkit/report/expect.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

#include "natkit/base/printable.hpp"
#include "natkit/report/json.hpp"

namespace natkit::report {
namespace {
/// Keys named in an error; more would not help anybody.
constexpr std::size_t most_keys_named = 16;
/// No key of ours is longer, so what stands beyond cannot bring a wrong one nearer.
constexpr std::size_t longest_key = 64;

enum class Indexing : std::uint8_t { exact, any_element };

/// Both quote what the user wrote.
std::unexpected<Error> unknown_key(std::string_view detail, std::string_view advice) {
  return std::unexpected(Error{Errc::usage, "unknown-key", printable(detail), printable(advice)});
}

std::optional<std::size_t> parse_index(std::string_view text) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return index;
}

/// Levenshtein's distance: how many letters to insert, drop or change. Keys are short, so one row is enough.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

/// "ipv4.mapping" for the parent "ipv4" and the key "mapping".
std::string join(std::string_view parent, std::string_view key) {
  return parent.empty() ? std::string(key) : fmt::format("{}.{}", parent, key);
}

std::unexpected<Error> no_such_member(const Json& object, std::string_view parent, std::string_view key) {
  std::vector<std::string> keys;
  std::string nearest;
  std::size_t least = 3;  // two letters wrong is a slip; more is another word
  for (const auto& item : object.items()) {
    if (keys.size() < most_keys_named) keys.push_back(item.key());
    if (const auto slips = edit_distance(key.substr(0, longest_key), item.key()); slips < least) {
      least = slips;
      nearest = item.key();
    }
  }
  const auto place = parent.empty() ? std::string("the answer") : fmt::format("'{}'", parent);
  auto advice = fmt::format("{} has: {}", place, fmt::join(keys, ", "));
  if (!nearest.empty()) advice = fmt::format("did you mean '{}'? {}", join(parent, nearest), advice);
  return unknown_key(fmt::format("there is no key '{}'", join(parent, key)), advice);
}

/// The value at a path; null (the pointer) where an empty list may hold anything.
Result<const Json*> find(const Json& root, std::string_view path, Indexing indexing) {
  const Json* here = &root;
  std::string_view parent;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('.', begin), path.size());
    const auto key = path.substr(begin, end - begin);
    if (here->is_array()) {
      const auto index = parse_index(key);
      if (!index) return unknown_key(fmt::format("'{}' is a list, '{}' is no index", parent, key), "count from 0");
      if (here->empty() && indexing == Indexing::any_element) return nullptr;
      if (*index >= here->size() && indexing == Indexing::exact)
        return unknown_key(fmt::format("there is no '{}'", path.substr(0, end)),
                           fmt::format("'{}' has {} elements, counted from 0", parent, here->size()));
      here = &(*here)[indexing == Indexing::exact ? *index : 0];
    } else if (here->is_object()) {
      const auto found = here->find(std::string(key));
      if (found == here->end()) return no_such_member(*here, parent, key);
      here = &*found;
    } else {
      return unknown_key(fmt::format("'{}' has no parts, so there is no '{}'", parent, path),
                         fmt::format("ask for '{}' itself", parent));
    }
    parent = path.substr(0, end);
    begin = end + 1;
  }
  return here;
}

std::string value_text(const Json& value) {
  if (value.is_null()) return "unknown";
  return value.is_string() ? value.get<std::string>() : dump(value);
}

std::vector<std::string> element_texts(const Json& array) {
  std::vector<std::string> texts;
  for (const auto& element : array) texts.push_back(value_text(element));
  return texts;
}

std::vector<std::string> split_sorted(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  std::sort(parts.begin(), parts.end());
  return parts;
}

bool is_met(const Json& value, std::string_view expected) {
  if (value.is_null()) return expected == "null" || expected == "unknown";
  if (!value.is_array()) return value_text(value) == expected;
  auto texts = element_texts(value);
  std::sort(texts.begin(), texts.end());
  return texts == split_sorted(expected);
}

std::string got_text(const Json& value) {
  return value.is_array() ? fmt::format("{}", fmt::join(element_texts(value), ",")) : value_text(value);
}

Result<Json> parse(std::string_view json) {
  auto root = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded()) return std::unexpected(Error{Errc::defect, "bad-json", "our own answer is no JSON", ""});
  return root;
}
}  // namespace

Result<Expectation> parse_expectation(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0)
    return std::unexpected(Error{Errc::usage, "bad-expectation", fmt::format("'{}' is not KEY=VALUE", printable(text)),
                                 "write it like ipv4.mapping=endpoint-independent"});
  return Expectation{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

Result<std::vector<Unmet>> unmet_expectations(std::string_view json, std::span<const Expectation> expectations) {
  const auto root = parse(json);
  if (!root) return std::unexpected(root.error());
  std::vector<Unmet> unmet;
  for (const auto& [key, expected] : expectations) {
    const auto value = find(*root, key, Indexing::exact);
    if (!value) return std::unexpected(value.error());
    if (!is_met(**value, expected)) unmet.push_back({key, expected, got_text(**value)});
  }
  return unmet;
}

Result<void> check_keys(std::string_view json, std::span<const Expectation> expectations) {
  const auto root = parse(json);
  if (!root) return std::unexpected(root.error());
  for (const auto& expectation : expectations)
    if (const auto value = find(*root, expectation.key, Indexing::any_element); !value)
      return std::unexpected(value.error());
  return {};
}

std::string to_text(const Unmet& unmet) {
  return fmt::format("expected {}={}, got {}", unmet.key, unmet.expected, unmet.got);
}
}  // namespace natkit::report
