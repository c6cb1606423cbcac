#include "natkit/rendezvous/directory_json.hpp"

#include <algorithm>

namespace natkit::rendezvous {
namespace {
// A session may be older than any wait of the protocol; this is 30 years, and no arithmetic on it can overflow.
constexpr double oldest_ms = 1e12;

void read_past(Reader& in, const char* key, Duration& out) {
  double milliseconds = 0;
  in.read_if_there(key, milliseconds);
  if (milliseconds >= 0 && milliseconds <= oldest_ms)
    out = from_ms(milliseconds);
  else
    in.fail();
}

template <class Enum, std::size_t Count>
void read_name(Reader& in, const char* key, const std::array<std::pair<Enum, std::string_view>, Count>& names,
               Enum& out) {
  if (const auto* value = in.find(key); value != nullptr && !value->is_null()) in.read(key, names, out);
}

std::int64_t whole_ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
}  // namespace

bool is_shallow(const Json& value, unsigned levels) {
  if (!value.is_structured()) return true;
  return levels > 0 && std::ranges::all_of(value, [&](const Json& inner) { return is_shallow(inner, levels - 1); });
}

void write_row(Json& out, const Row& row) {
  out["session"] = row.session;
  out["name"] = row.name;
  out["game"] = row.game;
  out["tags"] = row.tags;
  out["host"] = row.host;
  out["epoch"] = row.epoch;
  out["members"] = row.members;
  out["max"] = row.max;
  out["has_password"] = row.has_password;
  out["visibility"] = name_of(visibilities, row.visibility);
  out["doors"] = name_of(doors_names, row.doors);
  out["router_is_open"] = or_null(row.router_is_open);
  out["version"] = row.version;
  out["entry_points"] = row.entry_points;
  out["knock"] = or_null(row.knock);
  if (row.ttl) out["ttl_ms"] = whole_ms(*row.ttl);
  if (row.columns.empty()) return;
  auto columns = Json::parse(row.columns, nullptr, false);
  if (columns.is_object() && is_shallow(columns, deepest_column)) out["columns"] = std::move(columns);
}

void read_row(Reader& in, Row& row) {
  in.read_if_there("session", row.session);
  in.read_if_there("name", row.name);
  in.read_if_there("game", row.game);
  in.read_if_there("tags", row.tags);
  in.read_if_there("host", row.host);
  in.read_if_there("epoch", row.epoch);
  in.read_if_there("members", row.members);
  in.read_if_there("max", row.max);
  in.read_if_there("has_password", row.has_password);
  read_name(in, "visibility", visibilities, row.visibility);
  read_name(in, "doors", doors_names, row.doors);
  in.read("router_is_open", row.router_is_open);
  in.read_if_there("version", row.version);
  in.read_if_there("entry_points", row.entry_points);
  in.read("knock", row.knock);
  in.read("ttl_ms", row.ttl);
  const auto* columns = in.find("columns");
  if (columns == nullptr || columns->is_null()) return;
  if (columns->is_object() && is_shallow(*columns, deepest_column))
    row.columns = columns->dump(-1, ' ', false, Json::error_handler_t::replace);
  else
    in.fail();
}

void write_entry(Json& out, const Entry& entry) {
  write_row(out, entry.row);
  out["address"] = to_text(entry.address);
  out["age_ms"] = whole_ms(entry.age);
  out["refreshed_ms"] = whole_ms(entry.refreshed);
  out["failed_to_host"] = entry.failed_to_host;
}

void read_entry(Reader& in, Entry& entry) {
  read_row(in, entry.row);
  std::string text;
  in.read("address", text);
  const auto address = parse_ip_address(text);
  if (address)
    entry.address = *address;
  else
    in.fail();
  read_past(in, "age_ms", entry.age);
  read_past(in, "refreshed_ms", entry.refreshed);
  in.read_if_there("failed_to_host", entry.failed_to_host);
}

void write_query(Json& out, const Query& query) {
  const Query standard;
  if (query.session) out["session"] = *query.session;
  if (query.name) out["name"] = *query.name;
  if (query.game) out["game"] = *query.game;
  if (!query.tags.empty()) out["tags"] = query.tags;
  if (query.room != standard.room) out["room"] = name_of(room_wishes, query.room);
  if (query.password != standard.password) out["password"] = name_of(password_wishes, query.password);
  if (query.doors) out["doors"] = name_of(doors_names, *query.doors);
  if (!query.blocked.empty()) out["blocked"] = query.blocked;
  if (query.after != standard.after) out["after"] = query.after;
  if (query.most != standard.most) out["most"] = query.most;
}

void read_query(Reader& in, Query& query) {
  in.read("session", query.session);
  in.read("name", query.name);
  in.read("game", query.game);
  in.read_if_there("tags", query.tags);
  read_name(in, "room", room_wishes, query.room);
  read_name(in, "password", password_wishes, query.password);
  if (const auto* doors = in.find("doors"); doors != nullptr && !doors->is_null())
    in.read("doors", doors_names, query.doors.emplace());
  in.read_if_there("blocked", query.blocked);
  if (query.blocked.size() > most_blocked) in.fail();
  in.read_if_there("after", query.after);
  in.read_if_there("most", query.most);
}
}  // namespace natkit::rendezvous
