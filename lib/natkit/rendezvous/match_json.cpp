#include "natkit/rendezvous/match_json.hpp"

#include <algorithm>

#include "natkit/rendezvous/directory.hpp"

namespace natkit::rendezvous {
namespace {
constexpr std::array<std::pair<Reach, std::string_view>, 4> reaches{
    {{Reach::unknown, "unknown"}, {Reach::hard, "hard"}, {Reach::easy, "easy"}, {Reach::open, "open"}}};
constexpr std::array<std::pair<Seeker::Families, std::string_view>, 3> families{
    {{Seeker::Families::ipv4, "ipv4"}, {Seeker::Families::ipv6, "ipv6"}, {Seeker::Families::both, "both"}}};

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
void read_bytes(Reader& in, const char* key, Bytes& out) {
  std::string digits;
  in.read(key, digits);
  auto bytes = from_hex(digits);
  if (!bytes) return in.fail();
  out = std::move(*bytes);
}
Json ms_or_null(const std::optional<Duration>& value) { return value ? Json(to_ms(*value)) : Json(nullptr); }

void write_player(Json& out, const Player& player) {
  out["member"] = player.member;
  out["reach"] = to_text(player.fitness.reach);
  out["reached"] = or_null(player.fitness.reached);
  out["rtt_ms"] = ms_or_null(player.fitness.mean_rtt);
  out["failed_to_host"] = or_null(player.fitness.failures);
  out["strain"] = or_null(player.fitness.strain);
  out["score"] = player.score;
}

void read_player(Reader& in, Player& player) {
  in.read_short("member", player.member);
  if (in.find("reach") != nullptr) in.read("reach", reaches, player.fitness.reach);
  in.read("reached", player.fitness.reached);
  in.read("rtt_ms", player.fitness.mean_rtt);
  in.read("failed_to_host", player.fitness.failures);
  in.read("strain", player.fitness.strain);
  in.read_if_there("score", player.score);
}
}  // namespace

void write_seeker(Json& out, const Seeker& seeker) {
  out["member"] = seeker.member;
  out["players"] = seeker.players;
  if (!seeker.game.empty()) out["game"] = seeker.game;
  if (!seeker.tags.empty()) out["tags"] = seeker.tags;
  out["families"] = name_of(families, seeker.families);
  out["reach"] = to_text(seeker.reach);
  if (seeker.round_trip) out["rtt_ms"] = to_ms(*seeker.round_trip);
  for (const auto& [member, round_trip] : seeker.round_trips) out["rtts_ms"][member] = to_ms(round_trip);
  if (!seeker.blocked.empty()) out["blocked"] = seeker.blocked;
  if (seeker.strain) out["strain"] = *seeker.strain;
  if (seeker.longest_trip) out["max_rtt_ms"] = to_ms(*seeker.longest_trip);
  if (seeker.most_strain) out["max_strain"] = *seeker.most_strain;
}

void read_seeker(Reader& in, Seeker& seeker) {
  in.read_short("member", seeker.member);
  in.read("players", seeker.players);
  in.read_if_there("game", seeker.game);
  in.read_if_there("tags", seeker.tags);
  if (in.find("families") != nullptr) in.read("families", families, seeker.families);
  if (in.find("reach") != nullptr) in.read("reach", reaches, seeker.reach);
  in.read("rtt_ms", seeker.round_trip);
  in.read_if_there("rtts_ms", seeker.round_trips);
  std::vector<std::string> blocked;
  in.read_if_there("blocked", blocked);
  seeker.blocked = {blocked.begin(), blocked.end()};
  in.read("strain", seeker.strain);
  in.read("max_rtt_ms", seeker.longest_trip);
  in.read("max_strain", seeker.most_strain);
}

void write_match(Json& out, const Match& match) {
  out["session"] = match.session;
  out["game"] = match.game;
  if (!match.tags.empty()) out["tags"] = match.tags;
  auto& players = out["players"] = Json::array();
  for (const auto& player : match.players) write_player(players.emplace_back(), player);
}

void read_match(Reader& in, Match& match) {
  in.read_short("session", match.session);
  in.read_if_there("game", match.game);
  in.read_if_there("tags", match.tags);
  in.read_objects("players", [&](Reader& player) { read_player(player, match.players.emplace_back()); });
  if (match.players.size() < 2 || match.players.size() > most_players) in.fail();
}

void write_signed(Json& out, const SignedMatch& match) {
  out["text"] = match.text;
  out["certificate"] = to_hex(match.certificate);
  out["signature"] = to_hex(match.signature);
}

void read_signed(Reader& in, SignedMatch& match) {
  in.read("text", match.text);
  read_bytes(in, "certificate", match.certificate);
  read_bytes(in, "signature", match.signature);
}

void write_report(Json& out, const Report& report) {
  out["session"] = report.session;
  out["epoch"] = report.epoch;
  out["member"] = report.member;
  out["reason"] = to_text(report.reason);
  if (!report.text.empty()) out["text"] = report.text;
  if (report.evidence) out["evidence"] = to_hex(*report.evidence);
  out["certificate"] = to_hex(report.certificate);
  out["signature"] = to_hex(report.signature);
}

void read_report(Reader& in, Report& report) {
  std::string reason;
  in.read_short("session", report.session);
  in.read("epoch", report.epoch);
  in.read_short("member", report.member);
  in.read_short("reason", reason);
  in.read_if_there("text", report.text);
  if (in.find("evidence") != nullptr) {
    Bytes evidence;
    read_bytes(in, "evidence", evidence);
    if (evidence.size() != report.evidence.emplace().size()) return in.fail();
    std::ranges::copy(evidence, report.evidence->begin());
  }
  read_bytes(in, "certificate", report.certificate);
  read_bytes(in, "signature", report.signature);
  const auto known = parse_report_reason(reason);
  if (!known) return in.fail();
  report.reason = *known;
}
}  // namespace natkit::rendezvous
