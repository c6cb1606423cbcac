#include "natkit/rendezvous/http_target.hpp"

#include <cstddef>

#include "natkit/base/bytes.hpp"

namespace natkit::rendezvous {
namespace {
constexpr std::size_t longest_target = 4096;  // 64 blocked hosts and a few filters
constexpr std::size_t most_parameters = 128;

enum class Plus : std::uint8_t { plus, space };

std::optional<std::string> decode(std::string_view text, Plus plus) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const auto byte = i + 3 <= text.size() ? from_hex(text.substr(i + 1, 2)) : std::nullopt;
      if (!byte) return std::nullopt;
      out += static_cast<char>(byte->front());
      i += 2;
    } else {
      out += text[i] == '+' && plus == Plus::space ? ' ' : text[i];
    }
  }
  return out;
}

std::string_view cut(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return part;
}
}  // namespace

std::optional<std::string> HttpTarget::find(std::string_view name) const {
  for (const auto& [key, value] : parameters)
    if (key == name) return value;
  return std::nullopt;
}

std::optional<HttpTarget> parse_http_target(std::string_view text) {
  if (text.size() > longest_target || !text.starts_with('/')) return std::nullopt;
  auto path = decode(cut(text, '?'), Plus::plus);
  if (!path) return std::nullopt;
  HttpTarget target{.path = std::move(*path)};
  while (!text.empty()) {
    auto pair = cut(text, '&');
    if (pair.empty()) continue;
    auto key = decode(cut(pair, '='), Plus::space);
    auto value = decode(pair, Plus::space);
    if (!key || !value || target.parameters.size() == most_parameters) return std::nullopt;
    target.parameters.emplace_back(std::move(*key), std::move(*value));
  }
  return target;
}
}  // namespace natkit::rendezvous
