#include "natkit/rendezvous/message.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "natkit/rendezvous/directory_json.hpp"
#include "natkit/rendezvous/json_reader.hpp"
#include "natkit/rendezvous/match_json.hpp"

namespace natkit::rendezvous {
namespace {
constexpr std::size_t longest_credential = 512;  // RFC 8489 §14.3: a name has fewer than 509 bytes

constexpr std::array<std::pair<Purpose, std::string_view>, 4> purposes{
    {{Purpose::pair, "pair"}, {Purpose::listen, "listen"}, {Purpose::connect, "connect"}, {Purpose::gather, "gather"}}};
constexpr std::array<std::pair<Role, std::string_view>, 2> roles{
    {{Role::controlling, "controlling"}, {Role::controlled, "controlled"}}};
constexpr std::array<std::pair<Outcome, std::string_view>, 2> outcomes{
    {{Outcome::connected, "connected"}, {Outcome::failed, "failed"}}};
constexpr std::array<std::pair<Finality, std::string_view>, 2> finalities{
    {{Finality::passing, "passing"}, {Finality::final, "final"}}};

constexpr std::array<std::pair<Service::Kind, std::string_view>, 3> kinds{
    {{Service::Kind::signalling, "signalling"}, {Service::Kind::stun, "stun"}, {Service::Kind::turn, "turn"}}};
constexpr std::array<std::pair<Service::Transport, std::string_view>, 3> transports{
    {{Service::Transport::udp, "udp"}, {Service::Transport::tcp, "tcp"}, {Service::Transport::tls, "tls"}}};

Service read_service(Reader& in) {
  Service out;
  std::optional<std::string> name;
  std::optional<std::string> username;
  std::optional<std::string> password;
  in.read("service", kinds, out.kind);
  in.read("transport", transports, out.transport);
  in.read("address", out.address);
  in.read("name", name);
  in.read("username", username);
  in.read("password", password);
  for (const auto* text : {&name, &username, &password})
    if (text->value_or("").size() > longest_credential) in.fail();
  out.name = std::move(name).value_or("");
  if (username && password) out.credentials = {.username = std::move(*username), .password = std::move(*password)};
  return out;
}

/// Those that are not known, or make no sense, are passed over.
void read_services(const Reader& in, std::vector<Service>& out) {
  const auto* value = in.find("services");
  if (value == nullptr || !value->is_array()) return;
  for (const auto& entry : *value) {
    if (out.size() == most_services) return;
    if (!entry.is_object()) continue;
    Reader reader{entry};
    auto service = read_service(reader);
    if (reader.is_right()) out.push_back(std::move(service));
  }
}

Json to_json(const std::vector<Service>& services) {
  auto list = Json::array();
  for (const auto& service : services) {
    Json entry{{"service", to_text(service.kind)}, {"transport", to_text(service.transport)}};
    if (service.address) entry["address"] = to_text(*service.address);
    if (!service.name.empty()) entry["name"] = service.name;
    if (service.credentials) {
      entry["username"] = service.credentials->username;
      entry["password"] = service.credentials->password;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

template <class Told>
void write_services(Json& out, const Told& told) {
  if (told.services.empty()) return;
  out["services"] = to_json(told.services);
  if (told.services_for) out["services_for_ms"] = to_ms(*told.services_for);
}

// Each message names its type, reads its keys and writes them; nothing else here knows which messages there are.
template <class T>
struct Codec;

template <>
struct Codec<Hello> {
  static constexpr std::string_view type = "hello";
  static void read(Reader& in, Hello& m) { in.read("version", m.version); }
  static void write(Json& out, const Hello& m) { out["version"] = m.version; }
};
template <>
struct Codec<Welcome> {
  static constexpr std::string_view type = "welcome";
  static void read(Reader& in, Welcome& m) {
    in.read("version", m.version);
    in.read("address", m.address);
    in.read("ping_interval_ms", m.ping_interval);
  }
  static void write(Json& out, const Welcome& m) {
    out["version"] = m.version;
    out["address"] = to_text(m.address);
    out["ping_interval_ms"] = to_ms(m.ping_interval);
  }
};
template <>
struct Codec<Register> {
  static constexpr std::string_view type = "register";
  static void read(Reader& in, Register& m) {
    in.read_short("id", m.id);
    in.read_short("token", m.token);
    in.read("heard", m.heard);
  }
  static void write(Json& out, const Register& m) {
    out["id"] = m.id;
    out["token"] = m.token;
    if (m.heard) out["heard"] = *m.heard;
  }
};
template <>
struct Codec<Registered> {
  static constexpr std::string_view type = "registered";
  static constexpr std::array<std::pair<Registered::Session, std::string_view>, 2> sessions{
      {{Registered::Session::fresh, "fresh"}, {Registered::Session::resumed, "resumed"}}};
  static void read(Reader& in, Registered& m) {
    in.read("session", sessions, m.session);
    in.read("heard", m.heard);
    read_services(in, m.services);
    in.read("services_for_ms", m.services_for);
    in.read_if_there("signer", m.signer);
  }
  static void write(Json& out, const Registered& m) {
    out["session"] = name_of(sessions, m.session);
    out["heard"] = m.heard;
    write_services(out, m);
    if (!m.signer.empty()) out["signer"] = m.signer;
  }
};
template <>
struct Codec<Renewed> {
  static constexpr std::string_view type = "services";
  static void read(Reader& in, Renewed& m) {
    read_services(in, m.services);
    in.read("services_for_ms", m.services_for);
  }
  static void write(Json& out, const Renewed& m) { write_services(out, m); }
};
template <class PingOrPong>
struct PingCodec {
  static void read(Reader& in, PingOrPong& m) {
    in.read("number", m.number);
    in.read("heard", m.heard);
  }
  static void write(Json& out, const PingOrPong& m) {
    out["number"] = m.number;
    out["heard"] = m.heard;
  }
};
template <>
struct Codec<Ping> : PingCodec<Ping> {
  static constexpr std::string_view type = "ping";
};
template <>
struct Codec<Pong> : PingCodec<Pong> {
  static constexpr std::string_view type = "pong";
};
template <>
struct Codec<Closing> {
  static constexpr std::string_view type = "closing";
  static void read(Reader&, Closing&) {}
  static void write(Json&, const Closing&) {}
};
template <>
struct Codec<Goodbye> {
  static constexpr std::string_view type = "goodbye";
  static void read(Reader& in, Goodbye& m) {
    in.read("reason", m.reason);
    in.read("detail", m.detail);
  }
  static void write(Json& out, const Goodbye& m) {
    out["reason"] = to_text(m.reason);
    out["detail"] = m.detail;
  }
};
template <>
struct Codec<Open> {
  static constexpr std::string_view type = "open";
  static void read(Reader& in, Open& m) {
    in.read("place", m.place);
    in.read("purpose", purposes, m.purpose);
    in.read_short("name", m.name);
    in.read("description", m.description);
    in.read("wait_ms", m.wait);
  }
  static void write(Json& out, const Open& m) {
    out["place"] = static_cast<std::uint32_t>(m.place);
    out["purpose"] = to_text(m.purpose);
    out["name"] = m.name;
    if (m.description) out["description"] = *m.description;
    if (m.wait) out["wait_ms"] = to_ms(*m.wait);
  }
};
template <>
struct Codec<Describe> {
  static constexpr std::string_view type = "describe";
  static void read(Reader& in, Describe& m) {
    in.read("place", m.place);
    in.read("description", m.description);
  }
  static void write(Json& out, const Describe& m) {
    out["place"] = static_cast<std::uint32_t>(m.place);
    out["description"] = m.description;
  }
};
template <>
struct Codec<Close> {
  static constexpr std::string_view type = "close";
  static void read(Reader& in, Close& m) { in.read("place", m.place); }
  static void write(Json& out, const Close& m) { out["place"] = static_cast<std::uint32_t>(m.place); }
};
template <>
struct Codec<AttemptResult> {
  static constexpr std::string_view type = "result";
  static void read(Reader& in, AttemptResult& m) {
    in.read("attempt", m.attempt);
    in.read("outcome", outcomes, m.outcome);
    std::optional<std::string> path;
    in.read("path", path);
    m.path = std::move(path).value_or("");
  }
  static void write(Json& out, const AttemptResult& m) {
    out["attempt"] = to_text(m.attempt);
    out["outcome"] = name_of(outcomes, m.outcome);
    if (!m.path.empty()) out["path"] = m.path;
  }
};
template <>
struct Codec<PeerFound> {
  static constexpr std::string_view type = "peer-found";
  static void read(Reader& in, PeerFound& m) {
    in.read("place", m.place);
    in.read("attempt", m.attempt);
    in.read("role", roles, m.role);
    in.read_short("peer", m.peer);
    in.read("peer_purpose", purposes, m.peer_purpose);
    in.read("peer_address", m.peer_address);
    in.read("description", m.description);
    in.read("start_in_ms", m.start_in);
  }
  static void write(Json& out, const PeerFound& m) {
    out["place"] = static_cast<std::uint32_t>(m.place);
    out["attempt"] = to_text(m.attempt);
    out["role"] = to_text(m.role);
    out["peer"] = m.peer;
    out["peer_purpose"] = to_text(m.peer_purpose);
    out["peer_address"] = to_text(m.peer_address);
    out["description"] = m.description;
    out["start_in_ms"] = to_ms(m.start_in);
  }
};
template <>
struct Codec<Refused> {
  static constexpr std::string_view type = "refused";
  static void read(Reader& in, Refused& m) {
    in.read("reason", m.reason);
    in.read("detail", m.detail);
    in.read("finality", finalities, m.finality);
    in.read("place", m.place);
    in.read("attempt", m.attempt);
  }
  static void write(Json& out, const Refused& m) {
    out["reason"] = to_text(m.reason);
    out["detail"] = m.detail;
    out["finality"] = name_of(finalities, m.finality);
    if (m.place) out["place"] = static_cast<std::uint32_t>(*m.place);
    if (m.attempt) out["attempt"] = to_text(*m.attempt);
  }
};
template <>
struct Codec<Candidate> {
  static constexpr std::string_view type = "candidate";
  static void read(Reader& in, Candidate& m) {
    in.read("attempt", m.attempt);
    in.read("candidate", m.text);
  }
  static void write(Json& out, const Candidate& m) {
    out["attempt"] = to_text(m.attempt);
    out["candidate"] = m.text;
  }
};
template <>
struct Codec<Restart> {
  static constexpr std::string_view type = "restart";
  static void read(Reader& in, Restart& m) {
    in.read("attempt", m.attempt);
    in.read("description", m.description);
  }
  static void write(Json& out, const Restart& m) {
    out["attempt"] = to_text(m.attempt);
    out["description"] = m.description;
  }
};
template <>
struct Codec<Bye> {
  static constexpr std::string_view type = "bye";
  static void read(Reader& in, Bye& m) {
    in.read("attempt", m.attempt);
    in.read("reason", m.reason);
  }
  static void write(Json& out, const Bye& m) {
    out["attempt"] = to_text(m.attempt);
    out["reason"] = to_text(m.reason);
  }
};

template <>
struct Codec<Publish> {
  static constexpr std::string_view type = "publish";
  static void read(Reader& in, Publish& m) {
    in.read_object("row", [&](Reader& row) { read_row(row, m.row); });
    in.read_short("token", m.token);
    if (in.find("old_host") != nullptr) in.read("old_host", host_ends, m.old_host);
  }
  static void write(Json& out, const Publish& m) {
    write_row(out["row"], m.row);
    out["token"] = m.token;
    if (m.old_host != HostEnd::not_said) out["old_host"] = name_of(host_ends, m.old_host);
  }
};
template <>
struct Codec<Withdraw> {
  static constexpr std::string_view type = "withdraw";
  static void read(Reader& in, Withdraw& m) {
    in.read_short("session", m.session);
    in.read_short("token", m.token);
    in.read("epoch", m.epoch);
  }
  static void write(Json& out, const Withdraw& m) {
    out["session"] = m.session;
    out["token"] = m.token;
    out["epoch"] = m.epoch;
  }
};
template <>
struct Codec<Find> {
  static constexpr std::string_view type = "find";
  static void read(Reader& in, Find& m) {
    in.read("question", m.question);
    read_query(in, m.query);
  }
  static void write(Json& out, const Find& m) {
    out["question"] = m.question;
    write_query(out, m.query);
  }
};
template <>
struct Codec<Published> {
  static constexpr std::string_view type = "published";
  static void read(Reader& in, Published& m) {
    in.read_short("session", m.session);
    in.read("epoch", m.epoch);
    in.read("ttl_ms", m.ttl);
    in.read_if_there("failed_to_host", m.failed_to_host);
  }
  static void write(Json& out, const Published& m) {
    out["session"] = m.session;
    out["epoch"] = m.epoch;
    out["ttl_ms"] = to_ms(m.ttl);
    if (!m.failed_to_host.empty()) out["failed_to_host"] = m.failed_to_host;
  }
};
template <>
struct Codec<Withdrawn> {
  static constexpr std::string_view type = "withdrawn";
  static void read(Reader& in, Withdrawn& m) { in.read_short("session", m.session); }
  static void write(Json& out, const Withdrawn& m) { out["session"] = m.session; }
};
template <>
struct Codec<Rows> {
  static constexpr std::string_view type = "rows";
  static void read(Reader& in, Rows& m) {
    in.read("question", m.question);
    in.read_objects("rows", [&](Reader& row) { read_entry(row, m.rows.emplace_back()); });
    in.read("next", m.next);
  }
  static void write(Json& out, const Rows& m) {
    out["question"] = m.question;
    auto& rows = out["rows"] = Json::array();
    for (const auto& entry : m.rows) write_entry(rows.emplace_back(), entry);
    if (m.next) out["next"] = *m.next;
  }
};
template <>
struct Codec<DirectoryRefused> {
  static constexpr std::string_view type = "directory-refused";
  static void read(Reader& in, DirectoryRefused& m) {
    std::string reason;
    in.read("reason", reason);
    m.reason = parse_directory_refusal(reason).value_or(DirectoryRefusal::malformed);  // a newer one
    in.read("session", m.session);
    in.read("epoch", m.epoch);
    in.read("question", m.question);
  }
  static void write(Json& out, const DirectoryRefused& m) {
    out["reason"] = to_text(m.reason);
    if (m.session) out["session"] = *m.session;
    if (m.epoch) out["epoch"] = *m.epoch;
    if (m.question) out["question"] = *m.question;
  }
};
template <>
struct Codec<WitnessText> {
  static constexpr std::string_view type = "witness";
  static void read(Reader& in, WitnessText& m) {
    in.read_short("session", m.session);
    in.read("text", m.text);
  }
  static void write(Json& out, const WitnessText& m) {
    out["session"] = m.session;
    out["text"] = m.text;
  }
};

template <>
struct Codec<Seek> {
  static constexpr std::string_view type = "seek";
  static void read(Reader& in, Seek& m) {
    in.read("question", m.question);
    read_seeker(in, m.seeker);
  }
  static void write(Json& out, const Seek& m) {
    out["question"] = m.question;
    write_seeker(out, m.seeker);
  }
};
template <>
struct Codec<Unseek> {
  static constexpr std::string_view type = "unseek";
  static void read(Reader& in, Unseek& m) { in.read("question", m.question); }
  static void write(Json& out, const Unseek& m) { out["question"] = m.question; }
};
template <>
struct Codec<Seeking> {
  static constexpr std::string_view type = "seeking";
  static void read(Reader& in, Seeking& m) {
    in.read("question", m.question);
    in.read("waiting", m.waiting);
  }
  static void write(Json& out, const Seeking& m) {
    out["question"] = m.question;
    out["waiting"] = m.waiting;
  }
};
template <>
struct Codec<Matched> {
  static constexpr std::string_view type = "matched";
  static void read(Reader& in, Matched& m) {
    in.read("question", m.question);
    read_match(in, m.match);
    if (in.find("decision") != nullptr)
      in.read_object("decision", [&](Reader& signed_match) { read_signed(signed_match, m.decision.emplace()); });
  }
  static void write(Json& out, const Matched& m) {
    out["question"] = m.question;
    write_match(out, m.match);
    if (m.decision) write_signed(out["decision"], *m.decision);
  }
};

template <>
struct Codec<ReportMember> {
  static constexpr std::string_view type = "report";
  static void read(Reader& in, ReportMember& m) {
    in.read("question", m.question);
    read_report(in, m.report);
  }
  static void write(Json& out, const ReportMember& m) {
    out["question"] = m.question;
    write_report(out, m.report);
  }
};
template <>
struct Codec<ReportTaken> {
  static constexpr std::string_view type = "report-taken";
  static void read(Reader& in, ReportTaken& m) {
    std::string standing;
    in.read("question", m.question);
    in.read("standing", standing);
    m.standing = parse_report_standing(standing).value_or(ReportStanding::one_sided);  // a newer one
  }
  static void write(Json& out, const ReportTaken& m) {
    out["question"] = m.question;
    out["standing"] = to_text(m.standing);
  }
};

template <class T>
std::expected<Message, MessageError> read_as(const Json& object) {
  T message{};
  Reader reader{object};
  Codec<T>::read(reader, message);
  if (!reader.is_right()) return std::unexpected(MessageError::malformed);
  return Message{std::move(message)};
}

template <std::size_t Index = 0>
std::expected<Message, MessageError> read_typed(std::string_view type, const Json& object) {
  if constexpr (Index == std::variant_size_v<Message>) {
    return std::unexpected(MessageError::unknown_type);
  } else {
    using T = std::variant_alternative_t<Index, Message>;
    return Codec<T>::type == type ? read_as<T>(object) : read_typed<Index + 1>(type, object);
  }
}
}  // namespace

std::string to_text(AttemptId attempt) { return fmt::format("{:016x}", static_cast<std::uint64_t>(attempt)); }
std::string_view to_text(Purpose purpose) { return name_of(purposes, purpose); }
std::string_view to_text(Service::Kind kind) { return name_of(kinds, kind); }
std::string_view to_text(Service::Transport transport) { return name_of(transports, transport); }
std::string_view to_text(Role role) { return name_of(roles, role); }

std::expected<Message, MessageError> parse_message(std::string_view line) {
  const auto object = Json::parse(line, nullptr, false);
  if (!object.is_object()) return std::unexpected(MessageError::not_json);
  const auto type = object.find("type");
  if (type == object.end() || !type->is_string()) return std::unexpected(MessageError::malformed);
  return read_typed(type->get_ref<const std::string&>(), object);
}

std::string write_message(const Message& message) {
  const auto object = std::visit(
      []<class T>(const T& known) {
        Json json{{"type", Codec<T>::type}};
        Codec<T>::write(json, known);
        return json;
      },
      message);
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}
}  // namespace natkit::rendezvous
