#include "stored_identity.hpp"

#include <filesystem>
#include <system_error>

#include "natkit/base/printable.hpp"
#include "natkit/cli/identity_file.hpp"
#include "natkit/cli/state_folder.hpp"

namespace natkit {
Result<std::string> state_path(const std::string& name) {
  const auto folder = cli::state_folder();
  if (folder) return *folder + "/" + name;
  return std::unexpected(Error{Errc::usage, "no-state-folder",
                               "neither XDG_STATE_HOME nor HOME says where keys and blocks are kept",
                               "set one of them"});
}

Result<std::string> state_file(const std::string& name) {
  const auto path = state_path(name);
  if (!path) return path;
  const auto folder = std::filesystem::path{*path}.parent_path();
  std::error_code error;
  const bool is_new = std::filesystem::create_directories(folder, error);
  if (is_new && !error) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (!error) return path;
  return std::unexpected(Error{Errc::usage, "no-state-folder",
                               "the folder " + printable(folder.string()) + " cannot be made: " + error.message(),
                               "set XDG_STATE_HOME to a folder that can be written"});
}

Result<crypto::Identity> kept_identity(const std::string& file) {
  if (!file.empty()) return cli::identity_in(file);
  const auto usual = state_file("identity.pem");
  if (!usual) return std::unexpected(usual.error());
  return cli::identity_in(*usual);
}
}  // namespace natkit
