#pragma once
// What is kept of a user from one run to the next: its key, so that bans, blocks and what is said of somebody mean
// somebody; and where such things stand.
#include <string>

#include "natkit/base/result.hpp"
#include "natkit/crypto/identity.hpp"

namespace natkit {
/// By which others know this user (cli/identity_file.hpp); where no file is named, one of the state folder, which is
/// made.
[[nodiscard]] Result<crypto::Identity> kept_identity(const std::string& file);
/// A file of ours in the state folder.
[[nodiscard]] Result<std::string> state_path(const std::string& name);
/// The same; the folder is made.
[[nodiscard]] Result<std::string> state_file(const std::string& name);
}  // namespace natkit
