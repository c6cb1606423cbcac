#pragma once
/// Candidates that lead through a third member, who forwards datagrams between two others and understands none of them.
/// Towards an agent such a router is like a relay: a base with a SocketId of its own, which the owner wraps and
/// unwraps. It has no address that packets could go to, so both ends are known there by virtual ones, which either can
/// work out:
///
///   fdab:681e:223f : 40 bits of SHA-256(router's id) : 40 bits of the member's id        port 1
///   `prefix (RFC 4193 §3.2), drawn once, by chance
///
/// A pair is two candidates of one router; nothing else goes with them, and no packet ever bears such an address. As
/// text the kind is "routed", which agents that do not know it pass over (RFC 8839 §5.1).
#include <cstdint>

#include "natkit/base/bytes.hpp"
#include "natkit/base/endpoint.hpp"
#include "natkit/ice/check_list.hpp"

namespace natkit::ice {
/// Ids are as long as a fingerprint (32 bytes); of the member's the first 5 stand in the address.
[[nodiscard]] Endpoint virtual_endpoint(ByteView router, ByteView member);
/// Whether it is one of these.
[[nodiscard]] bool is_virtual(const IpAddress& address);
[[nodiscard]] bool are_at_one_router(const IpAddress& a, const IpAddress& b);

/// `preference` tells several routers apart: the nearer one should have the greater.
[[nodiscard]] Candidate make_routed(const Endpoint& virtual_endpoint,
                                    std::uint16_t preference = preference_of(Manner::fires));
}  // namespace natkit::ice
