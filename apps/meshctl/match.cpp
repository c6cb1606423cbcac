#include "match.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "block_list.hpp"
#include "interrupted.hpp"
#include "natkit/cli/hosts.hpp"
#include "natkit/crypto/secure_rng.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/io/machine_load.hpp"
#include "natkit/mesh/own_reach.hpp"
#include "natkit/mesh/strain.hpp"
#include "natkit/report/mesh_match.hpp"
#include "server_talk.hpp"
#include "servers.hpp"
#include "stored_identity.hpp"
#include "taking_part.hpp"

namespace natkit {
namespace {
using rendezvous::Seeker;

constexpr std::size_t digits_in_name = 8;

Seeker::Families families_of(const std::vector<IpAddress>& addresses) {
  const bool has_v4 = std::ranges::any_of(addresses, [](const IpAddress& each) { return each.is_v4(); });
  const bool has_v6 = std::ranges::any_of(addresses, [](const IpAddress& each) { return !each.is_v4(); });
  if (has_v4 == has_v6) return Seeker::Families::both;
  return has_v4 ? Seeker::Families::ipv4 : Seeker::Families::ipv6;
}

mesh::MemberId own_id(const crypto::Identity& identity) { return {identity.fingerprint().digest}; }

Error nobody_came(Duration patience, std::uint32_t waiting, std::uint32_t players) {
  return {
      .code = Errc::nobody_there,
      .reason = "no-match",
      .detail = fmt::format("not enough others came within {:.0f} s: {} of {} are here",
                            std::chrono::duration<double>(patience).count(), std::max(waiting, 1U), players),
      .advice = "a longer --timeout, fewer --players or tags; all have to say the same --game, --tag and --players"};
}

Error not_taken(rendezvous::DirectoryRefusal refusal) {
  using enum rendezvous::DirectoryRefusal;
  if (refusal == unanswered)
    return {.code = Errc::nobody_there,
            .reason = "no-matchmaker",
            .detail = "the server does not match players",
            .advice = "it may be of an older version; --server names another one"};
  if (refusal == not_signed)
    return {.code = Errc::protocol,
            .reason = "not-signed",
            .detail = "the match that the server told is not signed by the key that it named",
            .advice = "somebody may stand between this host and the server: name it by --server over another network"};
  return {.code = Errc::refused,
          .reason = refusal == full ? "server-full" : std::string{rendezvous::to_text(refusal)},
          .detail = "the server does not let this host wait for a match: " + std::string{rendezvous::to_text(refusal)},
          .advice = refusal == full ? "as many wait as may, in all or from this address; try again later" : ""};
}

report::MeshMatch shown(const rendezvous::FoundMatch& found, const MatchMade& made) {
  const auto& match = found.match;
  report::MeshMatch out{.session = match.session,
                        .name = made.name,
                        .game = match.game,
                        .tags = {match.tags.begin(), match.tags.end()},
                        .players = {}};
  if (const auto& proof = found.signed_match)
    out.decision = {.signer = to_hex(crypto::sha256(proof->certificate)),
                    .decided = found.decided,
                    .text = proof->text,
                    .certificate = to_hex(proof->certificate),
                    .signature = to_hex(proof->signature)};
  const auto self = to_text(own_id(made.identity));
  for (const auto& [member, fitness, score] : match.players)
    out.players.push_back({.member = member,
                           .reach = fitness.reach == rendezvous::Reach::unknown
                                        ? std::string{}
                                        : std::string{rendezvous::to_text(fitness.reach)},
                           .reached = fitness.reached,
                           .mean_rtt = fitness.mean_rtt,
                           .failures = fitness.failures,
                           .strain = fitness.strain,
                           .score = score,
                           .is_self = member == self});
  return out;
}

rendezvous::Reach reach_of(const mesh::OwnReach& network) {
  switch (network.reach()) {
    case mesh::Reach::open:
      return rendezvous::Reach::open;
    case mesh::Reach::easy:
      return rendezvous::Reach::easy;
    case mesh::Reach::hard:
      return rendezvous::Reach::hard;
    case mesh::Reach::unknown:
      break;
  }
  return rendezvous::Reach::unknown;
}

/// What the NAT before this host does: two round trips, which whoever waits for others does not notice. An exit code
/// where it ended otherwise.
std::optional<cli::Exit> look_at_network(const std::vector<Endpoint>& servers, Seeker& seeker, cli::Output& output) {
  crypto::SecureRng rng;
  mesh::OwnReach network{{.servers = servers}, nullptr, rng};
  const auto end = io::run(network);
  if (!end) return output.fail(end.error());
  if (*end != io::RunEnd::finished) return interrupted(output, *end);
  while (network.poll_event(io::now())) {
  }  // what was measured counts once it was told
  seeker.reach = reach_of(network);
  output.explain(cli::Verbosity::steps, fmt::format("others reach this host: {}", rendezvous::to_text(seeker.reach)));
  return std::nullopt;
}

/// What this host says of itself while it waits.
Seeker seeker_of(const Options& options, const crypto::Identity& identity, const std::vector<IpAddress>& addresses) {
  Seeker seeker{.member = to_text(own_id(identity)),
                .game = options.game,
                .players = static_cast<std::uint32_t>(options.players),
                .families = families_of(addresses)};
  seeker.longest_trip = options.longest_trip;
  seeker.most_strain = options.most_strain;
  if (const auto run_queue = io::run_queue_per_processor()) seeker.strain = mesh::Strain{}.take({}, run_queue);
  for (const auto& text : options.tags)
    if (const auto tag = parse_tag(text)) seeker.tags.insert(*tag);
  for (const auto& each : BlockList::read().latest(rendezvous::most_blocked)) seeker.blocked.insert(each);
  return seeker;
}

/// Fails where the server's answer makes no sense, or leaves this host out.
Result<MatchMade> match_made(const rendezvous::Match& match, const crypto::Identity& identity) {
  MatchMade made{.identity = identity};
  const auto session = mesh::parse_session_id(match.session);
  for (const auto& player : match.players)
    if (const auto id = mesh::parse_member_id(player.member)) made.players.insert(*id);
  if (!session || made.players.size() != match.players.size() || !made.players.contains(own_id(identity)))
    return std::unexpected(Error{Errc::protocol, "version-mismatch", "the server's match makes no sense",
                                 "it may be of another version; --server names another one"});
  made.session = *session;
  made.name = "match-" + match.session.substr(0, digits_in_name);
  made.host = *mesh::parse_member_id(match.players.front().member);
  made.is_host = made.host == own_id(identity);
  return made;
}

void tell_match(cli::Output& output, const rendezvous::FoundMatch& found, const MatchMade& made) {
  const auto known = shown(found, made);
  output.answer(output.is_json() ? report::MeshMatchEvents::matched(known) : report::MeshMatchWords::matched(known));
}

struct Waiting {
  Seeker seeker;
  Duration patience{};
  cli::Output& output;
  /// None: it came to nothing, and `error` says why.
  std::optional<rendezvous::FoundMatch> found{};
  Error error = nobody_came(patience, 1, seeker.players);

  void begin(Instant, rendezvous::Client&) {}  // the round trip to the server is known when it is registered there
  void fail(const Error& why) { error = why; }
  /// Whoever is matched meanwhile would wait for this host in vain.
  void give_up(Instant now, rendezvous::Client& client) { client.stop_seeking(now); }

  Talk hear(Instant now, rendezvous::Client& client, const rendezvous::ClientEvent& event) {
    if (const auto* at = std::get_if<rendezvous::RegisteredAt>(&event)) {
      seeker.round_trip = at->round_trip;
      static_cast<void>(client.seek(now, seeker));
    } else if (const auto* seeking = std::get_if<rendezvous::StillSeeking>(&event)) {
      error = nobody_came(patience, seeking->waiting, seeker.players);
      output.progress(report::MeshMatchWords::seeking(seeking->waiting, seeker.players));
      if (output.is_json()) output.answer(report::MeshMatchEvents::seeking(seeking->waiting, seeker.players));
    } else if (const auto* lost = std::get_if<rendezvous::ServerLost>(&event)) {
      output.warn(to_text(lost->server) + " is lost; waiting goes on when it is back");
    } else if (const auto* matched = std::get_if<rendezvous::FoundMatch>(&event)) {
      found = *matched;
      return Talk::is_over;
    } else if (const auto* refused = std::get_if<rendezvous::NotAnswered>(&event)) {
      error = not_taken(refused->refusal);
      return Talk::is_over;
    }
    return Talk::goes_on;
  }
};
}  // namespace

cli::Exit match(cli::Output& output, Options o) {
  const auto servers = find_servers(o);
  if (!servers) return output.fail(servers.error());
  const auto identity = kept_identity(o.identity_file);
  if (!identity) return output.fail(identity.error());
  Waiting waiting{
      .seeker = seeker_of(o, *identity, cli::own_addresses(*servers)), .patience = o.match_timeout, .output = output};
  if (const auto exit = look_at_network(*servers, waiting.seeker, output)) return *exit;
  if (const auto exit = talk_about(waiting, {.servers = *servers, .id = crypto::to_text(identity->fingerprint())},
                                   o.match_timeout, output))
    return *exit;
  if (!waiting.found) return output.fail(waiting.error);
  const auto made = match_made(waiting.found->match, *identity);
  if (!made) return output.fail(made.error());
  o.session = made->name;
  tell_match(output, *waiting.found, *made);
  return take_part(output, o, &*made);
}
}  // namespace natkit
