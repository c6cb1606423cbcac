#pragma once
/// What the protocols' numbers mean for a person, and for the next attempt.
#include "natkit/portmap/mapping.hpp"
#include "natkit/portmap/natpmp.hpp"
#include "natkit/portmap/pcp.hpp"

namespace natkit::portmap {
[[nodiscard]] Refusal refusal_of(pcp::ResultCode result);     ///< RFC 6887 §7.4
[[nodiscard]] Refusal refusal_of(natpmp::ResultCode result);  ///< RFC 6886 §3.5
/// UPnP error codes of WANIPConnection:1 and :2 and of WANIPv6FirewallControl:1.
[[nodiscard]] Refusal refusal_of_upnp(int code);
}  // namespace natkit::portmap
