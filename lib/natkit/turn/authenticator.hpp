#pragma once
/// The client's half of the long-term credential mechanism (RFC 8489 §9.2): learns realm and nonce from the server's
/// refusals, signs requests with them, and tells genuine answers from others.
///
/// A server of RFC 8489 says in the first letters of its nonce what more it can do: "obMatJos2" and 24 bits in base64.
/// Only then SHA-256 takes the place of MD5 and SHA-1, and USERHASH that of the name. Towards a server that says
/// nothing of the sort everything is as in RFC 5389, which is all that coturn 4.6 knows.
#include <cstdint>
#include <optional>
#include <string>

#include "natkit/base/bytes.hpp"
#include "natkit/stun/integrity.hpp"
#include "natkit/stun/message.hpp"
#include "natkit/turn/credentials.hpp"

namespace natkit::turn {
/// What a server wants to have repeated, besides the proof.
struct Challenge {
  std::string realm;
  std::string nonce;
  Bytes algorithms{};  ///< the value of PASSWORD-ALGORITHMS, as it came; empty where there was none
};

class Authenticator {
 public:
  /// With a challenge that is known from elsewhere the first request can be signed already.
  explicit Authenticator(std::optional<Credentials> credentials, std::optional<Challenge> known = {});

  [[nodiscard]] bool can_sign() const { return credentials_ && challenge_ && !key_.empty(); }
  [[nodiscard]] bool has_credentials() const { return credentials_.has_value(); }
  [[nodiscard]] const std::optional<Challenge>& challenge() const { return challenge_; }

  enum class Lesson : std::uint8_t {
    learned,   ///< sign again
    unusable,  ///< no realm or nonce, no algorithm that we know, or the sign of an attack (§9.2.5)
  };
  /// From an error of 401 or 438.
  [[nodiscard]] Lesson learn(const stun::Message& refusal);
  /// Another server: what was learned from this one is worth nothing there.
  void forget_challenge();

  /// Appends everything; what comes after it is not protected.
  void sign(stun::MessageWriter& request) const;
  [[nodiscard]] stun::Integrity verify(const stun::Message& answer) const;

 private:
  enum class Algorithm : std::uint8_t { md5 = 1, sha256 = 2 };  // RFC 8489 §18.5
  void derive_key();

  std::optional<Credentials> credentials_;
  std::optional<Challenge> challenge_;
  Algorithm algorithm_ = Algorithm::md5;
  bool hides_name_ = false;
  Bytes key_;
};
}  // namespace natkit::turn
