#pragma once
// What the server says while it runs: "ready" on standard output, everything else on standard error. One line is one
// event, as text or as a JSON object. Nothing that a client sends causes a line, so nobody can flood the log.
#include <span>
#include <string_view>

#include "natkit/base/endpoint.hpp"
#include "natkit/cli/output.hpp"

namespace natkit::rendezvousd {
class ServiceLog {
 public:
  explicit ServiceLog(cli::Output& output) : output_(output) {}
  /// `relayed`: the addresses that the relay gives out, `http`: where HTTP is served; empty where there is none.
  void ready(std::span<const TransportAddress> bound, std::span<const IpAddress> relayed,
             std::span<const Endpoint> http);
  void warning(std::string_view message);
  void info(std::string_view message);
  void step(std::string_view message);  ///< with --verbose

 private:
  void write(std::string_view level, std::string_view message);
  cli::Output& output_;
};
}  // namespace natkit::rendezvousd
