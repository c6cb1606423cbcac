#pragma once
/// Why there is no relayed path (any more), as a value that machines carry, and as the sentence for people.
#include <cstdint>
#include <string>
#include <string_view>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/result.hpp"

namespace natkit::turn {
struct Failure {
  enum class Kind : std::uint8_t {
    authentication_failed,  ///< 401 to a signed request, or the server wants a name and we have none
    forbidden,              ///< 403
    quota_reached,          ///< 486
    no_capacity,            ///< 508
    unsupported_family,     ///< 440
    unsupported_transport,  ///< 442
    silent,                 ///< nothing came back in time
    unreachable,            ///< the system could not send, or the connection failed or was closed
    not_a_relay,            ///< what came back is no TURN, or the server refuses Allocate as such
    allocation_lost,        ///< the server does not know us any more (437, or our time ran out unrenewed)
    too_many_redirections,  ///< 300 again and again
    refused,                ///< any other error; `code` tells
  };
  Kind kind{};
  std::uint16_t code = 0;     ///< STUN's error code (RFC 8656 §19); 0 where no server spoke
  TransportAddress server{};  ///< the last one asked
  std::string detail{};       ///< the system's or the server's own words, made printable; may be empty
};

/// Stable, kebab-case: "relay-quota-reached" …
[[nodiscard]] std::string_view reason(Failure::Kind kind);
[[nodiscard]] Error to_error(const Failure& failure);
/// What an error to a signed request means.
[[nodiscard]] Failure::Kind failure_kind_of(std::uint16_t error_code);
}  // namespace natkit::turn
