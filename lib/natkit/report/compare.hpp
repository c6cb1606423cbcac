#pragma once
/// What other tools would print for the network that was measured, and why that may be another thing than what we say.
/// As their sources have it: stunclient of jselbie/stunserver, `tailscale netcheck`, pystun3. All three look at
/// IPv4 unless told otherwise, and so does this.
///
///   stunclient  asks one server with two addresses. Where the socket's address is the mapped one it asks nothing more,
///               and prints "Direct Mapping" and "Endpoint Independent Filtering" behind any firewall.
///   netcheck    asks many servers at the same port: one bit, whether any saw another address. No filtering.
///   pystun3     walks RFC 3489's tree from a socket bound to 0.0.0.0, so it never sees that there is no NAT, and calls
///               everything that lets strangers in "Full Cone" before it has looked at the mapping.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/probe/report.hpp"

namespace natkit::report {
struct Comparison {
  std::string_view tool{};
  std::optional<std::string_view> says{};             ///< none: cannot be told, as we do not know what it follows from
  std::optional<std::string_view> differs_because{};  ///< none: it agrees, or cannot be told
};
/// One for each tool, always in the same order.
[[nodiscard]] std::vector<Comparison> compare(const probe::Report& report);

/// For people: a block that stands after the report.
[[nodiscard]] std::string to_text(const std::vector<Comparison>& comparisons);
}  // namespace natkit::report
