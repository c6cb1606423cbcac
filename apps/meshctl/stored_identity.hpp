#pragma once
// A member's key that outlives a run, so that bans, blocks and what is said of somebody mean somebody.
#include <string>

#include "natkit/base/result.hpp"
#include "natkit/crypto/identity.hpp"

namespace natkit {
/// From this file, which is made, with mode 0600, where it is absent; a new one for this run where none is named. Fails
/// with `identity-not-readable`, `identity-not-writable`, `identity-not-safe` (others can read it) or
/// `identity-malformed`.
[[nodiscard]] Result<crypto::Identity> identity_in(const std::string& file);
/// By which others know this user from one run to the next: the same; where no file is named, one of the state folder,
/// which is made.
[[nodiscard]] Result<crypto::Identity> kept_identity(const std::string& file);
/// A file of ours in the state folder.
[[nodiscard]] Result<std::string> state_path(const std::string& name);
/// The same; the folder is made.
[[nodiscard]] Result<std::string> state_file(const std::string& name);
}  // namespace natkit
