#include "signalling_options.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <algorithm>

#include "natkit/io/native_socket.hpp"

namespace natkit::rendezvousd {
namespace {
// A client that comes back is told at once what it missed (`Limits::unheard_bytes`), and then goes on.
constexpr std::size_t unsent_bytes = 262'144;
}  // namespace

void add_signalling_options(CLI::App& app, SignallingOptions& options) {
  cli::add_choice(
      app, "--signalling", {"on", "off"}, [&options](const std::string& wish) { options.is_wished = wish == "on"; },
      "let clients meet under a name, on the TCP ports that are listened on");
}

void add_signalling_limits(CLI::App& app, SignallingOptions& options, const char* group) {
  cli::add_count(app, "--max-clients", options.most_clients, "clients that are registered to meet others")
      ->group(group);
  cli::add_count(app, "--max-clients-per-address", options.most_clients_per_address, "such clients of one address")
      ->group(group);
  cli::add_count(app, "--max-names-per-client", options.most_names_per_client,
                 "names under which one client may wait for others at a time")
      ->group(group);
}

rendezvous::Server::Config plan_signalling(const SignallingOptions& options, io::RunOptions& run) {
  rendezvous::Server::Config config;
  config.limits.sessions = options.most_clients;
  config.limits.sessions_per_address = options.most_clients_per_address;
  config.limits.places = options.most_names_per_client;
  run.framing = io::TcpFraming::turn_or_lines;
  run.tcp.connections += options.most_clients;
  run.tcp.connections_per_address += options.most_clients_per_address;
  run.tcp.unsent_bytes = std::max(run.tcp.unsent_bytes, unsent_bytes);
  config.limits.connections = run.tcp.connections;
  io::raise_descriptor_limit();
  return config;
}

void sum_up_signalling(ServiceLog& log, const rendezvous::Server& server) {
  const auto& counters = server.counters();
  if (counters.registered == 0 && counters.dismissed == 0) return;
  log.info(fmt::format(
      "{} clients registered, {} of them came back, {} dismissed; {} pairs told of each other, {} connected, "
      "{} failed; {} places refused, {} sides did not answer",
      counters.registered, counters.resumed, counters.dismissed, counters.matched, counters.connected, counters.failed,
      counters.refused, counters.unresponsive));
}
}  // namespace natkit::rendezvousd
