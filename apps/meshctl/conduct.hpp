#pragma once
// What there is to say of others: whom this user blocks, and what it reports to the server.
#include <functional>
#include <string>

#include "natkit/cli/output.hpp"
#include "natkit/rendezvous/reports.hpp"
#include "options.hpp"

namespace natkit {
/// Asks the process of a session about a member: "SESSION EPOCH MEMBER EVIDENCE NAME".
using AskAbout = std::function<Result<std::string>(const std::string& member)>;

/// Shows the list, or changes it.
[[nodiscard]] cli::Exit block(cli::Output& output, const Options& options, const AskAbout& ask);

/// Not signed yet. No process is asked where session and member are named by their whole ids.
[[nodiscard]] Result<rendezvous::Report> report_of(const Options& options, const AskAbout& ask);
void tell_report(cli::Output& output, const rendezvous::Report& report, rendezvous::ReportStanding standing);
}  // namespace natkit
