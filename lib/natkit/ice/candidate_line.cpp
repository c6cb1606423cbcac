#include "natkit/ice/candidate_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

namespace natkit::ice {
namespace {
constexpr std::size_t longest_foundation = 32;  // RFC 8839 §5.1

std::string_view without_line_end(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// The next word; empty at the end.
std::string_view take_word(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  const auto word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

template <class Number>
std::optional<Number> number(std::string_view text, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

bool is_ice_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/'; }

bool is_same_word(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, {}, [](char c) { return std::tolower(static_cast<unsigned char>(c)); });
}

std::optional<Kind> parse_kind(std::string_view word) {
  if (is_same_word(word, "host")) return Kind::host;
  if (is_same_word(word, "srflx")) return Kind::server_reflexive;
  if (is_same_word(word, "prflx")) return Kind::peer_reflexive;
  if (is_same_word(word, "routed")) return Kind::routed;
  if (is_same_word(word, "relay")) return Kind::relayed;
  return std::nullopt;
}

std::optional<Transport> parse_tcp_type(std::string_view word) {
  if (is_same_word(word, "active")) return Transport::tcp_active;
  if (is_same_word(word, "passive")) return Transport::tcp_passive;
  if (is_same_word(word, "so")) return Transport::tcp_so;
  return std::nullopt;
}

/// A zone ("fe80::1%eth0") means something on the sender's machine only.
std::optional<IpAddress> parse_address(std::string_view word) {
  return parse_ip_address(word.substr(0, word.find('%')));
}

bool looks_like_a_name(std::string_view word) {
  return std::ranges::any_of(word, [](char c) { return std::isalpha(static_cast<unsigned char>(c)); }) &&
         word.find(':') == std::string_view::npos;
}

/// What stands behind the kind: pairs of a name and a value.
struct Extensions {
  std::optional<IpAddress> related_address{};
  std::optional<std::uint16_t> related_port{};
  std::string_view tcp_type{};
};
std::optional<Extensions> parse_extensions(std::string_view rest) {
  Extensions found;
  for (;;) {
    const auto name = take_word(rest);
    if (name.empty()) return found;
    const auto value = take_word(rest);
    if (value.empty()) return std::nullopt;
    if (name == "raddr") found.related_address = parse_address(value);
    if (name == "rport") found.related_port = number<std::uint16_t>(value, 65535);
    if (name == "tcptype") found.tcp_type = value;
  }
}

std::expected<Transport, LineError> transport_of(std::string_view word, std::string_view tcp_type) {
  if (is_same_word(word, "udp")) return Transport::udp;
  if (!is_same_word(word, "tcp")) return std::unexpected(LineError::unknown_transport);
  if (const auto type = parse_tcp_type(tcp_type)) return *type;
  return std::unexpected(LineError::unknown_transport);
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::host:
      return "host";
    case Kind::server_reflexive:
    case Kind::mapped:
      return "srflx";
    case Kind::peer_reflexive:
      return "prflx";
    case Kind::routed:
      return "routed";
    case Kind::relayed:
      return "relay";
  }
  return "host";
}
}  // namespace

std::string_view to_text(LineError error) {
  switch (error) {
    case LineError::not_a_candidate:
      return "it is no candidate";
    case LineError::malformed:
      return "it is malformed";
    case LineError::unknown_kind:
      return "its kind is unknown here";
    case LineError::unknown_transport:
      return "its transport is unknown here";
    case LineError::host_name:
      return "its address is a name";
  }
  return "it is malformed";
}

std::expected<Candidate, LineError> parse_candidate(std::string_view line) {
  line = without_line_end(line);
  if (line.starts_with("a=")) line.remove_prefix(2);
  constexpr std::string_view start = "candidate:";
  if (!line.starts_with(start)) return std::unexpected(LineError::not_a_candidate);
  if (line.size() > longest_candidate_line) return std::unexpected(LineError::malformed);
  line.remove_prefix(start.size());

  const auto foundation = take_word(line);
  const auto component = number<unsigned>(take_word(line), 256);
  const auto transport_word = take_word(line);
  const auto priority = number<std::uint32_t>(take_word(line), 0x7fffffff);
  const auto address_word = take_word(line);
  const auto port = number<std::uint16_t>(take_word(line), 65535);
  const auto typ = take_word(line);
  const auto kind_word = take_word(line);
  const auto extensions = parse_extensions(line);
  if (foundation.empty() || foundation.size() > longest_foundation || !std::ranges::all_of(foundation, is_ice_char) ||
      !component || *component == 0 || !priority || *priority == 0 || !port || typ != "typ" || kind_word.empty() ||
      !extensions)
    return std::unexpected(LineError::malformed);

  const auto kind = parse_kind(kind_word);
  if (!kind) return std::unexpected(LineError::unknown_kind);
  const auto transport = transport_of(transport_word, extensions->tcp_type);
  if (!transport) return std::unexpected(transport.error());
  const auto address = parse_address(address_word);
  if (!address) return std::unexpected(looks_like_a_name(address_word) ? LineError::host_name : LineError::malformed);

  Candidate found{.kind = *kind,
                  .transport = *transport,
                  .component = *component,
                  .priority = *priority,
                  .foundation = std::string{foundation},
                  .endpoint = {*address, *port}};
  if (extensions->related_address) found.related = {*extensions->related_address, extensions->related_port.value_or(0)};
  return found;
}

std::string write_candidate(const Candidate& candidate) {
  auto line = fmt::format("candidate:{} {} {} {} {} {} typ {}", candidate.foundation, candidate.component,
                          candidate.transport == Transport::udp ? "udp" : "tcp", candidate.priority,
                          to_text(candidate.endpoint.address), candidate.endpoint.port, name_of(candidate.kind));
  if (candidate.related && candidate.kind != Kind::host)
    line += fmt::format(" raddr {} rport {}", to_text(candidate.related->address), candidate.related->port);
  if (candidate.transport == Transport::tcp_active) line += " tcptype active";
  if (candidate.transport == Transport::tcp_passive) line += " tcptype passive";
  if (candidate.transport == Transport::tcp_so) line += " tcptype so";
  return line;
}
}  // namespace natkit::ice
