#pragma once
/// What a server says while it runs, as one JSON object a line. No object has a line end.
#include <span>
#include <string>
#include <string_view>

#include "natkit/base/endpoint.hpp"

namespace natkit::report {
/// {"schema":"natkit/<tool>/1","event":"ready","udp":["192.0.2.1:3478",…],"tcp":[…],"relay":["192.0.2.1",…],
/// "http":["192.0.2.1:8080",…]}
/// `relayed`: the addresses that a relay gives out, `http`: where HTTP is served; where there is none the key is not
/// there.
[[nodiscard]] std::string ready_json(std::string_view tool, std::span<const TransportAddress> bound,
                                     std::span<const IpAddress> relayed = {}, std::span<const Endpoint> http = {});
/// {"schema":"natkit/<tool>/1","event":"log","level":"warning","message":…}
[[nodiscard]] std::string log_json(std::string_view tool, std::string_view level, std::string_view message);
}  // namespace natkit::report
