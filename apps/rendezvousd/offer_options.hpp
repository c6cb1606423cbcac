#pragma once
// What clients that register are told to use besides: this server's STUN and relay, and relays elsewhere (--turn).
#include <span>
#include <string>
#include <vector>

#include "natkit/base/result.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/rendezvous/offer.hpp"

namespace natkit::rendezvousd {
/// Known for this run only: enough where nobody but this server gives out names.
[[nodiscard]] std::string make_secret(Rng& rng);

/// What of this server's own is to be handed out.
struct OwnServices {
  enum class Presence : std::uint8_t { no, yes };
  Presence tls{};
  Presence relay{};
  std::vector<Endpoint> listening{};  ///< in order of preference
};

/// RFC 7065: turn:HOST[:PORT][?transport=udp|tcp], turns:HOST[:PORT].
[[nodiscard]] bool is_turn_url(std::string_view text);
/// Without secrets. Looks the hosts of the URLs up, for at most 5 s; one that is not found is an error.
[[nodiscard]] Result<rendezvous::Offer::Config> plan_offer(const OwnServices& own,
                                                           std::span<const std::string> turn_urls);
}  // namespace natkit::rendezvousd
