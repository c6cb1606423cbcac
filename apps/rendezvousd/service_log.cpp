#include "service_log.hpp"

#include <string>

#include "natkit/report/server_events.hpp"

namespace natkit::rendezvousd {
void ServiceLog::ready(std::span<const TransportAddress> bound, std::span<const IpAddress> relayed,
                       std::span<const Endpoint> http) {
  if (output_.is_json()) return output_.answer(report::ready_json(output_.tool(), bound, relayed, http));
  std::string line = "ready";
  for (const auto protocol : {Protocol::udp, Protocol::tcp}) {
    line += " " + std::string(to_text(protocol));
    for (const auto& address : bound)
      if (address.protocol == protocol) line += " " + to_text(address.endpoint);
  }
  if (!relayed.empty()) line += " relay";
  for (const auto& address : relayed) line += " " + to_text(address);
  if (!http.empty()) line += " http";
  for (const auto& endpoint : http) line += " " + to_text(endpoint);
  output_.answer(line);
}

void ServiceLog::warning(std::string_view message) { write("warning", message); }
void ServiceLog::info(std::string_view message) { write("info", message); }

void ServiceLog::step(std::string_view message) {
  if (output_.is_verbose(cli::Verbosity::steps)) write("step", message);
}

void ServiceLog::write(std::string_view level, std::string_view message) {
  if (!output_.is_verbose(cli::Verbosity::normal)) return;
  output_.log(output_.is_json() ? report::log_json(output_.tool(), level, message)
                                : std::string(level) + ": " + std::string(message));
}
}  // namespace natkit::rendezvousd
