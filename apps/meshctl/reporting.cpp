#include "reporting.hpp"

#include <optional>
#include <string>

#include "natkit/crypto/signature.hpp"
#include "server_talk.hpp"
#include "servers.hpp"
#include "stored_identity.hpp"

namespace natkit {
namespace {
Error not_taken(rendezvous::DirectoryRefusal refusal) {
  using enum rendezvous::DirectoryRefusal;
  if (refusal == unanswered)
    return {Errc::nobody_there, "no-answer", "the server takes no reports", "it may be of an older version"};
  if (refusal == too_fast)
    return {Errc::refused, "too-fast", "the server takes no more reports from this address now",
            "20 in an hour are as many as it counts"};
  return {Errc::refused,
          std::string{rendezvous::to_text(refusal)},
          "the server does not take this report: " + std::string{rendezvous::to_text(refusal)},
          {}};
}

struct Reporting {
  rendezvous::Report report;
  /// None: it was not taken, and `error` says why.
  std::optional<rendezvous::ReportStanding> standing{};
  Error error{Errc::nobody_there, "server-unreachable", "the server did not answer", "is it running?"};

  void begin(Instant now, rendezvous::Client& client) const { static_cast<void>(client.report_member(now, report)); }
  void fail(const Error& why) { error = why; }
  void give_up(Instant, rendezvous::Client&) {}
  Talk hear(Instant, rendezvous::Client&, const rendezvous::ClientEvent& event) {
    if (const auto* heard = std::get_if<rendezvous::ReportHeard>(&event))
      standing = heard->standing;
    else if (const auto* refused = std::get_if<rendezvous::NotAnswered>(&event))
      error = not_taken(refused->refusal);
    else
      return Talk::goes_on;
    return Talk::is_over;
  }
};
}  // namespace

rendezvous::Report signed_report(rendezvous::Report report, const crypto::Identity& by) {
  report.certificate = crypto::certificate_of(by);
  report.signature = crypto::sign(by, rendezvous::report_text(report));
  return report;
}

cli::Exit report_member(cli::Output& output, const Options& o, const AskAbout& ask) {
  const auto servers = find_servers(o);
  if (!servers) return output.fail(servers.error());
  const auto identity = kept_identity(o.identity_file);
  if (!identity) return output.fail(identity.error());
  const auto report = report_of(o, ask);
  if (!report) return output.fail(report.error());
  Reporting reporting{.report = signed_report(*report, *identity)};
  if (const auto exit = talk_about(
          reporting, {.servers = *servers, .id = crypto::to_text(identity->fingerprint()), .patience = o.timeout},
          o.timeout, output))
    return *exit;
  if (!reporting.standing) return output.fail(reporting.error);
  tell_report(output, *report, *reporting.standing);
  return cli::Exit::ok;
}
}  // namespace natkit
