#include "natkit/rendezvous/master_server_form.hpp"

#include <algorithm>
#include <charconv>

#include "natkit/rendezvous/directory_json.hpp"
#include "natkit/rendezvous/household.hpp"
#include "natkit/rendezvous/http_answers.hpp"

namespace natkit::rendezvous {
namespace {
constexpr std::string_view methods = "GET, HEAD, POST, PUT, DELETE";
constexpr std::chrono::seconds default_timeout{60};
// Its clients keep a row's number in an int.
constexpr std::uint64_t row_ids = 1U << 31U;
constexpr std::size_t longest_number = 10;
// Pages of one answer: the same bytes as of a list of sessions.
constexpr int most_pages = 10;
constexpr std::size_t longest_name = 128;

bool is_control(std::string_view column) { return column.starts_with("__"); }

/// A column as text, whatever way its writer put it.
std::optional<std::string> text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  if (found->is_number_integer() || found->is_boolean()) return found->dump();
  return std::nullopt;
}

std::optional<std::chrono::seconds> seconds_of(std::string_view text) {
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds{number};
}

/// Nothing where a new row is wished for: none, 0, or less.
std::optional<std::string> row_id_of(std::optional<std::string> text) {
  if (!text || text->empty() || *text == "0" || text->starts_with('-')) return std::nullopt;
  return text;
}

/// Numbers of ours as numbers, other people's ids as they are.
Json row_id_to_json(const std::string& id) {
  const bool is_number = !id.empty() && id.size() <= longest_number && id.front() != '0' &&
                         std::ranges::all_of(id, [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number) return id;
  std::uint64_t number = 0;
  std::from_chars(id.data(), id.data() + id.size(), number);
  return number;
}

std::optional<bool> openness_of(const Json& columns) {
  const auto text = text_of(columns, "routerIsOpen").value_or("");
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return std::nullopt;
}

std::string name_in(const Json& columns) {
  for (const auto* key : {"name", "gameName"})
    if (const auto text = text_of(columns, key); text && text->size() <= longest_name && is_showable(*text))
      return *text;
  return {};
}

Json columns_of(const Row& row) {
  if (!row.columns.empty()) return Json::parse(row.columns, nullptr, false);
  Json columns{{"name", row.name}, {"members", row.members}, {"max", row.max}, {"host", row.host}};
  columns["version"] = row.version;
  if (row.router_is_open) columns["routerIsOpen"] = *row.router_is_open;
  for (const auto& [key, value] : row.tags)
    if (!is_control(key) && !columns.contains(key)) columns[key] = value;
  return columns;
}

Json to_json(const Entry& entry, const std::string& excluded) {
  const auto is_wished = [&](std::string_view column) {
    return ("," + excluded + ",").find("," + std::string{column} + ",") == std::string::npos;
  };
  Json row{{"__gameId", entry.row.game}, {"__rowId", row_id_to_json(entry.row.session)}};
  row["__addr"] = to_text(entry.address);
  const auto ttl = entry.row.ttl.value_or(default_timeout);
  row["__timeoutSec"] = std::chrono::duration_cast<std::chrono::seconds>(ttl).count();
  const auto columns = columns_of(entry.row);
  if (columns.is_object())
    for (const auto& [key, value] : columns.items()) row[key] = value;
  Json shown = Json::object();
  for (const auto& [key, value] : row.items())
    if (is_wished(key)) shown[key] = value;
  return shown;
}

/// The body, or nothing where it is no object.
Json parse_body(const std::string& body) {
  auto object = Json::parse(body, nullptr, false);
  if (!object.is_object()) object = Json::parse(with_double_quotes(body), nullptr, false);
  return object.is_object() ? object : Json(nullptr);
}
}  // namespace

std::string with_double_quotes(std::string_view text) {
  std::string out;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      out += '"';
    } else if (quote != 0 && c == '\\' && i + 1 < text.size()) {
      ++i;
      if (text[i] != '\'') out += c;
      out += text[i];
    } else if (c == quote) {
      quote = 0;
      out += '"';
    } else if (quote == '\'' && c == '"') {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

MasterServerForm::MasterServerForm(Directory& directory, Rng& rng)
    : directory_(directory), rng_(rng), secret_(draw_id(rng)) {}

/// Who may overwrite the row. What stands for an address is made with a secret: it could be brought as a token
/// otherwise.
std::string MasterServerForm::token_for(const std::optional<std::string>& password, const IpAddress& from) const {
  if (password && !password->empty()) return "password " + *password;
  return secret_ + to_text(household_of(from));
}

HttpResponse MasterServerForm::handle(Instant now, const HttpRequest& request, const HttpTarget& target) {
  if (request.method == "GET") return list(now, target);
  if (request.method == "POST" || request.method == "PUT") return upload(now, request);
  if (request.method == "DELETE") return remove(now, request, target);
  return answer_method_not_allowed(methods);
}

HttpResponse MasterServerForm::list(Instant now, const HttpTarget& target) {
  const auto game = target.find("__gameId");
  if (!game || game->empty()) return answer_error(400, "malformed-request", "__gameId is missing");
  const auto excluded = target.find("__excludeCols").value_or("");
  auto rows = Json::array();
  Query query{.game = game};
  for (int page = 0; page < most_pages; ++page) {
    const auto found = directory_.find(now, query);
    for (const auto& entry : found.entries) rows.push_back(to_json(entry, excluded));
    if (!found.next) break;
    query.after = *found.next;
  }
  return answer_json(200, Json{{"GET", std::move(rows)}});
}

std::string MasterServerForm::draw_row_id(Instant now) {
  for (;;) {
    auto id = std::to_string(1 + rng_.below(row_ids - 1));
    if (directory_.find(now, {.session = id}).entries.empty()) return id;
  }
}

HttpResponse MasterServerForm::upload(Instant now, const HttpRequest& request) {
  const auto object = parse_body(request.body);
  if (!object.is_object()) return answer_error(400, "malformed-request", "the body is no object of JSON");
  const auto game = text_of(object, "__gameId").value_or("");
  if (game.empty()) return answer_error(400, "malformed-request", "__gameId is missing");
  if (!is_shallow(object, deepest_column)) return answer_refusal(DirectoryRefusal::malformed);
  Json columns = Json::object();
  for (const auto& [key, value] : object.items())
    if (!is_control(key)) columns[key] = value;
  Row row{.name = name_in(columns), .game = game, .router_is_open = openness_of(columns)};
  row.columns = columns.dump(-1, ' ', false, Json::error_handler_t::replace);
  row.ttl = std::clamp<Duration>(seconds_of(text_of(object, "__timeoutSec").value_or("")).value_or(default_timeout),
                                 directory_.shortest_ttl(), directory_.longest_ttl());
  const auto wished = row_id_of(text_of(object, "__rowId"));
  row.session = wished ? *wished : draw_row_id(now);
  const auto published =
      directory_.publish(now, row, token_for(text_of(object, "__rowPW"), request.from), request.from);
  if (!published) return answer_refusal(published.error());
  Json echo = Json::object();
  if (const auto asked = object.find("__clientReqId"); asked != object.end()) echo["__clientReqId"] = *asked;
  echo["__rowId"] = row_id_to_json(row.session);
  echo["__gameId"] = game;
  return answer_json(200, Json{{"POST", std::move(echo)}});
}

HttpResponse MasterServerForm::remove(Instant now, const HttpRequest& request, const HttpTarget& target) {
  const auto object = parse_body(request.body);
  const auto find = [&](const char* key) {
    auto text = object.is_object() ? text_of(object, key) : std::nullopt;
    return text ? text : target.find(key);
  };
  const auto id = row_id_of(find("__rowId"));
  if (!id) return answer_error(400, "malformed-request", "__rowId is missing");
  const auto done = directory_.withdraw(now, *id, token_for(find("__rowPW"), request.from));
  if (!done) return answer_refusal(done.error());
  return answer_json(200, Json{{"DELETE", Json{{"__rowId", row_id_to_json(*id)}}}});
}
}  // namespace natkit::rendezvous
