#include "own_network.hpp"

#include <algorithm>

#include "natkit/base/printable.hpp"
#include "natkit/cli/port_journal.hpp"
#include "natkit/io/igd_task.hpp"

namespace natkit {
namespace {
bool has_use_for_port(const Options& options, const link::Gathering::Config& sockets) {
  return options.map != Options::Map::never && std::ranges::any_of(sockets.addresses, [](const IpAddress& address) {
           return address.is_v4() && !address.is_loopback();
         });
}
}  // namespace

OwnNetwork::OwnNetwork(const Options& options, const link::Gathering::Config& sockets, const cli::Output& output,
                       Rng& rng) {
  auto port = has_use_for_port(options, sockets) ? make_port(output, rng) : nullptr;
  reach_ = std::make_unique<mesh::OwnReach>(mesh::OwnReach::Config{.servers = sockets.stun}, std::move(port), rng);
}

std::unique_ptr<portmap::HeldPort> OwnNetwork::make_port(const cli::Output& output, Rng& rng) {
  auto journal = cli::open_port_journal(rng);
  if (!journal) {
    output.explain(cli::Verbosity::steps, "no router is asked for a port: " + printable(journal.error().detail));
    return nullptr;
  }
  journal_ = std::move(*journal);
  errands_ = std::make_unique<io::ErrandChildren>(io::run_igd_call);
  return std::make_unique<portmap::HeldPort>(
      portmap::HeldPort::Config{.run = journal_->run(), .description = "natkit meshctl"}, *journal_, rng);
}
}  // namespace natkit
