#pragma once
/// upnp-map's answers for scripts, schema "natkit/upnp-map/1". Every key of the contract stands there in its order,
/// also where nothing is known: unknown is null, never false. Endpoints are text, times milliseconds.
#include <span>
#include <string>
#include <string_view>

#include "natkit/base/result.hpp"
#include "natkit/report/portmap_answers.hpp"

namespace natkit::report {
/// Of `add` and `pinhole`: one mapping's keys at the top, or `mappings` with one object for each. `error` is null where
/// all went well. One line, without the newline, as all of these.
[[nodiscard]] std::string mappings_json(std::span<const MappingAnswer> answers, Duration elapsed, const Error* error);

/// One line of `hold`: "event" (granted, renewed, moved, released …), then the mapping's keys.
[[nodiscard]] std::string event_json(std::string_view event, const MappingAnswer& answer);
/// The same with what it was before ("before": endpoint), for "moved".
[[nodiscard]] std::string moved_json(const MappingAnswer& answer, const Endpoint& before);
/// The same with why ("error": {reason, detail, advice}), for "lost" and "refused".
[[nodiscard]] std::string trouble_json(std::string_view event, const MappingAnswer& answer, const Error& error);

[[nodiscard]] std::string gateways_json(std::span<const GatewayAnswer> gateways, Duration elapsed, const Error* error);
/// `state`: "mapped", "possible", "lost" or "impossible".
[[nodiscard]] std::string status_json(std::string_view state, std::span<const ListedMapping> ours,
                                      std::span<const GatewayAnswer> gateways, Duration elapsed, const Error* error);
[[nodiscard]] std::string list_json(std::span<const ListedMapping> mappings, Duration elapsed, const Error* error);
[[nodiscard]] std::string removals_json(std::span<const RemovalAnswer> removals, Duration elapsed, const Error* error);
/// One check's keys at the top, or `checks` with one object for each.
[[nodiscard]] std::string checks_json(std::span<const CheckAnswer> checks, Duration elapsed, const Error* error);
}  // namespace natkit::report
