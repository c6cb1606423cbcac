#include "listing.hpp"

#include <optional>
#include <string>
#include <vector>

#include "block_list.hpp"
#include "list_cache.hpp"
#include "natkit/crypto/secure_rng.hpp"
#include "natkit/report/mesh_events.hpp"
#include "natkit/report/mesh_list.hpp"
#include "server_talk.hpp"
#include "servers.hpp"

namespace natkit {
namespace {
constexpr std::size_t id_bytes = 16;

struct Listing {
  rendezvous::Query query;
  /// None: the directory did not answer, and `error` says why.
  std::optional<std::vector<report::MeshRow>> rows{};
  Error error{Errc::nobody_there, "directory-not-reached", "the directory did not answer", "is the server running?"};

  void begin(Instant now, rendezvous::Client& client) const { static_cast<void>(client.find(now, query)); }
  void fail(const Error& why) { error = why; }
  void give_up(Instant, rendezvous::Client&) {}
  Talk hear(Instant, rendezvous::Client&, const rendezvous::ClientEvent& event) {
    if (const auto* found = std::get_if<rendezvous::FoundRows>(&event)) {
      rows.emplace();
      for (const auto& entry : found->rows) take(entry);
    } else if (const auto* silent = std::get_if<rendezvous::NotAnswered>(&event)) {
      error.detail = "the server has no answer: " + std::string{rendezvous::to_text(silent->refusal)};
    } else {
      return Talk::goes_on;
    }
    return Talk::is_over;
  }
  void take(const rendezvous::Entry& entry) {
    const auto& row = entry.row;
    rows->push_back({.session = row.session,
                     .name = row.name,
                     .game = row.game,
                     .host = row.host,
                     .address = to_text(entry.address),
                     .members = row.members,
                     .most = row.max,
                     .has_password = row.has_password,
                     .router_is_open = row.router_is_open,
                     .age = entry.age,
                     .tags = {row.tags.begin(), row.tags.end()}});
  }
};

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

/// Who asks is nobody in particular.
std::string drawn_id() {
  crypto::SecureRng rng;
  Bytes bytes(id_bytes);
  rng.fill(bytes);
  return "list-" + to_hex(bytes);
}
}  // namespace

cli::Exit list(cli::Output& output, const Options& o) {
  const auto servers = find_servers(o);
  if (!servers) return output.fail(servers.error());
  rendezvous::Query query;
  if (!o.game.empty()) query.game = o.game;
  for (const auto& text : o.tags)
    if (const auto tag = parse_tag(text)) query.tags.insert(*tag);
  query.blocked = BlockList::read().latest(rendezvous::most_blocked);
  const ListCache cache{question_of(o)};
  Listing listing{.query = std::move(query)};
  if (const auto exit =
          talk_about(listing, {.servers = *servers, .id = drawn_id(), .patience = o.timeout}, o.timeout, output))
    return *exit;
  if (!listing.rows) return tell_stale(output, cache, listing.error);
  const auto json = report::MeshEvents::list(*listing.rows);
  const auto words = report::MeshWords::list(*listing.rows);
  cache.keep(json, words);
  output.answer(output.is_json() ? json : words);
  return cli::Exit::ok;
}
}  // namespace natkit
