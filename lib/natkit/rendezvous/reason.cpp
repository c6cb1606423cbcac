#include "natkit/rendezvous/reason.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace natkit::rendezvous {
namespace {
struct Row {
  Reason reason{};
  std::string_view name;
  Errc code{};
  std::string_view advice;
};

constexpr std::array rows{
    Row{Reason::server_unreachable, "server-unreachable", Errc::nobody_there,
        "check the server's name and port, and that TCP to it is not blocked; --server names another one"},
    Row{Reason::server_full, "server-full", Errc::refused, "try again later, or name another server with --server"},
    Row{Reason::server_closing, "server-closing", Errc::nobody_there, "try again in a while"},
    Row{Reason::version_mismatch, "version-mismatch", Errc::protocol,
        "use the same version of natkit on both sides and on the server; the port must be rendezvousd's"},
    Row{Reason::target_not_connected, "target-not-connected", Errc::peer,
        "start the other side too, with the same name and the same server, or wait longer with --wait"},
    Row{Reason::target_unresponsive, "target-unresponsive", Errc::peer,
        "the other side is registered but does not answer: look at its network, then try again"},
    Row{Reason::connection_to_target_lost, "connection-to-target-lost", Errc::peer,
        "the other side went away; start it again, then try again"},
    Row{Reason::already_in_progress, "already-in-progress", Errc::peer, "wait for the attempt that is running"},
    Row{Reason::punch_failed, "punch-failed", Errc::no_path, "allow a relay, or forward a port on one side"},
    Row{Reason::rejected, "rejected", Errc::refused, ""},
    Row{Reason::authentication_failed, "authentication-failed", Errc::refused,
        "give both sides the same secret file; where a name is taken, choose another one"},
    Row{Reason::relay_unavailable, "relay-unavailable", Errc::refused, "name a relay with --turn"},
    Row{Reason::no_common_address_family, "no-common-address-family", Errc::no_path,
        "one side has IPv4 only and the other IPv6 only: allow a relay, which bridges the two"},
    Row{Reason::banned, "banned", Errc::refused, "whoever runs the server can say why; --server names another one"},
    Row{Reason::closed, "closed", Errc::peer, ""},
};

const Row& row_of(Reason reason) { return *std::ranges::find(rows, reason, &Row::reason); }
}  // namespace

std::string_view to_text(Reason reason) { return row_of(reason).name; }
std::string_view advice(Reason reason) { return row_of(reason).advice; }
Errc code_of(Reason reason) { return row_of(reason).code; }

std::optional<Reason> parse_reason(std::string_view text) {
  const auto* found = std::ranges::find(rows, text, &Row::name);
  if (found == rows.end()) return std::nullopt;
  return found->reason;
}

Error to_error(Reason reason, std::string detail) {
  return {.code = code_of(reason),
          .reason = std::string{to_text(reason)},
          .detail = std::move(detail),
          .advice = std::string{advice(reason)}};
}
}  // namespace natkit::rendezvous
