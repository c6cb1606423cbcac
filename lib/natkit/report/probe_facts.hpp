#pragma once
/// Inside this room only: the values of a report in words, each with what it means or with why it is not known.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/probe/report.hpp"

namespace natkit::report {
struct Fact {
  std::string_view name{};
  std::optional<std::string> value{};  ///< none: not known
  std::string note{};                  ///< of a value what it means, else why there is none; not escaped
};
/// Of one address family; all of them, known or not.
[[nodiscard]] std::vector<Fact> family_facts(const probe::Report& report, Family family,
                                             const probe::FamilyReport& facts);
/// What the NAT does with TCP, and the largest packet that gets through.
[[nodiscard]] std::vector<Fact> tcp_and_size_facts(const probe::Report& report);
/// How IPv4 is carried over an IPv6 network.
[[nodiscard]] std::vector<Fact> nat64_facts(const probe::Report& report);
/// By which protocols the router maps ports.
[[nodiscard]] std::vector<Fact> port_mapping_facts(const probe::PortMappings& routers);
/// The names that others have for such a network.
[[nodiscard]] std::vector<Fact> label_facts(const probe::Report& report);
}  // namespace natkit::report
