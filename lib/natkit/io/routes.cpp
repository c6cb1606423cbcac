#include "natkit/io/routes.hpp"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "natkit/io/native_socket.hpp"

// /proc/net/route and /proc/net/ipv6_route are readable by everybody and tell of the network namespace of the reader,
// which is more than can be said of /sys.
namespace natkit::io {
namespace {
using portmap::Route;

struct Way {
  std::string interface;
  IpAddress router{};
  std::uint32_t metric = 0;
};

template <class T>
std::optional<T> parse_hex(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr std::uint32_t is_up = 1;          // RTF_UP
constexpr std::uint32_t is_reject = 0x200;  // RTF_REJECT

/// "eth0 00000000 0102A8C0 0003 0 0 100 00000000 …": addresses as the processor keeps them, the rest in hex or decimal.
std::optional<Way> parse_v4(const std::string& line) {
  std::istringstream words{line};
  std::string interface, destination, gateway, flags, uses, references, mask;
  std::uint32_t metric = 0;
  if (!(words >> interface >> destination >> gateway >> flags >> uses >> references >> metric >> mask))
    return std::nullopt;
  const auto router = parse_hex<std::uint32_t>(gateway);
  const auto bits = parse_hex<std::uint32_t>(flags);
  if (destination != "00000000" || mask != "00000000" || !router || !bits) return std::nullopt;
  if ((*bits & is_up) == 0 || (*bits & is_reject) != 0) return std::nullopt;
  const auto in_order = std::endian::native == std::endian::little ? __builtin_bswap32(*router) : *router;
  return Way{interface, IpAddress::v4(in_order), metric};
}

/// "destination length source length next-hop metric references uses flags interface", all in hex.
std::optional<Way> parse_v6(const std::string& line) {
  std::istringstream words{line};
  std::string destination, length, source, source_length, next, metric, references, uses, flags, interface;
  if (!(words >> destination >> length >> source >> source_length >> next >> metric >> references >> uses >> flags >>
        interface))
    return std::nullopt;
  const auto router = from_hex(next);
  const auto cost = parse_hex<std::uint32_t>(metric);
  const auto bits = parse_hex<std::uint32_t>(flags);
  if (length != "00" || !router || !cost || !bits || interface == "lo") return std::nullopt;
  if ((*bits & is_up) == 0 || (*bits & is_reject) != 0) return std::nullopt;
  const auto address = IpAddress::from_bytes(*router);
  if (!address) return std::nullopt;
  return Way{interface, *address, *cost};
}

template <class Parse>
std::vector<Way> read_ways(const char* path, Parse parse) {
  std::ifstream file{path};
  std::vector<Way> ways;
  for (std::string line; ways.size() < 16 && std::getline(file, line);)
    if (auto way = parse(line)) {
      const auto place = std::ranges::upper_bound(ways, way->metric, {}, &Way::metric);
      ways.insert(place, std::move(*way));
    }
  return ways;
}

/// What the system would send from: asked by connecting a UDP socket, which sends nothing.
std::optional<IpAddress> source_towards(const Way& way) {
  const bool is_v4 = way.router.is_v4();
  // Towards a link-local router the source would be link-local as well; what matters is how we look from outside.
  const auto outside = is_v4 ? IpAddress::v4(0xC0000201)  // 192.0.2.1 and 2001:db8::1, documentation (RFC 5737, 3849)
                             : IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  const auto socket = open_udp({.local = {IpAddress::any(way.router.family()), 0}, .interface = way.interface});
  if (!socket) return std::nullopt;
  const auto target = is_v4 && !way.router.is_unspecified() ? way.router : outside;
  if (!connect_udp(socket->number(), {target, 9})) return std::nullopt;
  const auto local = local_endpoint(socket->number());
  if (!local || local->address.is_unspecified()) return std::nullopt;
  return local->address;
}

Route::Kind kind_of(const std::string& interface) {
  const Descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq request{};
  interface.copy(static_cast<char*>(request.ifr_name), IFNAMSIZ - 1);
  if (::ioctl(socket.number(), SIOCGIFHWADDR, &request) != 0) return Route::Kind::unknown;
  switch (request.ifr_hwaddr.sa_family) {
    case ARPHRD_ETHER:
    case ARPHRD_IEEE80211:
    case ARPHRD_IEEE80211_RADIOTAP:
      return Route::Kind::link;
    case ARPHRD_NONE:  // tun, WireGuard
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
      return Route::Kind::tunnel;
    default:
      return Route::Kind::unknown;
  }
}
}  // namespace

std::vector<Route> default_routes() {
  std::vector<Route> routes;
  auto ways = read_ways("/proc/net/route", parse_v4);
  for (auto& way : read_ways("/proc/net/ipv6_route", parse_v6)) ways.push_back(std::move(way));
  for (const auto& way : ways) {
    const auto local = source_towards(way);
    if (!local) continue;
    routes.push_back({*local, way.router, way.interface, kind_of(way.interface)});
  }
  return routes;
}
}  // namespace natkit::io
