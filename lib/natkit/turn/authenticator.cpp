#include "natkit/turn/authenticator.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace natkit::turn {
namespace {
using stun::AttributeType;

constexpr std::string_view nonce_cookie = "obMatJos2";  // RFC 8489 §9.2
// Longer ones are nobody's; RFC 8489 §14.9, §14.10: less than 128 characters of at most 6 bytes.
constexpr std::size_t most_text_bytes = 763;
constexpr std::size_t most_algorithms_bytes = 64;

// RFC 8489 §18.1 counts the bits from the left, its own test vector (B.1, erratum 6290) from the right, and both are
// found in the field. No other bits are given out, so either is taken for what it means.
constexpr std::uint32_t password_algorithms_bits = 0x800001;
constexpr std::uint32_t username_anonymity_bits = 0x400002;

std::optional<std::uint32_t> base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return std::nullopt;
}

/// 0 where the server says nothing.
std::uint32_t security_features(std::string_view nonce) {
  constexpr std::size_t digits = 4;  // 24 bits
  if (!nonce.starts_with(nonce_cookie) || nonce.size() < nonce_cookie.size() + digits) return 0;
  std::uint32_t bits = 0;
  for (const char c : nonce.substr(nonce_cookie.size(), digits)) {
    const auto digit = base64_digit(c);
    if (!digit) return 0;
    bits = bits << 6U | *digit;
  }
  return bits;
}

/// PASSWORD-ALGORITHMS (§14.11): pairs of a number and the length of its parameters, which none of ours has.
bool offers(ByteView algorithms, std::uint16_t wanted) {
  ByteReader reader{algorithms};
  while (const auto number = reader.read_u16()) {
    const auto length = reader.read_u16();
    if (!length || !reader.read_bytes((std::size_t{*length} + 3) / 4 * 4)) return false;
    if (*number == wanted && *length == 0) return true;
  }
  return false;
}
}  // namespace

Authenticator::Authenticator(std::optional<Credentials> credentials, std::optional<Challenge> known)
    : credentials_(std::move(credentials)), challenge_(std::move(known)) {
  if (!credentials_ || !challenge_) return;
  algorithm_ = offers(challenge_->algorithms, 2) ? Algorithm::sha256 : Algorithm::md5;
  hides_name_ = (security_features(challenge_->nonce) & username_anonymity_bits) != 0;
  derive_key();
}

Authenticator::Lesson Authenticator::learn(const stun::Message& refusal) {
  const auto realm = refusal.text(AttributeType::realm);
  const auto nonce = refusal.text(AttributeType::nonce);
  if (!credentials_ || !realm || !nonce || realm->empty() || nonce->empty()) return Lesson::unusable;
  if (realm->size() > most_text_bytes || nonce->size() > most_text_bytes) return Lesson::unusable;
  const auto features = security_features(*nonce);
  const auto algorithms = refusal.find(AttributeType::password_algorithms);
  // Somebody on the way took the list out, to make us use the weaker one (§9.2.5).
  if ((features & password_algorithms_bits) != 0 && !algorithms) return Lesson::unusable;
  if (algorithms && algorithms->size() > most_algorithms_bytes) return Lesson::unusable;
  if (algorithms && !offers(*algorithms, 2) && !offers(*algorithms, 1)) return Lesson::unusable;
  const bool is_same_key = challenge_ && challenge_->realm == *realm && !key_.empty();
  const auto before = algorithm_;
  algorithm_ = algorithms && offers(*algorithms, 2) ? Algorithm::sha256 : Algorithm::md5;
  hides_name_ = (features & username_anonymity_bits) != 0;
  challenge_ = Challenge{.realm = std::string{*realm},
                         .nonce = std::string{*nonce},
                         .algorithms = algorithms ? Bytes(algorithms->begin(), algorithms->end()) : Bytes{}};
  if (!is_same_key || before != algorithm_) derive_key();
  return key_.empty() ? Lesson::unusable : Lesson::learned;
}

void Authenticator::forget_challenge() {
  challenge_.reset();
  key_.clear();
}

void Authenticator::derive_key() {
  const auto& [username, password] = *credentials_;
  key_ = algorithm_ == Algorithm::sha256
             ? stun::long_term_key_sha256(username, challenge_->realm, password)
             : stun::long_term_key_md5(username, challenge_->realm, password).value_or(Bytes{});
}

void Authenticator::sign(stun::MessageWriter& request) const {
  if (hides_name_)
    request.add(AttributeType::userhash, stun::userhash(credentials_->username, challenge_->realm));
  else
    request.add_text(AttributeType::username, credentials_->username);
  request.add_text(AttributeType::realm, challenge_->realm);
  request.add_text(AttributeType::nonce, challenge_->nonce);
  if (challenge_->algorithms.empty()) {
    request.add_message_integrity(key_);
    return;
  }
  const std::array<std::uint8_t, 4> algorithm{0, static_cast<std::uint8_t>(algorithm_), 0, 0};
  request.add(AttributeType::password_algorithms, challenge_->algorithms);
  request.add(AttributeType::password_algorithm, algorithm);
  request.add_message_integrity_sha256(key_);
}

stun::Integrity Authenticator::verify(const stun::Message& answer) const {
  const auto sha256 = stun::verify_message_integrity_sha256(answer, key_);
  // A server that was asked with SHA-256 answers with it (§9.2.5); the weaker one would be a step down.
  if (sha256 != stun::Integrity::absent || !challenge_ || !challenge_->algorithms.empty()) return sha256;
  return stun::verify_message_integrity(answer, key_);
}
}  // namespace natkit::turn
