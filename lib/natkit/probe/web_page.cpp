#include "natkit/probe/web_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace natkit::probe {
namespace {
constexpr std::uint16_t http_port = 80;
constexpr std::size_t longest_host = 253;  // RFC 1035 §2.3.4, as text
constexpr std::string_view line_end = "\r\n";

bool is_letter_of_host(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == ':';
}

bool is_called(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         std::ranges::equal(line.substr(0, name.size()), name,
                            [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

/// Of "HTTP/1.1 302 Found" (RFC 9112 §4).
std::optional<std::uint16_t> status_of(std::string_view line) {
  constexpr std::string_view version = "HTTP/1.";
  constexpr std::size_t digits = 3;
  if (!line.starts_with(version) || line.size() < version.size() + 2 + digits || line[version.size() + 1] != ' ')
    return std::nullopt;
  const auto rest = line.substr(version.size() + 2);
  const auto number = rest.substr(0, digits);
  std::uint16_t status = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), status);
  if (error != std::errc{} || end != number.data() + number.size() || status < 100 || status > 599) return std::nullopt;
  return rest.size() == digits || rest[digits] == ' ' ? std::optional{status} : std::nullopt;
}
}  // namespace

Endpoint nobodys_page(Family family) {
  constexpr std::uint32_t of_ipv4 = 0xC0000201;  // 192.0.2.1
  constexpr std::array<std::uint8_t, 16> of_ipv6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  if (family == Family::ipv4) return {IpAddress::v4(of_ipv4), http_port};
  return {IpAddress::v6(of_ipv6), http_port};
}

Bytes write_page_request(const Endpoint& to, const stun::TransactionId& id) {
  const auto host = to.address.is_v4() ? to_text(to.address) : fmt::format("[{}]", to_text(to.address));
  const auto text = fmt::format("GET /{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: nat-probe\r\nConnection: close\r\n\r\n",
                                to_hex(id.bytes), host);
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

void PageReader::append(ByteView bytes) {
  const auto text = as_text(bytes);
  text_ += text.substr(0, most_bytes - text_.size());
}

std::optional<PageHead> PageReader::head() const {
  const auto end = text_.find("\r\n\r\n");
  if (end == std::string::npos && text_.size() < most_bytes) return std::nullopt;
  auto rest = std::string_view{text_}.substr(0, end);
  PageHead head;
  for (bool is_first = true; !rest.empty(); is_first = false) {
    const auto line = rest.substr(0, rest.find(line_end));
    rest.remove_prefix(std::min(rest.size(), line.size() + line_end.size()));
    if (is_first) {
      const auto status = status_of(line);
      if (!status) return std::nullopt;
      head.status = *status;
    } else if (constexpr std::string_view location = "location"; is_called(line, location)) {
      head.redirect = host_of_url(trimmed(line.substr(location.size() + 1)));
    }
  }
  return head.status == 0 ? std::nullopt : std::optional{head};
}

std::string_view host_of_url(std::string_view url) {
  const auto start = url.find("//");
  // What stands before is a scheme, else the slashes are part of a path.
  if (start == std::string_view::npos || url.substr(0, start).find('/') != std::string_view::npos) return {};
  auto host = url.substr(start + 2);
  host = host.substr(0, host.find_first_of("/?#"));
  if (const auto user = host.rfind('@'); user != std::string_view::npos) host.remove_prefix(user + 1);
  if (host.starts_with('['))
    host = host.substr(1, host.find(']') - 1);  // an IPv6 address
  else
    host = host.substr(0, host.find(':'));
  if (host.size() > longest_host || !std::ranges::all_of(host, is_letter_of_host)) return {};
  return host;
}
}  // namespace natkit::probe
