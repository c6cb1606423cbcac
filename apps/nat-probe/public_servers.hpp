#pragma once
// Whom nat-probe asks when nobody is named: servers that their operators offer to the public.
#include <array>
#include <string_view>

namespace natkit {
/// The first three are there for behaviour discovery (RFC 5780): they have two addresses and answer from the other one
/// when asked to. Such servers are few and come and go; one that no longer does it is recognised and only counts as a
/// plain one. The last two answer plain Binding requests only, from networks that hardly ever fail, so that the mapping
/// can be judged all the same.
///
/// Chosen in 2026 from what other programs use, not tried from where this was written:
///  - stunserver2025.stunprotocol.org: run by the author of STUNTMAN, the default of go-stun
///  - stun.voipgate.com: named by pion's issue 152 and on github.com/muink/rfc5780-stun-server
///  - stun.hot-chilli.net: on the same list, and named by gostun
///  - stun.l.google.com, stun.cloudflare.com: what most WebRTC programs ask
constexpr std::array<std::string_view, 5> public_servers{
    "stunserver2025.stunprotocol.org:3478",
    "stun.voipgate.com:3478",
    "stun.hot-chilli.net:3478",
    "stun.l.google.com:19302",
    "stun.cloudflare.com:3478",
};
}  // namespace natkit
