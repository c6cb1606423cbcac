#pragma once
/// Whom the matchmaker has brought together and who of them hosts, as the server's own signed word: who has it need not
/// trust the way that it came, and can show it to others later.
///
///   signed bytes = "natkit match" | LF | text            text = an object of JSON: decided, session, game, tags,
///   players
///
/// Only the server's key makes one. A host's signs what begins otherwise, and is about its session (mesh/view.cpp); a
/// reporter's too (`report_text`). So neither can be shown as a decision.
///
/// What this does not do: nobody vouches for the server's key. It is told at registration; who runs a server with
/// --identity keeps one, by which its users know it again.
#include <cstddef>
#include <expected>
#include <optional>
#include <string>

#include "natkit/base/bytes.hpp"
#include "natkit/crypto/identity.hpp"
#include "natkit/rendezvous/matchmaker.hpp"
#include "natkit/turn/credentials.hpp"

namespace natkit::rendezvous {
/// As it stands on the wire. Any bytes may be in it.
struct SignedMatch {
  std::string text{};
  Bytes certificate{};  ///< of the server, DER: its hash is who signed
  Bytes signature{};

  bool operator==(const SignedMatch&) const = default;
};

struct Decision {
  Match match{};
  std::optional<turn::UnixTime> decided{};  ///< by the server's clock on the wall; none: it does not know the time
  crypto::Fingerprint signer{};
};

[[nodiscard]] SignedMatch sign_match(const Match& match, std::optional<turn::UnixTime> decided,
                                     const crypto::Identity& server);

enum class DecisionError : std::uint8_t { not_signed, malformed };
/// Whose it is stands in `signer`; whether that is whom one trusts is for the caller to say.
[[nodiscard]] std::expected<Decision, DecisionError> open_match(const SignedMatch& signed_match);
}  // namespace natkit::rendezvous
