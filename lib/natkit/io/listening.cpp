#include "natkit/io/listening.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace natkit::io {
namespace {
// include/net/tcp_states.h: UDP shows TCP_CLOSE for a socket without a peer.
constexpr unsigned state_listen = 0x0A;
constexpr unsigned state_close = 0x07;

template <class T>
std::optional<T> parse_hex(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/// The kernel prints each 32-bit word of the address as this machine's number.
std::optional<IpAddress> parse_address(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  for (; hex.size() >= 8; hex.remove_prefix(8)) {
    const auto word = parse_hex<std::uint32_t>(hex.substr(0, 8));
    if (!word) return std::nullopt;
    const auto part = std::bit_cast<std::array<std::uint8_t, 4>>(*word);
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return IpAddress::from_bytes(bytes);
}

std::optional<Endpoint> parse_local(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto address = parse_address(text.substr(0, colon));
  const auto port = parse_hex<std::uint16_t>(text.substr(colon + 1));
  if (!address || !port) return std::nullopt;
  return Endpoint{*address, *port};
}
}  // namespace

std::vector<Endpoint> parse_socket_table(std::string_view text, Protocol protocol) {
  std::vector<Endpoint> found;
  std::istringstream lines{std::string{text}};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields{line};
    std::string slot;
    std::string local;
    std::string remote;
    std::string state;
    if (!(fields >> slot >> local >> remote >> state)) continue;
    if (parse_hex<unsigned>(state) != (protocol == Protocol::tcp ? state_listen : state_close)) continue;
    if (const auto endpoint = parse_local(local)) found.push_back(*endpoint);
  }
  return found;
}

std::optional<std::vector<Endpoint>> listening_sockets(Protocol protocol) {
  std::vector<Endpoint> found;
  bool is_known = false;
  for (const auto* suffix : {"", "6"}) {
    std::ifstream file{"/proc/net/" + std::string{to_text(protocol)} + suffix};
    if (!file) continue;
    is_known = true;
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    std::ranges::move(parse_socket_table(text, protocol), std::back_inserter(found));
  }
  if (!is_known) return std::nullopt;
  return found;
}
}  // namespace natkit::io
