#pragma once
// `meshctl match`: waits at the rendezvousd until enough others want the same, reads from its answer which session that
// is and who begins it, and takes part in it.
#include <set>
#include <string>

#include "natkit/cli/output.hpp"
#include "natkit/crypto/identity.hpp"
#include "natkit/mesh/member_id.hpp"
#include "options.hpp"

namespace natkit {
/// What there is to know for taking part in it.
struct MatchMade {
  crypto::Identity identity;
  mesh::SessionId session{};
  std::string name{};
  std::set<mesh::MemberId> players{};
  mesh::MemberId host{};  ///< who is to begin it
  bool is_host = false;
};

[[nodiscard]] cli::Exit match(cli::Output& output, Options options);
}  // namespace natkit
