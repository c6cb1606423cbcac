#include "outside.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "commands.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/io/resolver.hpp"
#include "natkit/io/routes.hpp"
#include "natkit/report/portmap_json.hpp"
#include "natkit/report/portmap_text.hpp"
#include "natkit/stun/message.hpp"

namespace natkit {
Result<std::vector<Endpoint>> find_server(const std::string& name, Duration patience) {
  // Checked when it was typed, but the environment may hold anything.
  const auto asked = parse_host_port(name, stun::default_port);
  if (!asked)
    return std::unexpected(Error{Errc::usage, "bad-server", fmt::format("'{}' is not HOST[:PORT]", printable(name)),
                                 "write it like rendezvous.example.org or [2001:db8::1]:3478"});
  // An address needs no resolver, and no thread for it.
  if (const auto endpoint = parse_endpoint(name, stun::default_port)) return std::vector{*endpoint};
  const auto resolved = io::resolve(std::vector{*asked}, patience);
  if (resolved.empty() || resolved.front().endpoints.empty())
    return std::unexpected(
        Error{Errc::nobody_there, "name-not-found",
              fmt::format("{} was not found: {}", printable(name),
                          resolved.empty() ? std::string{} : printable(resolved.front().failure)),
              "check the spelling, and whether this host is online; an address needs no name service"});
  return resolved.front().endpoints;
}

Result<Knocked> knock(Session& session, const std::vector<Endpoint>& server, const Knock& what, Duration patience) {
  portmap::OutsideCheck check{{.servers = server,
                               .protocol = what.protocol,
                               .external_port = what.external_port,
                               .internal = what.internal,
                               .expected = what.expected,
                               .patience = patience},
                              session.rng};
  Supervised watched{check, session.output, {.word = "asking outside whether the port is open …"}};
  const auto end = session.run(watched);
  if (!end) return std::unexpected(end.error());
  return Knocked{.results = check.results(), .end = *end};
}

const portmap::OutsideResult* result_for(const std::vector<portmap::OutsideResult>& results, Family family) {
  const auto own = std::ranges::find(results, family, &portmap::OutsideResult::family);
  if (own != results.end()) return &*own;
  return results.empty() ? nullptr : &results.front();
}

std::optional<bool> is_open(const portmap::OutsideResult& result) {
  if (result.openness == portmap::Openness::unknown) return std::nullopt;
  return result.openness == portmap::Openness::open;
}

namespace {
/// Without "open", "closed" or "unknown", which the answer says itself.
std::string sentence_of(const portmap::OutsideResult& result) {
  auto text = portmap::to_text(result);
  if (const auto word = fmt::format("{}: ", portmap::to_text(result.openness)); text.starts_with(word))
    text.erase(0, word.size());
  return text;
}
}  // namespace

std::string verdict_text(const portmap::OutsideResult& result) {
  auto text = sentence_of(result);
  if (!result.likely.empty()) text += fmt::format("; {}", portmap::advice(result.likely.front()));
  return text;
}

Error unknown_error(const portmap::OutsideResult* result, const std::string& server) {
  using enum portmap::OutsideReason;
  if (result == nullptr)
    return {Errc::nobody_there, "server-unreachable",
            fmt::format("{} has no address of the family that was mapped", printable(server)), "name another server"};
  auto code = Errc::no_path;
  std::string advice = "try again, or have a friend try the port";
  if (result->reason == server_silent) {
    code = Errc::nobody_there;
    advice = "check the server's name and port, and that rendezvousd runs there";
  } else if (result->reason == server_cannot_check) {
    code = Errc::protocol;
    advice = "name a rendezvousd of this version or later, with its reachability check on";
  } else if (result->reason == server_busy || result->reason == server_refused) {
    code = Errc::refused;
  }
  return {code, std::string{portmap::to_text(result->reason)}, sentence_of(*result), std::move(advice)};
}

namespace {
/// The addresses that packets from outside arrive at: of the default routes, one for each family.
std::vector<Endpoint> internal_endpoints(std::uint16_t port) {
  std::vector<Endpoint> endpoints;
  for (const auto& route : io::default_routes()) {
    const bool has_one = std::ranges::any_of(
        endpoints, [&](const Endpoint& one) { return one.address.family() == route.local.family(); });
    if (!has_one) endpoints.push_back({route.local, port});
  }
  return endpoints;
}

/// Where the port leads to inside, as far as we have written it down; else to the same port.
Knock knock_at(const MappedPort& external, Protocol protocol, const std::vector<portmap::JournalEntry>& entries) {
  Knock what{.protocol = protocol, .external_port = external.at.port};
  const auto ours = std::ranges::find_if(entries, [&](const portmap::JournalEntry& entry) {
    return entry.protocol == protocol && entry.external.port == external.at.port && !entry.inner;
  });
  if (ours != entries.end())
    what.internal.push_back({ours->mapped_host, ours->internal_port});
  else
    what.internal = internal_endpoints(external.at.port);
  if (external.at.address) what.expected.push_back(*external.at.address);
  return what;
}

report::CheckAnswer answer_of(Protocol protocol, const portmap::OutsideResult& result, const MappedPort& asked) {
  const auto address = asked.at.address.value_or(IpAddress::any(result.family));
  return {.protocol = protocol,
          .external = result.tried.value_or(Endpoint{address, asked.at.port}),
          .is_open = is_open(result),
          .detail = verdict_text(result)};
}
}  // namespace

cli::Exit run_check(Session& session, const CheckOptions& o) {
  auto& output = session.output;
  if (const auto enough = check_timeout(o.timeout); !enough) return output.fail(enough.error());
  if (o.server.empty())
    return output.fail({Errc::usage, "usage", "--server is missing: somebody outside has to knock",
                        "name a rendezvousd, or set NATKIT_SERVER; `rendezvousd` on any public machine is one"});
  const auto started = io::now();
  const auto server = find_server(o.server, o.timeout);
  if (!server) return output.fail(server.error());
  const auto journal = session.open_notebook();
  const auto entries = journal ? journal->entries : std::vector<portmap::JournalEntry>{};
  const auto external = parse_mapped_port(o.external).value_or(MappedPort{});
  const auto protocols = external.protocol ? std::vector{*external.protocol} : o.protocols;

  std::vector<report::CheckAnswer> answers;
  std::optional<Error> unknown;
  bool is_closed = false;
  for (const auto protocol : protocols) {
    const auto knocked = knock(session, *server, knock_at(external, protocol, entries), o.timeout);
    if (!knocked) return output.fail(knocked.error());
    if (knocked->end != io::RunEnd::finished) return interrupted(output, knocked->end, "nothing is known yet");
    if (knocked->results.empty()) unknown = unknown_error(nullptr, o.server);
    for (const auto& result : knocked->results) {
      if (external.at.address && external.at.address->family() != result.family) continue;
      answers.push_back(answer_of(protocol, result, external));
      is_closed = is_closed || result.openness == portmap::Openness::closed;
      if (result.openness == portmap::Openness::unknown) unknown = unknown_error(&result, o.server);
    }
  }
  // One that is closed is an answer; an unknown one only where nothing better is known.
  const bool has_answer = std::ranges::any_of(answers, [](const auto& one) { return one.is_open.has_value(); });
  std::optional<Error> error;
  if (is_closed)
    error = Error{Errc::refused, "port-closed", "the port is not open from outside", {}};
  else if (!has_answer)
    error = unknown ? *unknown : unknown_error(nullptr, o.server);
  if (output.is_json())
    output.answer(report::checks_json(answers, io::now() - started, error ? &*error : nullptr));
  else
    output.answer(report::checks_text(answers));
  if (is_closed) return cli::Exit::no;
  if (!error) return cli::Exit::ok;
  return output.is_json() ? cli::exit_for(error->code) : output.fail(*error);
}
}  // namespace natkit
