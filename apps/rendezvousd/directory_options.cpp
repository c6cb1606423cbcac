#include "directory_options.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <utility>

#include "natkit/report/metrics.hpp"

namespace natkit::rendezvousd {
namespace {
constexpr std::uint16_t default_http_port = 8080;

void add_meeting(std::vector<report::Metric>& out, const rendezvous::Server& meeting) {
  using enum report::Metric::Kind;
  const auto& counters = meeting.counters();
  out.insert(
      out.end(),
      {{gauge, "natkit_signalling_clients", "clients that are registered", meeting.sessions()},
       {gauge, "natkit_signalling_attempts", "pairs that are trying to connect", meeting.attempts()},
       {gauge, "natkit_signalling_kept_bytes", "kept for clients", meeting.kept_bytes()},
       {counter, "natkit_signalling_registered_total", "clients that registered", counters.registered},
       {counter, "natkit_signalling_resumed_total", "clients that came back", counters.resumed},
       {counter, "natkit_signalling_dismissed_total", "connections that broke a rule", counters.dismissed},
       {counter, "natkit_signalling_matched_total", "pairs told of each other", counters.matched},
       {counter, "natkit_signalling_connected_total", "pairs of which both sides said so", counters.connected},
       {counter, "natkit_signalling_failed_total", "pairs that did not connect", counters.failed},
       {counter, "natkit_signalling_witnessed_total", "questions that the witness answered", counters.witnessed}});
}

void add_matches(std::vector<report::Metric>& out, const rendezvous::Matchmaker& matchmaker,
                 const rendezvous::Reports& reports) {
  using enum report::Metric::Kind;
  const auto& counters = matchmaker.counters();
  out.insert(out.end(), {{gauge, "natkit_match_waiting", "players that wait for a match", matchmaker.waiting()},
                         {counter, "natkit_match_sought_total", "players that began to wait", counters.sought},
                         {counter, "natkit_match_matched_total", "of them: matched", counters.matched},
                         {counter, "natkit_match_matches_total", "matches", counters.matches},
                         {counter, "natkit_match_refused_total", "players that were not let wait", counters.refused},
                         {counter, "natkit_reports_taken_total", "reports about members", reports.taken()},
                         {counter, "natkit_reports_refused_total", "of them: refused", reports.refused()}});
}

void add_relay(std::vector<report::Metric>& out, const turn::Relay& relay) {
  using enum report::Metric::Kind;
  const auto& counters = relay.counters();
  out.insert(out.end(),
             {{counter, "natkit_relay_allocations_total", "relayed addresses given out", counters.allocations},
              {counter, "natkit_relay_refused_total", "requests refused", counters.refused},
              {counter, "natkit_relay_to_peers_total", "datagrams to peers", counters.to_peers},
              {counter, "natkit_relay_to_clients_total", "datagrams to clients", counters.to_clients},
              {counter, "natkit_relay_bytes_total", "bytes relayed", counters.relayed_bytes}});
}

/// What is asked for, without its query.
std::string_view path_of(const HttpRequest& request) {
  return std::string_view{request.target}.substr(0, request.target.find('?'));
}
}  // namespace

void add_directory_options(CLI::App& app, DirectoryOptions& options) {
  cli::add_endpoints(app, "--http", options.http, default_http_port,
                     "serve the directory of sessions, metrics and health over HTTP on this address; port 0 is a free "
                     "one (default port: 8080)");
}

void add_directory_limits(CLI::App& app, DirectoryOptions& options, const char* group) {
  auto& limits = options.directory.limits;
  cli::add_count(app, "--max-sessions", limits.rows, "sessions in the directory")->group(group);
  cli::add_count(app, "--max-sessions-per-address", limits.rows_per_address, "sessions that one address has listed")
      ->group(group);
  cli::add_count(app, "--max-http-rate", options.most_requests,
                 "HTTP requests a second that one address is answered; six times as many at once")
      ->group(group);
  cli::add_duration(app, "--min-row-timeout", options.directory.shortest_ttl,
                    "a session that nobody refreshes stays listed for at least so long, whatever its host wishes")
      ->group(group);
}

std::string metrics_of(const Counted& counted) {
  using enum report::Metric::Kind;
  const auto& stun = counted.service->responder().counters();
  const auto& rows = counted.directory->counters();
  std::vector<report::Metric> out{
      {counter, "natkit_stun_answered_total", "STUN requests answered", stun.answered},
      {counter, "natkit_stun_refused_total", "STUN requests refused", stun.refused},
      {counter, "natkit_stun_rate_limited_total", "STUN requests beyond an address's rate", stun.rate_limited},
      {counter, "natkit_stun_over_budget_total", "answers beyond the allowance for unproven addresses",
       stun.over_budget},
      {gauge, "natkit_directory_sessions", "sessions in the directory", counted.directory->size()},
      {gauge, "natkit_directory_bytes", "kept for them", counted.directory->bytes()},
      {counter, "natkit_directory_published_total", "sessions that came", rows.published},
      {counter, "natkit_directory_refreshed_total", "rows refreshed", rows.refreshed},
      {counter, "natkit_directory_taken_over_total", "changes of host", rows.taken_over},
      {counter, "natkit_directory_withdrawn_total", "sessions taken away", rows.withdrawn},
      {counter, "natkit_directory_expired_total", "sessions that nobody refreshed", rows.expired},
      {counter, "natkit_directory_refused_total", "writes refused", rows.refused},
      {counter, "natkit_directory_asked_total", "questions", rows.asked}};
  if (counted.matchmaker != nullptr && counted.reports != nullptr)
    add_matches(out, *counted.matchmaker, *counted.reports);
  if (counted.meeting != nullptr) add_meeting(out, *counted.meeting);
  if (counted.relay != nullptr) add_relay(out, *counted.relay);
  return report::metrics_text(out);
}

Result<std::unique_ptr<io::HttpServer>> plan_http(const DirectoryOptions& options, rendezvous::Directory& directory,
                                                  const Counted& counted, Rng& rng) {
  if (options.http.empty()) return nullptr;
  const auto rate = static_cast<double>(options.most_requests);
  auto form = std::make_shared<rendezvous::DirectoryHttp>(
      rendezvous::DirectoryHttp::Limits{.requests = {.burst = 6 * rate, .per_second = rate}}, directory, rng,
      counted.reports);
  return io::HttpServer::listen(options.http, {}, [form, &directory, counted](Instant now, const HttpRequest& request) {
    const auto path = path_of(request);
    if (request.method == "GET" && path == "/healthz")
      return HttpResponse{.body = "ok\n", .content_type = "text/plain"};
    if (request.method != "GET" || path != "/metrics") return form->handle(now, request);
    directory.expire(now);
    return HttpResponse{.body = metrics_of(counted), .content_type = std::string{report::metrics_content_type}};
  });
}

void sum_up_directory(ServiceLog& log, const rendezvous::Directory& directory) {
  const auto& counters = directory.counters();
  if (counters.published == 0 && counters.asked == 0) return;
  log.info(fmt::format(
      "{} sessions listed, {} taken over by another host, {} ended, {} fell silent; {} writes refused, "
      "{} questions",
      counters.published, counters.taken_over, counters.withdrawn, counters.expired, counters.refused, counters.asked));
}
}  // namespace natkit::rendezvousd
