#pragma once
/// Which sockets a STUN server opens. RFC 5780 wants two addresses times two ports of each family:
///
///            P1 (listen)   P2 (alternate)
///     A        udp tcp        udp tcp
///     B        udp tcp        udp tcp       B: given as alternate, or another listening address that goes with A
///
/// Two addresses go together only where one client can be expected to reach both. A private address beside a public one
/// (a container network, a second office) does not; announcing it would make every NAT look like one that filters.
#include <cstdint>
#include <span>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/result.hpp"
#include "natkit/io/interfaces.hpp"
#include "natkit/io/listeners.hpp"

namespace natkit::io {
struct ListenWish {
  /// Unspecified addresses stand for all of their family that this machine has. Port 0 is a free one.
  std::vector<Endpoint> listen;
  /// Second addresses for the listening ones of the same family. Port 0: the one after the listening port.
  std::vector<Endpoint> alternates;
};

struct PlannedListener {
  Listener listener;        ///< sockets of one address and port share one id: UDP and TCP
  std::uint32_t group = 0;  ///< addresses of one group serve as each other's alternates
};

/// Fails with `no-address` when there is nothing to listen on, and with `bad-alternate` when an alternate's family is
/// not listened on or its port is the listening one.
[[nodiscard]] Result<std::vector<PlannedListener>> plan_listeners(const ListenWish& wish,
                                                                  std::span<const InterfaceAddress> here);
}  // namespace natkit::io
