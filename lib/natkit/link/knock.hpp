#pragma once
/// First contact without a server: who holds a secret (out of an invite, say) knocks at an address of a host that is
/// open to strangers' packets: a public one, one mapped by its router, or one behind a NAT that filters nobody.
///
/// The knock is an ordinary connectivity check (RFC 8445 §7.2), and tells the host all that signalling would have:
///
///   USERNAME           "host's fragment : knocker's fragment"
///                       `from the secret  `fingerprint of the certificate, 43 characters of base64; 8 drawn by chance
///   MESSAGE-INTEGRITY  by the host's password, so: made by somebody who has the secret
///
/// Both passwords follow from the secret (HKDF), the knocker's from its fragment as well, so the host can check back at
/// once. DTLS then proves on both sides whose certificate it is. To who has not the secret a host that listens for
/// knocks looks like a port where nothing listens at all.
///
/// A knock can be seen on its way and sent again from elsewhere. That opens one more link, which nobody answers and
/// which ends by itself, once for each knock seen; `KnockRules` bounds them.
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/rng.hpp"
#include "natkit/crypto/fingerprint.hpp"
#include "natkit/crypto/secret_box.hpp"
#include "natkit/ice/check.hpp"

namespace natkit::link {
using KnockSecret = crypto::SecretKey;

/// The same for all who knock.
[[nodiscard]] ice::Credentials host_credentials(const KnockSecret& secret);
/// Of one who knocks; new ones for each attempt.
[[nodiscard]] ice::Credentials make_knock(const KnockSecret& secret, const crypto::Fingerprint& own, Rng& rng);

/// Who claims to stand at the door. What is claimed is proven by DTLS, later.
struct Knocker {
  ice::Credentials credentials;
  crypto::Fingerprint fingerprint;
};
/// The fingerprint in a fragment; nullopt: it is no knocker's.
[[nodiscard]] std::optional<crypto::Fingerprint> parse_knock_fragment(std::string_view fragment);
/// Nullopt: no check, or one of somebody who has not the secret. `host` is what `host_credentials` gives.
[[nodiscard]] std::optional<Knocker> read_knock(ByteView payload, const ice::Credentials& host,
                                                const KnockSecret& secret);
}  // namespace natkit::link
