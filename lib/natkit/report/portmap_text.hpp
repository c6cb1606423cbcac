#pragma once
/// upnp-map's answers for people. Every text from outside is escaped. The wording may change; scripts read the JSON.
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "natkit/report/portmap_answers.hpp"

namespace natkit::report {
/// "2 h", "90 s"; "for ever" where there is no end.
[[nodiscard]] std::string lease_text(std::chrono::seconds lease);

/// What stands now, until when, and how to undo it; nothing for an answer without layers.
/// `kept`: it stays after the command; `held`: the command holds it.
enum class Keeping : std::uint8_t { kept, held };
[[nodiscard]] std::string mapping_text(const MappingAnswer& answer, Keeping keeping);

/// Things about it that the user should know: a private external address, another port than the one asked for.
/// Sentences without a line end.
[[nodiscard]] std::vector<std::string> mapping_warnings(const MappingAnswer& answer);

[[nodiscard]] std::string gateways_text(std::span<const GatewayAnswer> gateways);
[[nodiscard]] std::string list_text(std::span<const ListedMapping> mappings);
[[nodiscard]] std::string removals_text(std::span<const RemovalAnswer> removals);
[[nodiscard]] std::string checks_text(std::span<const CheckAnswer> checks);
}  // namespace natkit::report
