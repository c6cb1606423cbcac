#pragma once
// The meeting place's part of the command line, and of the run.
#include <optional>

#include "natkit/cli/app.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/rendezvous/server.hpp"
#include "service_log.hpp"

namespace natkit::rendezvousd {
struct SignallingOptions {
  bool is_wished = true;
  std::size_t most_clients = 10000;            ///< some 30 MB (scripts/bench rendezvous)
  std::size_t most_clients_per_address = 100;  ///< a carrier's NAT
  std::size_t most_names_per_client = rendezvous::Server::Limits{}.places;
};

void add_signalling_options(CLI::App& app, SignallingOptions& options);
void add_signalling_limits(CLI::App& app, SignallingOptions& options, const char* group);

/// Makes room in the run for its clients.
[[nodiscard]] rendezvous::Server::Config plan_signalling(const SignallingOptions& options, io::RunOptions& run);
void sum_up_signalling(ServiceLog& log, const rendezvous::Server& server);
}  // namespace natkit::rendezvousd
