#include "natkit/portmap/ssdp.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace natkit::portmap::ssdp {
namespace {
char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

bool is_same_name(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Takes the first line off; without its end.
std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view find_header(std::string_view headers, std::string_view name) {
  while (!headers.empty()) {
    const auto line = take_line(headers);
    if (line.empty()) break;
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && is_same_name(trimmed(line.substr(0, colon)), name))
      return trimmed(line.substr(colon + 1));
  }
  return {};
}

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_ok_status(std::string_view line) {
  return line.starts_with("HTTP/1.") && line.size() >= 12 && line.substr(8, 4) == " 200";
}

std::expected<Message::Kind, ParseError> kind_of(std::string_view first_line, std::string_view headers) {
  if (is_ok_status(first_line)) return Message::Kind::answer;
  if (first_line.starts_with("M-SEARCH ")) return std::unexpected(ParseError::not_for_us);
  if (!first_line.starts_with("NOTIFY ")) return std::unexpected(ParseError::not_ssdp);
  const auto what = find_header(headers, "NTS");
  if (is_same_name(what, "ssdp:alive")) return Message::Kind::alive;
  if (is_same_name(what, "ssdp:byebye")) return Message::Kind::byebye;
  return std::unexpected(ParseError::not_for_us);
}
}  // namespace

Endpoint group(Family family) {
  if (family == Family::ipv4) return {IpAddress::v4(0xEFFFFFFA), port};
  return {IpAddress::v6({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0c}), port};
}

Bytes write_search(std::string_view target, const Endpoint& destination) {
  // MX 1: the least that the standard allows; gateways answer at once or after a time of their own.
  const auto text =
      fmt::format("M-SEARCH * HTTP/1.1\r\nHOST: {}\r\nMAN: \"ssdp:discover\"\r\n{}ST: {}\r\n\r\n",
                  natkit::to_text(destination), destination.address.is_multicast() ? "MX: 1\r\n" : "", target);
  return {text.begin(), text.end()};
}

std::expected<Message, ParseError> parse_message(ByteView datagram) {
  if (datagram.size() > longest_message) return std::unexpected(ParseError::too_long);
  auto headers = as_text(datagram);
  const auto first_line = take_line(headers);
  const auto kind = kind_of(first_line, headers);
  if (!kind) return std::unexpected(kind.error());
  const auto value = [&](std::string_view name) { return std::string{find_header(headers, name)}; };
  Message message{.kind = *kind,
                  .target = value(*kind == Message::Kind::answer ? "ST" : "NT"),
                  .name = value("USN"),
                  .location = value("LOCATION"),
                  .server = value("SERVER"),
                  .boot_id = parse_number(find_header(headers, "BOOTID.UPNP.ORG"))};
  if (message.location.empty() && message.kind != Message::Kind::byebye)
    return std::unexpected(ParseError::no_location);
  return message;
}

std::string_view device_of(std::string_view name) {
  constexpr std::size_t longest = 64;  // "uuid:" and 36 characters by the book; some write more
  const auto udn = name.substr(0, name.find("::"));
  return udn.starts_with("uuid:") && udn.size() <= longest ? udn : std::string_view{};
}
}  // namespace natkit::portmap::ssdp
