#include "taking_part.hpp"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "interrupted.hpp"
#include "natkit/cli/detach.hpp"
#include "natkit/cli/hosts.hpp"
#include "natkit/cli/identity_file.hpp"
#include "natkit/cli/secret_file.hpp"
#include "natkit/crypto/secure_rng.hpp"
#include "natkit/crypto/signature.hpp"
#include "natkit/crypto/tls.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/io/last_words.hpp"
#include "natkit/mesh/certificate_signatures.hpp"
#include "own_network.hpp"
#include "servers.hpp"
#include "session.hpp"

namespace natkit {
namespace {
constexpr std::size_t token_bytes = 16;
constexpr std::size_t knock_bytes = 32;
constexpr unsigned looks_for_match = 20;  ///< at two a second
/// A direct path takes three round trips, of which 150 ms is a long one, and what was lost is sent again after 500 ms.
constexpr Duration relay_after = std::chrono::milliseconds{1000};

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
  session.join({.name = o.session,
                .game = {},
                .session = made.session,
                .password = password,
                .looks = looks_for_match,
                .founder = made.host});
}

cli::Exit take_part_here(cli::Output& output, const Options& o, const std::function<void(const std::string&)>& stands,
                         const MatchMade* made) {
  crypto::SecureRng rng;
  std::optional<Bytes> password;
  if (!o.password_file.empty()) {
    auto read = cli::read_secret(o.password_file);
    if (!read) return output.fail(read.error());
    password = *read;
  }
  const auto identity = made != nullptr ? Result<crypto::Identity>{made->identity} : cli::identity_in(o.identity_file);
  if (!identity) return output.fail(identity.error());
  auto config = configure(o, *identity, rng);
  if (!config) return output.fail(config.error());
  if (made != nullptr) config->member.admission = mesh::Participant::Hook::asked;
  OwnNetwork network{o, config->hub.gathering, output, rng};
  io::LastWords last_words;
  const mesh::CertificateSignatures signatures{*identity};
  mesh::Node node{std::move(*config), signatures, rng};
  Session session{node, network.reach(), output, o, stands};
  const std::string words = password ? std::string{as_text(*password)} : std::string{};
  if (made != nullptr)
    enter_match(session, o, *made, settings_of(o, rng), words);
  else if (o.command == Options::Command::create)
    session.found(settings_of(o, rng), words);
  else
    session.join({.name = o.session, .game = o.game, .password = words, .invite = o.invite});
  const auto end = io::run(session, {.trust = crypto::TlsContext::trust,
                                     .on_stop = [&](Instant now) { session.stop(now); },
                                     .errands = network.errands(),
                                     .last_words = &last_words});
  if (!end) return output.fail(end.error());
  if (session.failure()) return *session.failure();
  return *end == io::RunEnd::finished ? cli::Exit::ok : interrupted(output, *end);
}

cli::Exit take_part_in_background(cli::Output& output, const Options& o, const MatchMade* made) {
  auto place = cli::detach(output, o.log_file);
  if (const auto* exit = std::get_if<cli::Exit>(&place)) return *exit;
  auto& detached = std::get<cli::Detached>(place);
  return take_part_here(
      output, o, [&](const std::string&) { detached.ready({}); },  // what there is to say has been said in front
      made);
}

}  // namespace

cli::Exit take_part(cli::Output& output, const Options& o, const MatchMade* made) {
  return o.detach ? take_part_in_background(output, o, made)
                  : take_part_here(output, o, [](const std::string&) {}, made);
}
}  // namespace natkit
