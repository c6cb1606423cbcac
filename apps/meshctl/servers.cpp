#include "servers.hpp"

#include "natkit/cli/hosts.hpp"

namespace natkit {
Result<std::vector<Endpoint>> find_servers(const Options& options) {
  if (options.servers.empty())
    return std::unexpected(Error{
        Errc::usage, "usage", "a server to meet at is needed: --server",
        "rendezvousd on any host that all members reach will do; NATKIT_SERVER or the configuration file may name it"});
  const auto found = cli::look_up(options.servers);
  if (!found) return std::unexpected(found.error());
  std::vector<Endpoint> servers;
  for (const auto& one : *found) servers.insert(servers.end(), one.begin(), one.end());
  return servers;
}
}  // namespace natkit
