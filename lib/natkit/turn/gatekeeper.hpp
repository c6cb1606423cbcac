#pragma once
/// The server's half of the long-term credential mechanism (RFC 8489 §9.2.4), for names that a shared secret makes
/// (credentials.hpp). It remembers nobody: the nonce is a cookie that proves the address it was sent to, and the
/// password follows from the name.
///
/// A source address can be forged, and the answer then hits somebody who never asked. So what goes to an address that
/// no nonce proves is paid for by the request's own bytes, or else from a small allowance, each address's and that of
/// all together, as the responder does it (stun/responder.hpp). A proven address has only its wrong guesses counted.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/time.hpp"
#include "natkit/stun/address_accounts.hpp"
#include "natkit/stun/address_cookie.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/turn/authenticator.hpp"
#include "natkit/turn/credentials.hpp"

namespace natkit::turn {
class Gatekeeper {
 public:
  struct Config {
    std::string realm = "natkit";  ///< short: it stands in every 401
    /// Any of them opens, so that one can be replaced by the next while clients still hold names of the first.
    std::vector<std::string> secrets{};
    /// A nonce is good for one to two of these; RFC 8489 §9.2 wants it to change, coturn takes ten minutes.
    Duration nonce_epoch = std::chrono::minutes{10};
    stun::BucketSize refusals_per_address{.burst = 500, .per_second = 250};    ///< 401 and 438: the responder's measure
    stun::BucketSize allowance_per_address{.burst = 8192, .per_second = 512};  ///< bytes; a 401 exceeds its cause by 32
    stun::BucketSize allowance_for_all{.burst = 65536, .per_second = 65536};
    std::size_t most_addresses = 65536;
  };
  /// Who asks, once that is known.
  struct User {
    std::string name;
    Bytes key;  ///< to sign the answers with
  };
  /// Not let in: the error to answer with. 0: nothing at all, since the address has used up its share.
  struct Refusal {
    std::uint16_t code = 0;
  };

  Gatekeeper(Config config, Rng& rng);
  /// Names end by the clock on the wall, which machines do not see: the owner tells it once, and again when it jumped.
  void tell_time(Instant now, UnixTime unix_now);
  void replace_secrets(std::vector<std::string> secrets) { config_.secrets = std::move(secrets); }

  /// `known` is the key of who has been let in before from there: nobody else may speak for him, and his name does not
  /// end while he is there.
  [[nodiscard]] std::expected<User, Refusal> let_in(Instant now, const Datagram& in, const stun::Message& request,
                                                    const User* known);
  /// 401 or 438 with what the client needs to ask again, or a bare 400; `nullopt` where it may not be sent.
  [[nodiscard]] std::optional<Bytes> write_challenge(Instant now, const Datagram& in, const stun::Message& request,
                                                     std::uint16_t code);
  /// What a client at this address would be told by the 401: for those who tell it by another way.
  [[nodiscard]] Challenge challenge_for(Instant now, const IpAddress& client) const;
  [[nodiscard]] const std::string& realm() const { return config_.realm; }

 private:
  [[nodiscard]] bool is_fresh(Instant now, const IpAddress& client, std::string_view nonce) const;
  [[nodiscard]] std::optional<Bytes> find_key(const stun::Message& request, std::string_view name) const;
  [[nodiscard]] bool is_over(Instant now, std::string_view name) const;

  Config config_;
  stun::AddressCookies nonces_;
  stun::AddressAccounts accounts_;
  stun::TokenBucket allowance_for_all_;
  Instant told_at_{};
  std::optional<UnixTime> told_;
};
}  // namespace natkit::turn
