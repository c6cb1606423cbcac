#pragma once
/// A key that outlives a run, so that others know its owner again: a member by what is said of it, a server by what it
/// signs.
#include <string>

#include "natkit/base/result.hpp"
#include "natkit/crypto/identity.hpp"

namespace natkit::cli {
/// From this file, which is made, with mode 0600, where it is absent; a new one for this run where none is named. Fails
/// with `identity-not-readable`, `identity-not-writable`, `identity-not-safe` (others can read it) or
/// `identity-malformed`.
[[nodiscard]] Result<crypto::Identity> identity_in(const std::string& file);
}  // namespace natkit::cli
