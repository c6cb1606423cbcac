#pragma once
/// What is asked for by a request of HTTP: its path and the parameters of its query (RFC 3986 §3.3, §3.4; pairs as
/// forms write them).
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace natkit::rendezvous {
struct HttpTarget {
  std::string path{};                                             ///< decoded
  std::vector<std::pair<std::string, std::string>> parameters{};  ///< decoded, in order

  /// The first of that name.
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
};
/// Any text may be passed in; bytes that are not UTF-8 may come out. Nothing where it does not begin with '/', where a
/// '%' is not followed by two digits, and beyond 4096 bytes or 128 parameters.
[[nodiscard]] std::optional<HttpTarget> parse_http_target(std::string_view text);
}  // namespace natkit::rendezvous
