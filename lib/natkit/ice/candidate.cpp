#include "natkit/ice/candidate.hpp"

#include <algorithm>
#include <array>

#include "natkit/crypto/crc32.hpp"

namespace natkit::ice {
namespace {
std::uint32_t type_preference(Kind kind) {
  switch (kind) {
    case Kind::host:
      return 126;
    case Kind::peer_reflexive:
      return 110;
    case Kind::server_reflexive:
    case Kind::mapped:
      return 100;
    case Kind::routed:
      return 40;
    case Kind::relayed:
      return 0;
  }
  return 0;
}
}  // namespace

std::uint32_t priority(Kind kind, Transport transport, std::uint16_t local_preference, unsigned component) {
  const auto type = type_preference(kind) / (transport == Transport::udp ? 1 : 2);
  return (type << 24U) + (std::uint32_t{local_preference} << 8U) + (256 - std::clamp(component, 1U, 256U));
}

std::uint16_t directed_preference(Kind kind, Transport transport, std::uint16_t preference) {
  const bool is_own = kind == Kind::host || kind == Kind::relayed;
  unsigned direction = 0;
  switch (transport) {
    case Transport::udp:
      return preference;
    case Transport::tcp_active:
      direction = is_own ? 6 : 4;
      break;
    case Transport::tcp_passive:
      direction = is_own ? 4 : 2;
      break;
    case Transport::tcp_so:
      direction = is_own ? 2 : 6;
      break;
  }
  constexpr unsigned other_bits = 13;
  constexpr unsigned others = (1U << other_bits) - 1;
  return static_cast<std::uint16_t>((direction << other_bits) | (preference & others));
}

std::uint16_t local_preference(std::uint32_t priority) { return static_cast<std::uint16_t>(priority >> 8U); }

std::uint64_t pair_priority(std::uint32_t controlling, std::uint32_t controlled) {
  const std::uint64_t least = std::min(controlling, controlled);
  const std::uint64_t most = std::max(controlling, controlled);
  return (least << 32U) + 2 * most + (controlling > controlled ? 1 : 0);
}

std::string foundation(Kind kind, Transport transport, const IpAddress& base, const std::optional<IpAddress>& server) {
  const std::array<std::uint8_t, 2> sort{static_cast<std::uint8_t>(kind), static_cast<std::uint8_t>(transport)};
  const auto sum = crypto::crc32({sort, base.bytes(), server ? server->bytes() : ByteView{}});
  const std::array<std::uint8_t, 4> bytes{static_cast<std::uint8_t>(sum >> 24U), static_cast<std::uint8_t>(sum >> 16U),
                                          static_cast<std::uint8_t>(sum >> 8U), static_cast<std::uint8_t>(sum)};
  return to_hex(bytes);
}

Candidate make_candidate(Kind kind, Transport transport, const Endpoint& endpoint, const Origin& origin) {
  Candidate made{.kind = kind,
                 .transport = transport,
                 .priority = priority(kind, transport, directed_preference(kind, transport, origin.local_preference)),
                 .foundation = foundation(kind, transport, origin.base.address, origin.server),
                 .endpoint = endpoint};
  if (kind != Kind::host && kind != Kind::routed) made.related = origin.base;
  return made;
}

bool can_pair(Transport local, Transport remote) {
  switch (local) {
    case Transport::udp:
      return remote == Transport::udp;
    case Transport::tcp_active:
      return remote == Transport::tcp_passive;
    case Transport::tcp_passive:
      return remote == Transport::tcp_active;
    case Transport::tcp_so:
      return remote == Transport::tcp_so;
  }
  return false;
}

std::string_view to_text(Kind kind) {
  switch (kind) {
    case Kind::host:
      return "host";
    case Kind::server_reflexive:
      return "server-reflexive";
    case Kind::mapped:
      return "mapped";
    case Kind::peer_reflexive:
      return "peer-reflexive";
    case Kind::routed:
      return "routed";
    case Kind::relayed:
      return "relayed";
  }
  return "unknown";
}

std::string_view to_text(Transport transport) {
  switch (transport) {
    case Transport::udp:
      return "udp";
    case Transport::tcp_active:
      return "tcp-active";
    case Transport::tcp_passive:
      return "tcp-passive";
    case Transport::tcp_so:
      return "tcp-so";
  }
  return "unknown";
}
}  // namespace natkit::ice
