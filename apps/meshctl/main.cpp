// meshctl: a session of many hosts, each linked with each, that outlives its host.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>  // App.hpp declares what only these define
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "block_list.hpp"
#include "conduct.hpp"
#include "control.hpp"
#include "list_cache.hpp"
#include "listing.hpp"
#include "match.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/cli/detach.hpp"
#include "natkit/cli/hosts.hpp"
#include "natkit/cli/secret_file.hpp"
#include "natkit/crypto/secure_rng.hpp"
#include "natkit/crypto/signature.hpp"
#include "natkit/crypto/tls.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/io/last_words.hpp"
#include "natkit/mesh/certificate_signatures.hpp"
#include "natkit/report/mesh_list.hpp"
#include "options.hpp"
#include "question.hpp"
#include "reporting.hpp"
#include "session.hpp"
#include "stored_identity.hpp"

namespace {
using namespace natkit;

constexpr std::size_t token_bytes = 16;
constexpr std::size_t knock_bytes = 32;
constexpr unsigned looks_for_match = 20;  ///< at two a second
/// A direct path takes three round trips, of which 150 ms is a long one, and what was lost is sent again after 500 ms.
constexpr Duration relay_after = std::chrono::milliseconds{1000};

cli::Exit interrupted(cli::Output& output, io::RunEnd end) {
  const bool is_sigint = end == io::RunEnd::interrupted;
  static_cast<void>(output.fail({.code = Errc::usage,
                                 .reason = "interrupted",
                                 .detail = fmt::format("ended by {}", is_sigint ? "SIGINT" : "SIGTERM"),
                                 .advice = {}}));
  return is_sigint ? cli::Exit::interrupted : cli::Exit::terminated;
}

Result<std::vector<Endpoint>> find_servers(const Options& o) {
  if (o.servers.empty())
    return std::unexpected(Error{
        Errc::usage, "usage", "a server to meet at is needed: --server",
        "rendezvousd on any host that all members reach will do; NATKIT_SERVER or the configuration file may name it"});
  const auto found = cli::look_up(o.servers);
  if (!found) return std::unexpected(found.error());
  std::vector<Endpoint> servers;
  for (const auto& one : *found) servers.insert(servers.end(), one.begin(), one.end());
  return servers;
}

Bytes drawn(Rng& rng, std::size_t size) {
  Bytes bytes(size);
  rng.fill(bytes);
  return bytes;
}

mesh::Settings settings_of(const Options& o, Rng& rng) {
  mesh::Settings settings{.name = o.session,
                          .game = o.game,
                          .most = static_cast<std::uint16_t>(o.most),
                          .shape = o.shape,
                          .policy = o.policy,
                          .partition = o.partition,
                          .is_listed = o.is_listed,
                          .token = drawn(rng, token_bytes),
                          .knock = drawn(rng, knock_bytes)};
  for (const auto& text : o.tags)
    if (const auto tag = parse_tag(text)) settings.tags.push_back(*tag);
  return settings;
}

/// None only where nobody needs one.
Result<std::vector<Endpoint>> servers_of(const Options& o) {
  if (o.servers.empty() && (o.as_rendezvous || o.invite)) return std::vector<Endpoint>{};
  return find_servers(o);
}

/// Whom this host will talk to first.
std::vector<Endpoint> first_remotes(const Options& o, const std::vector<Endpoint>& servers) {
  auto remotes = servers;
  if (o.invite)
    for (const auto& entry : o.invite->entries)
      remotes.insert(remotes.end(), entry.endpoints.begin(), entry.endpoints.end());
  return remotes;
}

/// What the node needs to know of this host.
Result<mesh::Node::Config> configure(const Options& o, const crypto::Identity& identity, Rng& rng) {
  const auto servers = servers_of(o);
  if (!servers) return std::unexpected(servers.error());
  const auto addresses = cli::own_addresses(first_remotes(o, *servers));
  if (addresses.empty())
    return std::unexpected(Error{Errc::nobody_there, "no-address", "this host has no address that a peer could reach",
                                 "`ip address` lists what it has; is it online?"});
  mesh::Node::Config config{.hub = {.gathering = {.addresses = addresses, .port = o.local_port, .stun = *servers},
                                    .agent = {},
                                    .channel = {},
                                    .identity = identity,
                                    .most_links = 2 * mesh::most_members,
                                    .relay_after = relay_after},
                            .member = {}};
  if (!servers->empty())
    config.client = rendezvous::Client::Config{.servers = *servers, .id = crypto::to_text(identity.fingerprint())};
  if (o.as_rendezvous || o.invite) config.server = mesh::Node::ServerUse::welcome;
  config.member.self = {.id = {identity.fingerprint().digest},
                        .incarnation = mesh::Incarnation{rng.next()},
                        .name = o.name,
                        .certificate = crypto::certificate_of(identity),
                        .forwards = static_cast<std::uint8_t>(o.forwards)};
  config.member.timing.join = o.timeout;
  config.member.admission = o.admit_command.empty() ? mesh::Participant::Hook::none : mesh::Participant::Hook::asked;
  config.member.takeover = o.import_command.empty() ? mesh::Participant::Hook::none : mesh::Participant::Hook::asked;
  return config;
}

/// A match is a session that only its players know of.
void enter_match(Session& session, const Options& o, const MatchMade& made, mesh::Settings settings,
                 const std::string& password) {
  session.keep_to(made.players, made.identity);
  if (made.is_host) {
    settings.is_listed = false;
    settings.most = static_cast<std::uint16_t>(made.players.size());
    return session.found(std::move(settings), password, made.session);
  }
  // The host begins it in this very moment.
  session.join(
      {.name = o.session, .game = {}, .session = made.session, .password = password, .looks = looks_for_match});
}

cli::Exit take_part(cli::Output& output, const Options& o, const std::function<void(const std::string&)>& stands,
                    const MatchMade* made = nullptr) {
  crypto::SecureRng rng;
  std::optional<Bytes> password;
  if (!o.password_file.empty()) {
    auto read = cli::read_secret(o.password_file);
    if (!read) return output.fail(read.error());
    password = *read;
  }
  const auto identity = made != nullptr ? Result<crypto::Identity>{made->identity} : identity_in(o.identity_file);
  if (!identity) return output.fail(identity.error());
  auto config = configure(o, *identity, rng);
  if (!config) return output.fail(config.error());
  if (made != nullptr) config->member.admission = mesh::Participant::Hook::asked;
  io::LastWords last_words;
  const mesh::CertificateSignatures signatures{*identity};
  mesh::Node node{std::move(*config), signatures, rng};
  Session session{node, output, o, stands};
  const std::string words = password ? std::string{as_text(*password)} : std::string{};
  if (made != nullptr)
    enter_match(session, o, *made, settings_of(o, rng), words);
  else if (o.command == Options::Command::create)
    session.found(settings_of(o, rng), words);
  else
    session.join({.name = o.session, .game = o.game, .password = words, .invite = o.invite});
  const auto end = io::run(session, {.trust = crypto::TlsContext::trust,
                                     .on_stop = [&](Instant now) { session.stop(now); },
                                     .last_words = &last_words});
  if (!end) return output.fail(end.error());
  if (session.failure()) return *session.failure();
  return *end == io::RunEnd::finished ? cli::Exit::ok : interrupted(output, *end);
}

cli::Exit take_part_in_background(cli::Output& output, const Options& o, const MatchMade* made = nullptr) {
  auto place = cli::detach(output, o.log_file);
  if (const auto* exit = std::get_if<cli::Exit>(&place)) return *exit;
  auto& detached = std::get<cli::Detached>(place);
  return take_part(
      output, o, [&](const std::string&) { detached.ready({}); },  // what there is to say has been said in front
      made);
}

/// By which others know this host from one run to the next.
Result<crypto::Identity> kept_identity(const Options& o) {
  if (!o.identity_file.empty()) return identity_in(o.identity_file);
  const auto file = default_identity_file();
  if (!file) return std::unexpected(file.error());
  return identity_in(*file);
}

cli::Exit match(cli::Output& output, Options o) {
  const auto servers = find_servers(o);
  if (!servers) return output.fail(servers.error());
  const auto identity = kept_identity(o);
  if (!identity) return output.fail(identity.error());
  crypto::SecureRng rng;
  Waiting waiting{{.servers = *servers, .id = crypto::to_text(identity->fingerprint())},
                  seeker_of(o, *identity, cli::own_addresses(*servers)),
                  o.match_timeout,
                  output,
                  rng};
  const auto end =
      io::run(waiting, {.trust = crypto::TlsContext::trust, .on_stop = [&](Instant now) { waiting.stop(now); }});
  if (!end) return output.fail(end.error());
  if (*end != io::RunEnd::finished) return interrupted(output, *end);
  if (!waiting.match()) return output.fail(waiting.error());
  const auto made = match_made(*waiting.match(), *identity);
  if (!made) return output.fail(made.error());
  o.session = made->name;
  tell_match(output, *waiting.match(), *made);
  return o.detach ? take_part_in_background(output, o, &*made)
                  : take_part(output, o, [](const std::string&) {}, &*made);
}

/// What makes one list another one.
std::string question_of(const Options& o) {
  std::string question;
  for (const auto* part : {&o.servers, &o.tags}) {
    for (const auto& each : *part) question += each + '\n';
    question += '\n';
  }
  return question + o.game;
}

/// A dead directory is no empty one: an error in any case, and what it told last if that is known.
cli::Exit tell_stale(cli::Output& output, const ListCache& cache, const Error& error) {
  const auto kept = cache.last();
  const auto json = kept ? report::MeshStaleList::json(error, kept->json, kept->age) : std::nullopt;
  if (!json) return output.fail(error);
  if (output.is_json()) {
    output.answer(*json);
    return cli::exit_for(error.code);
  }
  output.answer(report::MeshStaleList::heading(kept->age) + '\n' + kept->text);
  return output.fail(error);
}

cli::Exit list(cli::Output& output, const Options& o) {
  const auto servers = find_servers(o);
  if (!servers) return output.fail(servers.error());
  crypto::SecureRng rng;
  rendezvous::Query query;
  if (!o.game.empty()) query.game = o.game;
  for (const auto& text : o.tags)
    if (const auto tag = parse_tag(text)) query.tags.insert(*tag);
  query.blocked = BlockList::read().latest(rendezvous::most_blocked);
  const ListCache cache{question_of(o)};
  Listing listing{{.servers = *servers, .id = "list-" + to_hex(drawn(rng, token_bytes)), .patience = o.timeout},
                  query,
                  o.timeout,
                  rng};
  const auto end =
      io::run(listing, {.trust = crypto::TlsContext::trust, .on_stop = [&](Instant now) { listing.stop(now); }});
  if (!end) return output.fail(end.error());
  if (*end != io::RunEnd::finished) return interrupted(output, *end);
  if (!listing.rows()) return tell_stale(output, cache, listing.error());
  const auto json = report::MeshEvents::list(*listing.rows());
  const auto words = report::MeshWords::list(*listing.rows());
  cache.keep(json, words);
  output.answer(output.is_json() ? json : words);
  return cli::Exit::ok;
}

Result<std::string> ask(cli::Output& output, const Options& o, const control::Words& words, io::RunEnd& end) {
  Question question{control::socket_path(o.session), words,
                    o.word == "watch" ? Question::Kind::watch : Question::Kind::once, o.timeout, output};
  const auto run = io::run(question, {.on_stop = [&](Instant now) { question.stop(now); }});
  if (!run) return std::unexpected(run.error());
  end = *run;
  if (question.reply().error) return std::unexpected(*question.reply().error);
  return question.reply().body;
}

cli::Exit ask_process(cli::Output& output, Options o) {
  output.options.shape = report::Shape::answer;
  if (o.session.empty()) {
    const auto only = control::only_session();
    if (!only) return output.fail(only.error());
    o.session = *only;
  }
  const auto* const format = output.is_json() ? "json" : "text";
  control::Words words{o.word, format};
  if (o.word == "send") words.insert(words.end(), {o.member, o.text});
  if (o.word == "kick") words.insert(words.end(), {o.member, o.ban ? "ban" : ""});
  if (o.word == "handover") words.push_back(o.member);
  auto end = io::RunEnd::finished;
  const auto body = ask(output, o, words, end);
  if (end != io::RunEnd::finished) return interrupted(output, end);
  if (!body) return output.fail(body.error());
  if (!body->empty()) output.answer(*body);
  if (o.word == "invite" && !output.is_json()) {
    const auto note = ask(output, o, {o.word, "note"}, end);
    if (note && !note->empty()) output.warn(*note);
  }
  if (o.svg_file.empty()) return cli::Exit::ok;
  const auto drawing = ask(output, o, {o.word, "svg"}, end);
  if (!drawing) return output.fail(drawing.error());
  std::ofstream file{o.svg_file, std::ios::binary};
  file << *drawing;
  file.close();
  if (file) return cli::Exit::ok;
  return output.fail({Errc::usage, "not-writable", printable(o.svg_file) + " cannot be written", "name another file"});
}

/// Who is asked what a session knows of somebody.
AskAbout asker(cli::Output& output, const Options& o) {
  return [&output, options = o](const std::string& member) mutable -> Result<std::string> {
    if (options.session.empty()) {
      const auto only = control::only_session();
      if (!only) return std::unexpected(only.error());
      options.session = *only;
    }
    auto end = io::RunEnd::finished;
    return ask(output, options, {"about", "text", member}, end);
  };
}

cli::Exit report_member(cli::Output& output, const Options& o) {
  const auto servers = find_servers(o);
  if (!servers) return output.fail(servers.error());
  const auto identity = kept_identity(o);
  if (!identity) return output.fail(identity.error());
  const auto report = report_of(o, asker(output, o));
  if (!report) return output.fail(report.error());
  crypto::SecureRng rng;
  Reporting reporting{{.servers = *servers, .id = crypto::to_text(identity->fingerprint()), .patience = o.timeout},
                      signed_report(*report, *identity),
                      o.timeout,
                      rng};
  const auto end =
      io::run(reporting, {.trust = crypto::TlsContext::trust, .on_stop = [&](Instant now) { reporting.stop(now); }});
  if (!end) return output.fail(end.error());
  if (*end != io::RunEnd::finished) return interrupted(output, *end);
  if (!reporting.standing()) return output.fail(reporting.error());
  tell_report(output, *report, *reporting.standing());
  return cli::Exit::ok;
}

cli::Exit run_tool(cli::Output& output, Options& o) {
  if (o.command == Options::Command::join)
    if (const auto taken = take_invite(o); !taken) return output.fail(taken.error());
  switch (o.command) {
    case Options::Command::create:
    case Options::Command::join:
      return o.detach ? take_part_in_background(output, o) : take_part(output, o, [](const std::string&) {});
    case Options::Command::match:
      return match(output, o);
    case Options::Command::list:
      output.options.shape = report::Shape::answer;
      return list(output, o);
    case Options::Command::block:
      output.options.shape = report::Shape::answer;
      return block(output, o, asker(output, o));
    case Options::Command::report:
      output.options.shape = report::Shape::answer;
      return report_member(output, o);
    case Options::Command::ask:
      break;
  }
  return ask_process(output, o);
}
}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what is thrown before cli::run is out of memory, and nothing helps then
int main(int argc, char** argv) {
  Options options;
  CLI::App app{"A session of many hosts, each linked with each, that outlives its host.", "meshctl"};
  cli::Output output{"meshctl"};
  output.options.shape = report::Shape::event;
  cli::add_common_options(app, output, NATKIT_VERSION);
  add_commands(app, options);
  return cli::run(app, output, argc, argv, [&] { return run_tool(output, options); });
}
