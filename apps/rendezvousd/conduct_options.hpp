#pragma once
// By which key this server signs what it decides, and whom its operator does not want here.
#include <string>

#include "natkit/cli/app.hpp"
#include "natkit/crypto/identity.hpp"
#include "natkit/rendezvous/ban_list.hpp"

namespace natkit::rendezvousd {
struct ConductOptions {
  std::string identity_file;
  std::string ban_file;
};

void add_conduct_options(CLI::App& app, ConductOptions& options);
/// Empty where no file is named. Fails with `bad-ban-file`, and the line that is at fault.
[[nodiscard]] Result<rendezvous::BanList> read_bans(const std::string& file);
}  // namespace natkit::rendezvousd
