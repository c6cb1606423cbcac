#include "natkit/report/trace_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "natkit/report/json.hpp"

namespace natkit::report {
namespace {
constexpr std::string_view schema = "natkit/nat-probe-trace/1";
/// Far beyond any run, and small enough for whoever compares every event with every other.
constexpr std::size_t most_events = 10'000;
constexpr std::size_t most_servers = 256;
/// A host has few.
constexpr std::size_t most_addresses = 64;
/// The file, a list in it, an event in that.
constexpr int most_depth = 3;
/// Sums and differences of such times cannot overflow.
constexpr Duration longest_run = std::chrono::hours{24};
constexpr std::int64_t most_u8 = std::numeric_limits<std::uint8_t>::max();
constexpr std::int64_t most_u16 = std::numeric_limits<std::uint16_t>::max();
constexpr std::int64_t most_u32 = std::numeric_limits<std::uint32_t>::max();

// Writing.

template <class T>
void put(Json& json, const char* key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}
void put(Json& json, const char* key, const std::optional<Endpoint>& value) {
  if (value) json[key] = to_text(*value);
}

Json event_json(const char* kind, Duration at) { return {{"event", kind}, {"at_ns", at.count()}}; }

Json to_event_json(const probe::Sent& sent) {
  auto json = event_json("sent", sent.at);
  json["socket"] = std::to_underlying(sent.socket);
  json["question"] = to_text(sent.question);
  json["server"] = sent.server;
  json["to"] = to_text(sent.to);
  json["id"] = to_hex(sent.id.bytes);
  if (sent.size != 0) json["size"] = sent.size;
  if (sent.hop_limit != 0) json["hop_limit"] = sent.hop_limit;
  return json;
}

Json to_event_json(const probe::Received& received) {
  auto json = event_json("received", received.at);
  json["socket"] = std::to_underlying(received.socket);
  json["from"] = to_text(received.from);
  json["local"] = to_text(received.local);
  json["id"] = to_hex(received.id.bytes);
  put(json, "mapped", received.mapped);
  put(json, "other", received.other);
  put(json, "receipt", received.receipt);
  put(json, "second_port", received.second_port);
  put(json, "error_code", received.error_code);
  put(json, "rewritten", received.rewritten);
  if (received.is_same_unmasked) json["same_unmasked"] = true;
  if (received.reach) json["reach"] = stun::to_text(*received.reach);
  if (received.page) {
    json["status"] = received.page->status;
    if (!received.page->redirect.empty()) json["redirect"] = received.page->redirect;
  }
  return json;
}

Json to_event_json(const probe::SendFailed& failed) {
  auto json = event_json("send-failed", failed.at);
  json["socket"] = std::to_underlying(failed.socket);
  json["question"] = to_text(failed.question);
  json["to"] = to_text(failed.to);
  json["why"] = failed.why;
  if (failed.id) json["id"] = to_hex(failed.id->bytes);
  return json;
}

Json to_event_json(const probe::Expired& expired) {
  auto json = event_json("expired", expired.at);
  json["socket"] = std::to_underlying(expired.socket);
  json["to"] = to_text(expired.to);
  json["router"] = to_text(expired.router);
  return json;
}

Json to_event_json(const probe::Ended& ended) { return event_json("ended", ended.at); }

Json to_port_mapping_json(const probe::PortMapping& one) {
  Json json = Json::object();
  put(json, "available", one.available);
  if (one.external) json["external"] = to_text(*one.external);
  return json;
}

Json addresses_json(const std::vector<IpAddress>& addresses) {
  Json json = Json::array();
  for (const auto& address : addresses) json.push_back(to_text(address));
  return json;
}
void put(Json& json, const char* key, const std::vector<IpAddress>& addresses) {
  if (!addresses.empty()) json[key] = addresses_json(addresses);
}

Json to_host_json(const probe::HostFacts& host) {
  Json json = Json::object();
  put(json, "temporary", host.temporary);
  put(json, "stable", host.stable);
  if (host.ipv4only) json["ipv4only"] = addresses_json(*host.ipv4only);
  put(json, "clat", host.has_clat);
  return json;
}

// Reading. std::map inside: an object with very many keys must not cost quadratic time.
using Parsed = nlohmann::json;

/// Holds the first thing found wrong; what is read after that does not matter any more.
class Fault {
 public:
  void set(std::string_view place, std::string_view what) {
    if (!text_) text_ = fmt::format("{}: {}", place, what);
  }
  [[nodiscard]] const std::optional<std::string>& text() const { return text_; }

 private:
  std::optional<std::string> text_;
};

/// The members of one JSON object, each taken once, each of the type and range asked for.
class Fields {
 public:
  Fields(const Parsed& object, std::string place, Fault& fault)
      : object_(object), place_(std::move(place)), fault_(fault) {
    if (!object_.is_object()) fault_.set(place_, "not an object");
  }

  [[nodiscard]] bool has(const char* key) const { return object_.is_object() && object_.contains(key); }
  [[nodiscard]] const std::string& place() const { return place_; }

  std::string text(const char* key) {
    const auto* value = take(key);
    if (value != nullptr && value->is_string()) return value->get<std::string>();
    return wrong<std::string>(key, "not a text");
  }

  std::int64_t integer(const char* key, std::int64_t highest) {
    const auto* value = take(key);
    // Only what stands there without a sign is stored as unsigned, so this refuses negative numbers as well.
    if (value != nullptr && value->is_number_unsigned() && std::cmp_less_equal(value->get<std::uint64_t>(), highest))
      return value->get<std::int64_t>();
    return wrong<std::int64_t>(key, fmt::format("not a whole number from 0 to {}", highest));
  }

  Endpoint endpoint(const char* key) {
    if (const auto parsed = parse_endpoint(text(key))) return *parsed;
    return wrong<Endpoint>(key, "not an address and port");
  }

  std::optional<Endpoint> optional_endpoint(const char* key) {
    return has(key) ? std::optional{endpoint(key)} : std::nullopt;
  }
  std::optional<std::uint16_t> optional_u16(const char* key) {
    return has(key) ? std::optional{static_cast<std::uint16_t>(integer(key, most_u16))} : std::nullopt;
  }

  std::optional<std::uint8_t> optional_u8(const char* key) {
    return has(key) ? std::optional{static_cast<std::uint8_t>(integer(key, most_u8))} : std::nullopt;
  }

  std::optional<bool> optional_flag(const char* key) {
    if (!has(key)) return std::nullopt;
    const auto* value = take(key);
    if (value->is_boolean()) return value->get<bool>();
    return wrong<std::optional<bool>>(key, "neither true nor false");
  }
  IpAddress address(const char* key) {
    if (const auto parsed = parse_ip_address(text(key))) return *parsed;
    return wrong<IpAddress>(key, "not an IP address");
  }
  std::optional<IpAddress> optional_address(const char* key) {
    return has(key) ? std::optional{address(key)} : std::nullopt;
  }

  /// None under this key: an empty list.
  std::vector<IpAddress> addresses(const char* key) {
    if (!has(key)) return {};
    const auto* list = take(key);
    if (!list->is_array() || list->size() > most_addresses)
      return wrong<std::vector<IpAddress>>(key, fmt::format("not a list of at most {} addresses", most_addresses));
    std::vector<IpAddress> all;
    for (const auto& item : *list) {
      const auto parsed = item.is_string() ? parse_ip_address(item.get<std::string>()) : std::nullopt;
      if (!parsed || !parsed->is_v6()) return wrong<std::vector<IpAddress>>(key, "not a list of IPv6 addresses");
      all.push_back(*parsed);
    }
    return all;
  }

  SocketId socket() { return SocketId{static_cast<std::uint32_t>(integer("socket", most_u32))}; }

  stun::TransactionId id() {
    stun::TransactionId id;
    const auto bytes = from_hex(text("id"));
    if (!bytes || bytes->size() != id.bytes.size()) return wrong<stun::TransactionId>("id", "not 24 hex digits");
    std::copy(bytes->begin(), bytes->end(), id.bytes.begin());
    return id;
  }

  probe::Question question() {
    if (const auto parsed = probe::parse_question(text("question"))) return *parsed;
    return wrong<probe::Question>("question", "not a question this version knows");
  }

  std::optional<stun::ReachState> optional_reach() {
    if (!has("reach")) return std::nullopt;
    const auto word = text("reach");
    for (auto number = std::to_underlying(stun::ReachState::under_way);
         number <= std::to_underlying(stun::ReachState::forbidden); ++number)
      if (stun::to_text(stun::ReachState{number}) == word) return stun::ReachState{number};
    return wrong<std::optional<stun::ReachState>>("reach", "not a state this version knows");
  }

  /// After all were taken: what is left is a fact that this version would silently ignore, so it is refused.
  void refuse_others() {
    if (object_.is_object() && object_.size() != taken_)
      fault_.set(place_, "has a key that this version does not know");
  }

 private:
  const Parsed* take(const char* key) {
    if (!has(key)) return nullptr;
    ++taken_;
    return &object_.at(key);
  }

  template <class T>
  T wrong(const char* key, std::string_view what) {
    fault_.set(place_, has(key) ? fmt::format("'{}' is {}", key, what) : fmt::format("'{}' is missing", key));
    return T{};
  }

  const Parsed& object_;
  std::string place_;
  Fault& fault_;
  std::size_t taken_ = 0;
};

/// Builds the trace, and holds every event against those before it.
class TraceReader {
 public:
  explicit TraceReader(Fault& fault) : fault_(fault) {}

  void read_server(Fields fields) {
    auto name = fields.text("name");
    trace_.servers.push_back({.name = std::move(name), .address = fields.endpoint("address")});
    fields.refuse_others();
  }

  void read_event(Fields fields) {
    const auto kind = fields.text("event");
    const auto at = read_time(fields);
    if (kind == "sent")
      trace_.events.emplace_back(read_sent(fields, at));
    else if (kind == "received")
      trace_.events.emplace_back(read_received(fields, at));
    else if (kind == "send-failed")
      trace_.events.emplace_back(read_send_failed(fields, at));
    else if (kind == "expired")
      trace_.events.emplace_back(read_expired(fields, at));
    else if (kind == "ended")
      trace_.events.emplace_back(probe::Ended{at});
    else
      fault_.set(fields.place(), "'event' is not one this version knows");
    fields.refuse_others();
  }

  void read_port_mapping(std::string_view method, Fields fields) {
    const probe::PortMapping one{.available = fields.optional_flag("available"),
                                 .external = fields.optional_address("external")};
    fields.refuse_others();
    if (method == "upnp")
      trace_.port_mapping.upnp = one;
    else if (method == "nat_pmp")
      trace_.port_mapping.nat_pmp = one;
    else if (method == "pcp")
      trace_.port_mapping.pcp = one;
    else
      fault_.set(fields.place(), "is not a method this version knows");
  }

  void read_host(Fields fields) {
    trace_.host = {.temporary = fields.addresses("temporary"),
                   .stable = fields.addresses("stable"),
                   .ipv4only = fields.has("ipv4only") ? std::optional{fields.addresses("ipv4only")} : std::nullopt,
                   .has_clat = fields.optional_flag("clat")};
    fields.refuse_others();
  }

  [[nodiscard]] probe::Trace take() { return std::move(trace_); }

 private:
  Duration read_time(Fields& fields) {
    const Duration at{fields.integer("at_ns", longest_run.count())};
    if (at < latest_) fault_.set(fields.place(), "'at_ns' runs backwards");
    if (!trace_.events.empty() && std::holds_alternative<probe::Ended>(trace_.events.back()))
      fault_.set(fields.place(), "comes after the end");
    return latest_ = at;
  }

  probe::Sent read_sent(Fields& fields, Duration at) {
    probe::Sent sent{.at = at,
                     .socket = fields.socket(),
                     .question = fields.question(),
                     .server = static_cast<std::uint32_t>(fields.integer("server", most_u32)),
                     .to = fields.endpoint("to"),
                     .id = fields.id(),
                     .size = fields.optional_u16("size").value_or(0),
                     .hop_limit = fields.optional_u8("hop_limit").value_or(0)};
    if (sent.server >= trace_.servers.size()) fault_.set(fields.place(), "'server' is not in the list of servers");
    requests_.emplace(sent.socket, sent.id);
    return sent;
  }

  probe::Received read_received(Fields& fields, Duration at) {
    probe::Received received{.at = at,
                             .socket = fields.socket(),
                             .from = fields.endpoint("from"),
                             .local = fields.endpoint("local"),
                             .id = fields.id(),
                             .mapped = fields.optional_endpoint("mapped"),
                             .other = fields.optional_endpoint("other"),
                             .receipt = fields.optional_endpoint("receipt"),
                             .second_port = fields.optional_u16("second_port"),
                             .error_code = fields.optional_u16("error_code"),
                             .rewritten = fields.optional_endpoint("rewritten"),
                             .is_same_unmasked = fields.optional_flag("same_unmasked").value_or(false),
                             .reach = fields.optional_reach(),
                             .page = read_page(fields)};
    if (!requests_.contains({received.socket, received.id}))
      fault_.set(fields.place(), "answers a request that this socket never sent");
    return received;
  }

  static std::optional<probe::PageHead> read_page(Fields& fields) {
    if (!fields.has("status")) return std::nullopt;
    return probe::PageHead{.status = static_cast<std::uint16_t>(fields.integer("status", most_u16)),
                           .redirect = fields.has("redirect") ? fields.text("redirect") : std::string{}};
  }

  static probe::Expired read_expired(Fields& fields, Duration at) {
    probe::Expired expired{.at = at, .socket = fields.socket(), .to = fields.endpoint("to"), .router = {}};
    expired.router = fields.address("router");
    return expired;
  }

  static probe::SendFailed read_send_failed(Fields& fields, Duration at) {
    return {.at = at,
            .socket = fields.socket(),
            .question = fields.question(),
            .to = fields.endpoint("to"),
            .why = fields.text("why"),
            .id = fields.has("id") ? std::optional{fields.id()} : std::nullopt};
  }

  Fault& fault_;
  probe::Trace trace_;
  Duration latest_{};
  std::set<std::pair<SocketId, stun::TransactionId>> requests_;
};

/// Whether the brackets outside of texts nest deeper than a trace's do: a parser would build every level first.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      if (++depth > most_depth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

/// Text to JSON; where it breaks, the fault names the line. nlohmann's own words would quote the file.
Parsed parse_json(std::string_view text, Fault& fault) {
  if (is_too_deep(text)) {
    fault.set("the file", "nests deeper than a trace does");
    return {};
  }
  try {
    return Parsed::parse(text);
  } catch (const Parsed::parse_error& error) {
    const auto before = text.substr(0, error.byte);
    fault.set(fmt::format("line {}", std::count(before.begin(), before.end(), '\n') + 1), "not JSON, or cut short");
  } catch (const Parsed::exception&) {  // a number that no type holds
    fault.set("the file", "has a value that cannot be represented");
  }
  return {};
}

/// The list under this key, or an empty one and a fault.
const Parsed& list_of(const Parsed& root, const char* key, std::size_t most, Fault& fault) {
  static const Parsed empty = Parsed::array();
  const auto found = root.find(key);
  if (found == root.end() || !found->is_array()) {
    fault.set("the file", fmt::format("has no list '{}'", key));
    return empty;
  }
  if (found->size() > most) {
    fault.set("the file", fmt::format("has more than {} {}", most, key));
    return empty;
  }
  return *found;
}

probe::Trace read_trace(const Parsed& root, Fault& fault) {
  TraceReader reader{fault};
  std::size_t index = 0;
  for (const auto& server : list_of(root, "servers", most_servers, fault))
    reader.read_server(Fields{server, fmt::format("server {}", index++), fault});
  index = 0;
  for (const auto& event : list_of(root, "events", most_events, fault)) {
    reader.read_event(Fields{event, fmt::format("event {}", index++), fault});
    if (fault.text()) break;
  }
  if (const auto found = root.find("port_mapping"); found != root.end()) {
    if (!found->is_object()) fault.set("port_mapping", "not an object");
    for (const auto& [method, one] : found->items())
      reader.read_port_mapping(method, Fields{one, "port_mapping", fault});
  }
  if (const auto found = root.find("host"); found != root.end()) reader.read_host(Fields{*found, "host", fault});
  return reader.take();
}

probe::Trace read_file(std::string_view text, Fault& fault) {
  if (text.size() > most_trace_bytes) {
    fault.set("the file", fmt::format("is larger than {} bytes", most_trace_bytes));
    return {};
  }
  const auto root = parse_json(text, fault);
  if (fault.text()) return {};
  if (!root.is_object() || root.value("schema", Parsed{}) != schema) {
    fault.set("the file", fmt::format("is no trace of nat-probe (its schema is not {})", schema));
    return {};
  }
  std::size_t keys = 3;
  for (const auto* later : {"port_mapping", "host"}) keys += root.contains(later) ? 1U : 0U;  // older traces have none
  if (root.size() != keys) fault.set("the file", "has a key that this version does not know");
  return read_trace(root, fault);
}
}  // namespace

std::string to_json(const probe::Trace& trace) {
  auto out = fmt::format("{{\"schema\":\"{}\",\n\"servers\":[", schema);
  std::string_view separator = "\n";
  const auto add = [&](const Json& json) { out += fmt::format("{}{}", std::exchange(separator, ",\n"), dump(json)); };
  for (const auto& server : trace.servers) add({{"name", server.name}, {"address", to_text(server.address)}});
  out += "],\n\"events\":[";
  separator = "\n";
  for (const auto& event : trace.events) std::visit([&](const auto& item) { add(to_event_json(item)); }, event);
  out += "]";
  if (const auto& all = trace.port_mapping; all != probe::PortMappings{})
    out += ",\n\"port_mapping\":" + dump({{"upnp", to_port_mapping_json(all.upnp)},
                                          {"nat_pmp", to_port_mapping_json(all.nat_pmp)},
                                          {"pcp", to_port_mapping_json(all.pcp)}});
  if (trace.host != probe::HostFacts{}) out += ",\n\"host\":" + dump(to_host_json(trace.host));
  return out + "}\n";
}

Result<probe::Trace> parse_trace(std::string_view text) {
  Fault fault;
  auto trace = read_file(text, fault);
  if (fault.text())
    return std::unexpected(Error{Errc::usage, "bad-trace", *fault.text(),
                                 "give a file that nat-probe --record wrote, whole and unchanged"});
  return trace;
}
}  // namespace natkit::report
