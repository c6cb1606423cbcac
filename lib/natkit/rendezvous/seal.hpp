#pragma once
/// Keeps descriptions, candidates and restarts from the server, for two clients that have a secret in common: the
/// server can withhold them, but neither read nor make nor change one, so it cannot sit in the middle.
///
///   master  = scrypt(secret, "natkit rendezvous 1" | name)                            once a run, some 40 ms
///   key     = HKDF(master, kind | sender's purpose | attempt | sender's id)           one for each use and direction
///   "sealed:" base64( nonce 12 | AES-256-GCM(key, nonce, text) )                      bound to all that is in the key
///
/// So a text holds only in that room or under that name, from that sender in that purpose, as that kind of text and,
/// candidates and restarts, within that attempt. Descriptions are made before there is an attempt; an old one that is
/// played back leads to credentials and a key that nobody answers with any more, and within one run it is refused.
///
/// Without a secret texts pass as they are, marked "plain:". Then the server is trusted, and the tools say so.
#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "natkit/base/rng.hpp"
#include "natkit/crypto/secret_box.hpp"
#include "natkit/rendezvous/message.hpp"

namespace natkit::rendezvous {
enum class TextKind : std::uint8_t { description, candidate, restart };

/// Where a text belongs. Both sides have to see it alike.
struct TextContext {
  TextKind kind{};
  std::string_view sender;           ///< its id
  Purpose sender_purpose{};          ///< what it has opened
  std::optional<AttemptId> attempt;  ///< not for descriptions
};

enum class SealError : std::uint8_t {
  wrong_secret,  ///< or a text that was damaged, or belongs elsewhere: the bytes do not tell
  damaged,       ///< no text of ours at all
  not_sealed,    ///< the peer has no secret, and we have
  unexpected,    ///< the peer has a secret, and we have none
  played_back,   ///< seen before
  our_own,       ///< what we sent came back to us
};
/// One sentence; all of them are `Reason::authentication_failed`.
[[nodiscard]] std::string_view to_text(SealError error);

class Seal {
 public:
  /// Without a secret.
  explicit Seal(std::string own_id) : own_id_(std::move(own_id)) {}
  /// Takes some 40 ms. An empty secret is none: that is for the caller to refuse. `name`: of the room, or listened
  /// under.
  Seal(std::string own_id, ByteView secret, std::string_view name);

  [[nodiscard]] bool is_secret() const { return master_.has_value(); }
  [[nodiscard]] std::string close(std::string_view text, const TextContext& context, Rng& rng) const;
  [[nodiscard]] std::expected<std::string, SealError> open(std::string_view text, const TextContext& context);

 private:
  [[nodiscard]] crypto::SecretKey key_for(const TextContext& context) const;
  [[nodiscard]] bool remember(const crypto::BoxNonce& nonce);

  std::string own_id_;
  std::optional<crypto::SecretKey> master_;
  std::set<crypto::BoxNonce> seen_;
  std::deque<crypto::BoxNonce> by_age_;  // the oldest of `seen_` first
};
}  // namespace natkit::rendezvous
