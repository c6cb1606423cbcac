// punch: connect two hosts, whatever NATs are between them, and measure the path or carry bytes over it.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>  // App.hpp declares what only these define
#include <string>
#include <utility>
#include <vector>

#include "conversation.hpp"
#include "forwarding.hpp"
#include "known_peers.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/cli/port_journal.hpp"
#include "natkit/cli/secret_file.hpp"
#include "natkit/crypto/secure_rng.hpp"
#include "natkit/crypto/tls.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/io/errand_children.hpp"
#include "natkit/io/igd_task.hpp"
#include "natkit/link/by_hand.hpp"
#include "natkit/link/pairing.hpp"
#include "options.hpp"
#include "places.hpp"
#include "take_over.hpp"

namespace {
using namespace natkit;

cli::Exit interrupted(cli::Output& output, io::RunEnd end) {
  const bool is_sigint = end == io::RunEnd::interrupted;
  static_cast<void>(output.fail({.code = Errc::usage,
                                 .reason = "interrupted",
                                 .detail = fmt::format("ended by {}", is_sigint ? "SIGINT" : "SIGTERM"),
                                 .advice = {}}));
  return is_sigint ? cli::Exit::interrupted : cli::Exit::terminated;
}

cli::Exit not_as_expected(cli::Output& output, const Options& o) {
  const auto* const wanted = o.expect == Options::Expect::direct ? "direct" : "relayed";
  static_cast<void>(output.fail({.code = Errc::usage,
                                 .reason = "expectation-not-met",
                                 .detail = fmt::format("the path is not {}", wanted),
                                 .advice = "punch -v says what was tried"}));
  return cli::Exit::no;
}

/// What cannot be seen by one option alone.
Result<void> check_forwarding(const Options& o, const cli::Output& output) {
  const bool is_named = !o.tcp_forwards.empty() || !o.udp_forwards.empty() || !o.permits.empty();
  if (o.then != Options::Then::forward && is_named)
    return std::unexpected(
        Error{Errc::usage, "usage", "-L, --udp and --permit go with --then forward only", "add --then forward"});
  if (o.then == Options::Then::forward && !is_named)
    output.warn("nothing is forwarded from here (-L, --udp), and the peer may reach nothing (--permit)");
  return {};
}

Result<void> check(const Options& o, const cli::Output& output) {
  if (const auto checked = check_forwarding(o, output); !checked) return checked;
  const auto usage = [](std::string detail, std::string advice) {
    return std::unexpected(Error{Errc::usage, "usage", std::move(detail), std::move(advice)});
  };
  if (!o.by_hand && o.servers.empty())
    return usage(
        "a server to meet at is needed: --server",
        "rendezvousd on any host that both sides reach will do; NATKIT_SERVER or the configuration file may name it");
  if (o.secret_file == "-" && o.then == Options::Then::pipe)
    return usage("--secret-file - and --then pipe both want standard input", "put the secret into a file");
  if (o.turn_user.empty() != o.turn_password_file.empty() || (o.turn.empty() && !o.turn_user.empty()))
    return usage("--turn, --turn-user and --turn-password-file go together", "a relay asks for a name and a password");
  if (o.then != Options::Then::exec) {
    if (o.program.empty()) return {};
    return std::unexpected(
        Error{Errc::usage, "unexpected-command",
              fmt::format("'{}' would be a command to run, which --then exec does only", printable(o.program.front())),
              "add --then exec, or leave the command out"});
  }
  if (o.relay == Options::Relay::only)
    return std::unexpected(Error{Errc::usage, "no-port-to-hand-over",
                                 "--then exec needs a direct path, and --relay only forbids one",
                                 "leave --relay out, or use --then pipe"});
  if (o.transport == Options::Transport::tcp)
    return std::unexpected(Error{Errc::usage, "no-port-to-hand-over",
                                 "--then exec hands a UDP port over, and --transport tcp has none",
                                 "leave --transport out, or use --then pipe"});
  return check_program(o.program);
}

cli::Exit run_program(cli::Output& output, const Options& o, const Conversation::Way& way) {
  std::vector<std::pair<std::string, std::string>> environment{
      {"NATKIT_LOCAL", to_text(way.local)},
      {"NATKIT_REMOTE", to_text(way.remote)},
      {"NATKIT_ROLE", way.role == ice::Role::controlling ? "controlling" : "controlled"}};
  if (way.mapped) environment.emplace_back("NATKIT_MAPPED", to_text(*way.mapped));
  return output.fail(become(o.program, environment));
}

/// Nothing where no router is to be asked, or cannot be: a connection may come about all the same.
std::unique_ptr<io::JournalFile> journal_for_mapping(const cli::Output& output, const Options& o, Rng& rng) {
  // A path through a mapping ends with it, so no program could take it over.
  if (o.map == Options::Map::never || o.relay == Options::Relay::only || o.then == Options::Then::exec) return nullptr;
  auto journal = cli::open_port_journal(rng);
  if (journal) return std::move(*journal);
  output.explain(cli::Verbosity::steps, "no router is asked for a port: " + printable(journal.error().detail));
  return nullptr;
}

cli::Exit converse(cli::Output& output, const Options& o, link::Introduction& introduction, KnownPeers* known_peers,
                   Rng& rng) {
  io::ErrandChildren errands{io::run_igd_call};
  const auto journal = journal_for_mapping(output, o, rng);
  auto mapping =
      journal ? std::make_unique<portmap::HeldPort>(
                    portmap::HeldPort::Config{.run = journal->run(), .description = "natkit punch"}, *journal, rng)
              : nullptr;
  Conversation conversation{introduction, std::move(mapping), known_peers, output, o};
  const auto end = io::run(conversation, {.trust = crypto::TlsContext::trust,
                                          .on_stop = [&](Instant now) { conversation.stop(now); },
                                          .errands = &errands});
  if (!end) return output.fail(end.error());
  // Now: a slow disk holds up nothing any more.
  if (known_peers && conversation.lesson()) known_peers->learn(*conversation.lesson());
  if (conversation.failure()) return *conversation.failure();
  if (*end != io::RunEnd::finished) return interrupted(output, *end);
  if (o.then == Options::Then::exec)
    if (const auto way = conversation.way()) return run_program(output, o, *way);
  return conversation.is_as_expected() ? cli::Exit::ok : not_as_expected(output, o);
}

cli::Exit converse_by_hand(cli::Output& output, const Options& o, link::Hub::Config hub, Rng& rng) {
  link::ByHand by_hand{{.hub = std::move(hub),
                        .fingerprints = o.sdp ? link::Fingerprints::optional : link::Fingerprints::required,
                        .patience = o.patience().timeout},
                       rng};
  return converse(output, o, by_hand, nullptr, rng);  // no name that would be the same tomorrow
}

std::vector<rendezvous::Service::Transport> relay_transports(const Options& o) {
  using enum rendezvous::Service::Transport;
  // A relayed path cannot be handed over: it ends with this process.
  if (o.relay == Options::Relay::never || o.then == Options::Then::exec) return {};
  if (o.transport == Options::Transport::udp) return {udp};
  if (o.transport == Options::Transport::tcp) return {tcp, tls};
  return {udp, tcp, tls};
}

cli::Exit converse_by_server(cli::Output& output, const Options& o, link::Hub::Config hub,
                             std::vector<Endpoint> servers, Rng& rng) {
  const auto secret = cli::read_secret(o.secret_file);
  if (!secret) return output.fail(secret.error());
  if (!*secret)
    output.explain(cli::Verbosity::steps, "without a secret the server is trusted to introduce the right peer");
  const auto id = crypto::to_text(hub.identity.fingerprint());
  auto seal = *secret ? rendezvous::Seal{id, **secret, o.name} : rendezvous::Seal{id};
  link::Pairing pairing{{.hub = std::move(hub),
                         .client = {.servers = std::move(servers), .id = id},
                         .purpose = o.purpose,
                         .name = o.name,
                         .seal = std::move(seal),
                         .wait = o.patience().wait,
                         .timeout = o.patience().timeout,
                         .most_links = 1,
                         .relay_transports = relay_transports(o)},
                        rng};
  // Who allows no direct path looks for none, and has nothing to learn.
  if (o.relay == Options::Relay::only) return converse(output, o, pairing, nullptr, rng);
  KnownPeers known_peers{output, o.is_fresh ? KnownPeers::Use::only_store : KnownPeers::Use::all, o.name};
  return converse(output, o, pairing, &known_peers, rng);
}

cli::Exit run_tool(cli::Output& output, Options o) {
  if (o.then == Options::Then::pipe) output.yield_answer();
  if (const auto checked = check(o, output); !checked) return output.fail(checked.error());
  auto forwarding = find_forwarding(o);
  if (!forwarding) return output.fail(forwarding.error());
  o.forwarding = std::move(*forwarding);
  auto places = find_places(o, output);
  if (!places) return output.fail(places.error());
  crypto::SecureRng rng;
  link::Hub::Config hub{
      .gathering = std::move(places->gathering), .agent = {}, .channel = {}, .identity = crypto::Identity::make()};
  if (o.then == Options::Then::forward) hub.channel.streams = link::Forwarder::streams_of_link;
  if (o.by_hand) return converse_by_hand(output, o, std::move(hub), rng);
  return converse_by_server(output, o, std::move(hub), std::move(places->servers), rng);
}
}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what is thrown before cli::run is out of memory, and nothing helps then
int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Connect two hosts, whatever NATs are between them, and measure the path or carry bytes over it.",
               "punch"};
  cli::Output output{"punch"};
  output.options.shape = report::Shape::event;
  cli::add_common_options(app, output, NATKIT_VERSION);
  add_commands(app, options);
  return cli::run(app, output, argc, argv, [&] { return run_tool(output, options); });
}
