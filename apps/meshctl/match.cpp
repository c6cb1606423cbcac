#include "match.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "block_list.hpp"
#include "natkit/report/mesh_match.hpp"

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
  return {.code = Errc::refused,
          .reason = refusal == full ? "server-full" : std::string{rendezvous::to_text(refusal)},
          .detail = "the server does not let this host wait for a match: " + std::string{rendezvous::to_text(refusal)},
          .advice = refusal == full ? "as many wait as may, in all or from this address; try again later" : ""};
}

report::MeshMatch shown(const rendezvous::Match& match, const MatchMade& made) {
  report::MeshMatch out{.session = match.session,
                        .name = made.name,
                        .game = match.game,
                        .tags = {match.tags.begin(), match.tags.end()},
                        .players = {}};
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
}  // namespace

Seeker seeker_of(const Options& options, const crypto::Identity& identity, const std::vector<IpAddress>& addresses) {
  Seeker seeker{.member = to_text(own_id(identity)),
                .game = options.game,
                .players = static_cast<std::uint32_t>(options.players),
                .families = families_of(addresses)};
  for (const auto& text : options.tags)
    if (const auto tag = parse_tag(text)) seeker.tags.insert(*tag);
  for (const auto& each : BlockList::read().latest(rendezvous::most_blocked)) seeker.blocked.insert(each);
  return seeker;
}

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
  made.is_host = match.players.front().member == to_text(own_id(identity));
  return made;
}

void tell_match(cli::Output& output, const rendezvous::Match& match, const MatchMade& made) {
  const auto known = shown(match, made);
  output.answer(output.is_json() ? report::MeshMatchEvents::matched(known) : report::MeshMatchWords::matched(known));
}

Waiting::Waiting(rendezvous::Client::Config client, Seeker seeker, Duration patience, cli::Output& output, Rng& rng)
    : client_(std::move(client), rng), seeker_(std::move(seeker)), patience_(patience), output_(output) {}

void Waiting::start(Instant now) {
  until_ = now + patience_;
  error_ = nobody_came(patience_, 1, seeker_.players);
  client_.start(now);
  hear(now);
}

void Waiting::handle_datagram(Instant now, const Datagram& in) {
  client_.handle_datagram(now, in);
  hear(now);
}

void Waiting::handle_timeout(Instant now) {
  client_.handle_timeout(now);
  hear(now);
  if (until_ && *until_ <= now) stop(now);
}

void Waiting::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  client_.handle_connected(now, socket, remote);
  hear(now);
}

void Waiting::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  client_.handle_send_failure(now, lost, why);
  hear(now);
}

void Waiting::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  client_.handle_socket_failure(now, socket, why);
  hear(now);
}

std::optional<Instant> Waiting::poll_timeout() const {
  auto due = client_.poll_timeout();
  if (until_ && (!due || *until_ < *due)) due = until_;
  return due;
}

/// Whoever is matched meanwhile would wait for this host in vain.
void Waiting::stop(Instant now) {
  if (!is_over_) client_.stop_seeking(now);
  end(now);
}

void Waiting::end(Instant now) {
  if (std::exchange(is_over_, true)) return;
  until_.reset();
  client_.leave(now);
}

void Waiting::hear(Instant now) {
  while (const auto event = client_.poll_event()) {
    if (const auto* at = std::get_if<rendezvous::RegisteredAt>(&*event)) {
      hear_registered(now, *at);
    } else if (const auto* seeking = std::get_if<rendezvous::StillSeeking>(&*event)) {
      error_ = nobody_came(patience_, seeking->waiting, seeker_.players);
      output_.progress(report::MeshMatchWords::seeking(seeking->waiting, seeker_.players));
      if (output_.is_json()) output_.answer(report::MeshMatchEvents::seeking(seeking->waiting, seeker_.players));
    } else if (const auto* found = std::get_if<rendezvous::FoundMatch>(&*event)) {
      match_ = found->match;
      end(now);
    } else if (const auto* refused = std::get_if<rendezvous::NotAnswered>(&*event)) {
      if (!is_over_) error_ = not_taken(refused->refusal);
      end(now);
    } else if (const auto* not_possible = std::get_if<rendezvous::NotPossible>(&*event)) {
      error_ = not_possible->error;
      end(now);
    } else if (const auto* lost = std::get_if<rendezvous::ServerLost>(&*event)) {
      if (!is_over_) output_.warn(to_text(lost->server) + " is lost; waiting goes on when it is back");
    }
  }
}

void Waiting::hear_registered(Instant now, const rendezvous::RegisteredAt& at) {
  seeker_.round_trip = at.round_trip;
  static_cast<void>(client_.seek(now, seeker_));
}
}  // namespace natkit
