#pragma once
// What meshctl finds out of this host's own network beside a session: the machine (mesh/own_reach.hpp), and what it
// needs of the system to ask a router.
#include <memory>

#include "natkit/cli/output.hpp"
#include "natkit/io/errand_children.hpp"
#include "natkit/io/journal_file.hpp"
#include "natkit/link/gathering.hpp"
#include "natkit/mesh/own_reach.hpp"
#include "options.hpp"

namespace natkit {
class OwnNetwork {
 public:
  /// No router is asked with `--map never`, where this host is met over loopback or IPv6 alone, and where what is asked
  /// for cannot be written down.
  OwnNetwork(const Options& options, const link::Gathering::Config& sockets, const cli::Output& output, Rng& rng);

  [[nodiscard]] mesh::OwnReach& reach() { return *reach_; }
  /// Null where none are needed.
  [[nodiscard]] io::ErrandChildren* errands() { return errands_.get(); }

 private:
  [[nodiscard]] std::unique_ptr<portmap::HeldPort> make_port(const cli::Output& output, Rng& rng);

  std::unique_ptr<io::ErrandChildren> errands_;
  std::unique_ptr<io::JournalFile> journal_;
  std::unique_ptr<mesh::OwnReach> reach_;
};
}  // namespace natkit
