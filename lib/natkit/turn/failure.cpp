#include "natkit/turn/failure.hpp"

#include <fmt/format.h>

namespace natkit::turn {
namespace {
using Kind = Failure::Kind;

struct Words {
  std::string_view reason;
  Errc code;
  std::string_view what;
  std::string_view advice;
};

Words words(Kind kind) {
  switch (kind) {
    case Kind::authentication_failed:
      return {"authentication-failed", Errc::refused, "does not accept our name and password",
              "compare user name, password or shared secret with the server's; names made from a shared secret end at "
              "the time that stands in them, so look at both clocks as well"};
    case Kind::forbidden:
      return {"relay-forbidden", Errc::refused, "forbids relaying for us",
              "the server's administrator decides for whom and to where it relays"};
    case Kind::quota_reached:
      return {"relay-quota-reached", Errc::refused, "has given this user all that he may have at a time",
              "end other connections of this user, or wait up to 10 minutes until those that were not ended in order "
              "run out"};
    case Kind::no_capacity:
      return {"relay-full", Errc::refused, "has no port or memory left for us", "try later, or another relay"};
    case Kind::unsupported_family:
      return {"relay-without-family", Errc::refused, "does not relay to addresses of the family we need",
              "take a relay that has both IPv4 and IPv6"};
    case Kind::unsupported_transport:
      return {"relay-without-udp", Errc::refused, "does not relay UDP", "take another relay"};
    case Kind::silent:
      return {"relay-silent", Errc::nobody_there, "does not answer",
              "is it running, and is this its port? Where UDP is blocked, reach it over TCP or TLS"};
    case Kind::unreachable:
      return {"relay-unreachable", Errc::nobody_there, "cannot be reached",
              "check address and port, and that this host has a route of that family"};
    case Kind::not_a_relay:
      return {"not-a-relay", Errc::protocol, "does not speak TURN",
              "name a TURN server; one that only serves STUN cannot relay"};
    case Kind::allocation_lost:
      return {"relay-lost", Errc::peer, "does not know our relayed address any more", "connect again"};
    case Kind::too_many_redirections:
      return {"relay-redirects-in-circles", Errc::protocol, "sends us from server to server",
              "the relays' administrator has to mend their alternate servers"};
    case Kind::refused:
      break;
  }
  return {"relay-refused", Errc::refused, "refuses", "the server's log may say more"};
}
}  // namespace

std::string_view reason(Kind kind) { return words(kind).reason; }

Error to_error(const Failure& failure) {
  const auto said = words(failure.kind);
  auto detail = fmt::format("relay {} {}", to_text(failure.server), said.what);
  if (failure.code != 0) detail += fmt::format(" (error {})", failure.code);
  if (!failure.detail.empty()) detail += ": " + failure.detail;
  return {.code = said.code,
          .reason = std::string{said.reason},
          .detail = std::move(detail),
          .advice = std::string{said.advice}};
}

Kind failure_kind_of(std::uint16_t error_code) {
  switch (error_code) {  // RFC 8489 §14.8, RFC 8656 §19
    case 401:
      return Kind::authentication_failed;
    case 403:
      return Kind::forbidden;
    case 437:
      return Kind::allocation_lost;
    case 440:
      return Kind::unsupported_family;
    case 441:
      return Kind::authentication_failed;
    case 442:
      return Kind::unsupported_transport;
    case 486:
      return Kind::quota_reached;
    case 508:
      return Kind::no_capacity;
    default:
      return Kind::refused;
  }
}
}  // namespace natkit::turn
