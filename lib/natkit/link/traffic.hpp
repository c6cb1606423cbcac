#pragma once
/// How much a link has said and heard, by the kind of way it went. Bytes of UDP payload (checks and DTLS), without the
/// headers of IP and UDP and without what a relay wraps around it.
#include <cstdint>

namespace natkit::link {
struct Volume {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  Volume& operator+=(const Volume& more) {
    sent += more.sent;
    received += more.received;
    return *this;
  }
  bool operator==(const Volume&) const = default;
};
struct Traffic {
  Volume direct{};
  Volume routed{};   ///< through a third member: these bytes go by the link with that one, and count there too
  Volume relayed{};  ///< through a server
  Traffic& operator+=(const Traffic& more) {
    direct += more.direct;
    routed += more.routed;
    relayed += more.relayed;
    return *this;
  }
  bool operator==(const Traffic&) const = default;
};
}  // namespace natkit::link
