#include "natkit/report/meanings.hpp"

#include <fmt/format.h>

#include <chrono>

namespace natkit::report {
using enum Behavior;

std::string_view meaning_of_mapping(Behavior mapping) {
  switch (mapping) {
    case endpoint_independent:
      return "one public port serves every destination; hole punching can work";
    case address_dependent:
      return "another public port for each host";
    case address_and_port_dependent:
      break;
  }
  return "another public port for each destination";
}

std::string_view meaning_of_filtering(Behavior filtering) {
  switch (filtering) {
    case endpoint_independent:
      return "anyone may send in";
    case address_dependent:
      return "only hosts that were sent to may send in";
    case address_and_port_dependent:
      break;
  }
  return "only the very host and port that was sent to may send in";
}

std::string hops_text(const std::vector<std::optional<IpAddress>>& hops) {
  std::string text;
  for (const auto& hop : hops) text += (text.empty() ? "" : ", ") + (hop ? to_text(*hop) : std::string{"?"});
  return text;
}

std::string_view meaning_of_translation(probe::Translation translation) {
  switch (translation) {
    case probe::Translation::none:
      return "the address is this host's own everywhere";
    case probe::Translation::prefix:
      return "the prefix is another one outside (NPTv6), ports are kept: no other host shares the address";
    case probe::Translation::nat66:
      break;
  }
  return "NAT66: hosts share an address, as over IPv4";
}

std::string lifetime_text(const probe::MappingLifetime& lifetime) {
  const auto seconds = [](const std::optional<Duration>& duration) {
    return std::chrono::duration<double>(duration.value_or(Duration{})).count();
  };
  if (!lifetime.longest) return fmt::format("more than {:.0f} s", seconds(lifetime.shortest));
  auto text = fmt::format("{:.0f} to {:.0f} s", seconds(lifetime.shortest), seconds(lifetime.longest));
  if (lifetime.refresh)
    text += *lifetime.refresh == probe::Refresh::both ? ", prolonged by all that passes"
                                                      : ", prolonged by what is sent only";
  return text;
}
}  // namespace natkit::report
