#include "natkit/rendezvous/directory_http.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "natkit/rendezvous/directory_json.hpp"
#include "natkit/rendezvous/http_answers.hpp"

namespace natkit::rendezvous {
namespace {
constexpr std::string_view sessions_path = "/v1/sessions";
constexpr std::string_view members_path = "/v1/members/";
constexpr std::size_t member_digits = 64;
constexpr std::string_view master_server_path = "/testServer";
// Of one answer: some hundred rows as they usually are.
constexpr std::size_t most_answer_bytes = 262144;

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Of "Bearer TOKEN" (RFC 6750 §2.1).
std::string token_of(const HttpRequest& request) {
  constexpr std::string_view scheme = "bearer ";
  const std::string_view text = request.authorization;
  const bool is_bearer = text.size() > scheme.size() &&
                         std::ranges::equal(text.substr(0, scheme.size()), scheme, {}, [](char c) { return c | 0x20; });
  const auto token = is_bearer ? text.substr(scheme.size()) : std::string_view{};
  return token.size() <= longest_short_text ? std::string{token} : std::string{};
}

enum class Filter : std::uint8_t { taken, wrong, unknown };

/// One parameter of the question. A filter that is misspelt would otherwise show what nobody asked for.
Filter take_filter(Query& query, std::size_t& limit, const std::string& key, const std::string& value) {
  const auto choose = [](bool is_right) { return is_right ? Filter::taken : Filter::wrong; };
  if (key == "game") {
    query.game = value;
  } else if (key == "name") {
    query.name = value;
  } else if (key == "tag") {
    const auto equals = value.find('=');
    if (equals == std::string::npos || query.tags.size() == most_tags) return Filter::wrong;
    query.tags[value.substr(0, equals)] = value.substr(equals + 1);
  } else if (key == "room") {
    query.room = Query::Room::not_full;
    return choose(value == "not-full");
  } else if (key == "password") {
    query.password = Query::Password::without;
    return choose(value == "without");
  } else if (key == "doors") {
    query.doors = Doors::open;
    return choose(value == "open");
  } else if (key == "blocked") {
    if (query.blocked.size() == most_blocked) return Filter::wrong;
    query.blocked.push_back(value);
  } else if (key == "after") {
    const auto number = parse_number<std::uint64_t>(value);
    query.after = number.value_or(0);
    return choose(number.has_value());
  } else if (key == "limit") {
    const auto number = parse_number<std::size_t>(value);
    limit = std::min(limit, number.value_or(0));
    return choose(number && *number > 0);
  } else {
    return Filter::unknown;
  }
  return Filter::taken;
}
}  // namespace

DirectoryHttp::DirectoryHttp(const Limits& limits, Directory& directory, Rng& rng, Reports* reports)
    : limits_(limits),
      directory_(directory),
      reports_(reports),
      rng_(rng),
      master_server_(directory, rng),
      accounts_({.most = limits.addresses, .requests = limits.requests, .allowance = limits.answer_bytes}, rng) {}

HttpResponse DirectoryHttp::handle(Instant now, const HttpRequest& request) {
  auto& account = accounts_.of(request.from, now);
  if (account.requests.level(limits_.requests, now) < 1 || account.allowance.level(limits_.answer_bytes, now) <= 0)
    return answer_refusal(DirectoryRefusal::too_fast);
  account.requests.take(1);
  auto response = route(now, request);
  account.allowance.take(static_cast<double>(response.body.size()));
  return response;
}

HttpResponse DirectoryHttp::route(Instant now, const HttpRequest& request) {
  if (request.body.size() > limits_.body_bytes) return answer_error(413, "too-large", "the body is too long");
  const auto target = parse_http_target(request.target);
  if (!target) return answer_error(400, "malformed-request", "that is no path with parameters");
  const std::string_view path = target->path;
  if (path == master_server_path) return master_server_.handle(now, request, *target);
  if (path == sessions_path) {
    if (request.method == "GET") return list(now, *target);
    if (request.method == "POST") return write(now, request, {});
    return answer_method_not_allowed("GET, HEAD, POST");
  }
  if (path.starts_with(members_path)) {
    if (request.method == "GET") return show_member(now, std::string{path.substr(members_path.size())});
    return answer_method_not_allowed("GET, HEAD");
  }
  if (!path.starts_with(sessions_path) || path[sessions_path.size()] != '/')
    return answer_error(404, "not-found", "there is nothing here",
                        "/v1/sessions, /v1/members/ID, /testServer, /metrics and /healthz are served");
  const std::string id{path.substr(sessions_path.size() + 1)};
  if (request.method == "GET") return show(now, id);
  if (request.method == "PUT") return write(now, request, id);
  if (request.method == "DELETE") return remove(now, request, *target, id);
  return answer_method_not_allowed("GET, HEAD, PUT, DELETE");
}

HttpResponse DirectoryHttp::list(Instant now, const HttpTarget& target) {
  Query query;
  auto limit = limits_.answered_rows;
  for (const auto& [key, value] : target.parameters) {
    const auto taken = take_filter(query, limit, key, value);
    if (taken == Filter::taken) continue;
    return answer_error(
        400, "malformed-request",
        taken == Filter::unknown ? "there is no filter " + key : "the filter " + key + " is not right",
        "game, name, tag=KEY=VALUE, room=not-full, password=without, doors=open, blocked, after, limit");
  }
  auto sessions = Json::array();
  std::optional<std::uint64_t> next;
  std::size_t bytes = 0;
  do {
    query.most = limit - sessions.size();
    const auto found = directory_.find(now, query);
    for (const auto& entry : found.entries) {
      auto& row = sessions.emplace_back();
      write_entry(row, entry);
      bytes += row.dump(-1, ' ', false, Json::error_handler_t::replace).size();
    }
    next = found.next;
    query.after = next.value_or(0);
  } while (next && sessions.size() < limit && bytes < most_answer_bytes);
  Json body{{"schema", http_schema}, {"sessions", std::move(sessions)}};
  body["next"] = next ? Json(*next) : Json(nullptr);
  return answer_json(200, body);
}

/// What was said of a member. The server was not there: numbers, and no verdict.
HttpResponse DirectoryHttp::show_member(Instant now, const std::string& id) {
  const bool is_member = id.size() == member_digits && std::ranges::all_of(id, [](char c) {
                           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                         });
  if (!is_member) return answer_refusal(DirectoryRefusal::malformed);
  Json body{{"schema", http_schema}, {"member", id}, {"failed_to_host", directory_.failed_to_host(now, id)}};
  body["reports"] = nullptr;
  if (reports_ != nullptr) {
    reports_->expire(now);
    const auto reputation = reports_->reputation_of(now, id);
    body["reports"] = Json{{"agreed", reputation.agreed}, {"disputed", reputation.disputed}};
  }
  return answer_json(200, body);
}

HttpResponse DirectoryHttp::show(Instant now, const std::string& id) {
  const auto found = directory_.find(now, {.session = id});
  if (found.entries.empty()) return answer_refusal(DirectoryRefusal::not_found);
  Json body{{"schema", http_schema}};
  write_entry(body, found.entries.front());
  return answer_json(200, body);
}

/// By a POST (no id yet) or a PUT.
HttpResponse DirectoryHttp::write(Instant now, const HttpRequest& request, const std::string& id) {
  const auto object = Json::parse(request.body, nullptr, false);
  if (!object.is_object()) return answer_error(400, "malformed-request", "the body is no object of JSON");
  Row row;
  HostEnd old_host{};
  Reader reader{object};
  read_row(reader, row);
  if (reader.find("old_host") != nullptr) reader.read("old_host", host_ends, old_host);
  if (!reader.is_right() || (!id.empty() && !row.session.empty() && row.session != id))
    return answer_refusal(DirectoryRefusal::malformed);
  const bool is_post = id.empty();
  if (!is_post) row.session = id;
  if (row.session.empty()) row.session = draw_id(rng_);
  auto token = token_of(request);
  const bool makes_token = token.empty() && is_post && request.authorization.empty();
  if (makes_token) token = draw_id(rng_);
  if (token.empty()) return answer_refusal(DirectoryRefusal::wrong_token);
  const auto published = directory_.publish(now, row, token, request.from, old_host);
  if (!published) return answer_refusal(published.error());
  using How = Directory::Published::How;
  Json body{{"schema", http_schema}, {"session", row.session}, {"epoch", row.epoch}};
  body["how"] = published->how == How::created     ? "created"
                : published->how == How::refreshed ? "refreshed"
                                                   : "taken-over";
  body["ttl_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(published->ttl).count();
  body["failed_to_host"] = published->failed_to_host;
  if (makes_token) body["token"] = token;
  auto response = answer_json(published->how == How::created ? 201 : 200, body);
  if (published->how == How::created)
    response.headers.emplace_back("Location", std::string{sessions_path} + "/" + row.session);
  return response;
}

HttpResponse DirectoryHttp::remove(Instant now, const HttpRequest& request, const HttpTarget& target,
                                   const std::string& id) {
  std::optional<std::uint64_t> epoch;
  if (const auto text = target.find("epoch")) {
    epoch = parse_number<std::uint64_t>(*text);
    if (!epoch) return answer_refusal(DirectoryRefusal::malformed);
  }
  const auto done = directory_.withdraw(now, id, token_of(request), epoch);
  if (!done) return answer_refusal(done.error());
  return {.status = 204, .content_type = {}};
}
}  // namespace natkit::rendezvous
