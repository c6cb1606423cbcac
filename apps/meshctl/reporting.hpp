#pragma once
// `meshctl report`: says once to a rendezvousd what is to be said of a member.
#include "conduct.hpp"
#include "natkit/cli/output.hpp"
#include "natkit/crypto/identity.hpp"
#include "natkit/rendezvous/reports.hpp"
#include "options.hpp"

namespace natkit {
/// Signed by whoever says it.
[[nodiscard]] rendezvous::Report signed_report(rendezvous::Report report, const crypto::Identity& by);

[[nodiscard]] cli::Exit report_member(cli::Output& output, const Options& options, const AskAbout& ask);
}  // namespace natkit
