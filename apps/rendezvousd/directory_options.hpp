#pragma once
// The directory's part of the command line, and what is answered over HTTP.
#include <memory>
#include <vector>

#include "natkit/cli/app.hpp"
#include "natkit/io/http_server.hpp"
#include "natkit/rendezvous/directory.hpp"
#include "natkit/rendezvous/directory_http.hpp"
#include "natkit/rendezvous/server.hpp"
#include "natkit/stun/service.hpp"
#include "natkit/turn/relay.hpp"
#include "service_log.hpp"

namespace natkit::rendezvousd {
struct DirectoryOptions {
  std::vector<Endpoint> http;
  rendezvous::Directory::Config directory;
  std::size_t most_requests = static_cast<std::size_t>(rendezvous::DirectoryHttp::Limits{}.requests.per_second);
};

void add_directory_options(CLI::App& app, DirectoryOptions& options);
void add_directory_limits(CLI::App& app, DirectoryOptions& options, const char* group);

/// What there is to count; borrowed. The last two may not be there.
struct Counted {
  const rendezvous::Matchmaker* matchmaker = nullptr;
  rendezvous::Reports* reports = nullptr;  ///< also asked about members
  const stun::Service* service = nullptr;
  const rendezvous::Directory* directory = nullptr;
  const turn::Relay* relay = nullptr;
  const rendezvous::Server* meeting = nullptr;
};
[[nodiscard]] std::string metrics_of(const Counted& counted);

/// Bound, and not yet served; null where none is wished for. The directory and what is counted are borrowed.
[[nodiscard]] Result<std::unique_ptr<io::HttpServer>> plan_http(const DirectoryOptions& options,
                                                                rendezvous::Directory& directory,
                                                                const Counted& counted, Rng& rng);
void sum_up_directory(ServiceLog& log, const rendezvous::Directory& directory);
}  // namespace natkit::rendezvousd
