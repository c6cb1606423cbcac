#include "natkit/io/native_socket.hpp"

#include <linux/errqueue.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace natkit::io {
namespace {
constexpr std::size_t batch_size = ReceiveBatch::capacity;
constexpr std::size_t largest_datagram = 65535;  // RFC 768: the length field has 16 bits
constexpr int server_receive_buffer = 4 << 20;   // bytes; the system cuts it to net.core.rmem_max
constexpr std::uint8_t default_hop_limit = 64;   // RFC 1700, and what Linux uses
// Room for the packet info of either family and a hop limit.
constexpr std::size_t control_bytes = CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int));
struct alignas(cmsghdr) Control {
  std::array<std::uint8_t, control_bytes> bytes;
};

std::error_code last_error() { return {errno, std::generic_category()}; }

struct SystemAddress {
  sockaddr_storage storage;
  socklen_t length;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }  // NOLINT(*-reinterpret-cast): the system's own way
};

SystemAddress to_system(const Endpoint& endpoint) {
  SystemAddress address;  // NOLINT(*-member-init): filled as far as `length` says
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
    std::memcpy(&address.storage, &v4, address.length = sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
    std::memcpy(&address.storage, &v6, address.length = sizeof v6);
  }
  return address;
}

IpAddress from_system(const in_addr& address) { return IpAddress::v4(ntohl(address.s_addr)); }

IpAddress from_system(const in6_addr& address) {
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &address, bytes.size());
  return IpAddress::v6(bytes);
}

Endpoint from_system(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    return {from_system(v6.sin6_addr), ntohs(v6.sin6_port)};
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  return {from_system(v4.sin_addr), ntohs(v4.sin_port)};
}

bool set_option(int descriptor, int level, int name, int value) {
  return ::setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

SystemResult<Descriptor> open_socket(Family family, int type) {
  const int domain = family == Family::ipv4 ? AF_INET : AF_INET6;
  Descriptor socket{::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (socket.number() < 0) return std::unexpected(last_error());
  if (family == Family::ipv6 && !set_option(socket.number(), IPPROTO_IPV6, IPV6_V6ONLY, 1))
    return std::unexpected(last_error());
  return socket;
}

std::error_code bind_to(int descriptor, const Endpoint& local, Presence presence) {
  const bool is_v4 = local.address.is_v4();
  // Where this does not help, binding says why.
  if (presence == Presence::expected)
    static_cast<void>(is_v4 ? set_option(descriptor, IPPROTO_IP, IP_FREEBIND, 1)
                            : set_option(descriptor, IPPROTO_IPV6, IPV6_FREEBIND, 1));
  auto address = to_system(local);
  return ::bind(descriptor, address.get(), address.length) == 0 ? std::error_code{} : last_error();
}

/// Appends one control message. Its memory was set aside by `Control`.
template <class T>
void add_control(msghdr& message, int level, int type, const T& value) {
  auto* header = reinterpret_cast<cmsghdr*>(  // NOLINT(*-reinterpret-cast): as CMSG_FIRSTHDR does
      static_cast<std::uint8_t*>(message.msg_control) + message.msg_controllen);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(header), &value, sizeof value);
  message.msg_controllen += CMSG_SPACE(sizeof value);
}

void add_source(msghdr& message, const IpAddress& source) {
  if (source.is_v4()) {
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = htonl(source.v4_value());
    add_control(message, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, source.bytes().data(), sizeof info.ipi6_addr);
    add_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

void add_hop_limit(msghdr& message, const Datagram& datagram) {
  const bool is_v4 = datagram.remote.address.is_v4();
  add_control(message, is_v4 ? IPPROTO_IP : IPPROTO_IPV6, is_v4 ? IP_TTL : IPV6_HOPLIMIT, int{datagram.hop_limit});
}

std::optional<IpAddress> destination(msghdr& message) {
  for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      return from_system(info.ipi_addr);
    }
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      return from_system(info.ipi6_addr);
    }
  }
  return std::nullopt;
}
}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));  // then there are fewer, and who comes too late is told so
}

SystemResult<Descriptor> open_udp(const Endpoint& local, Purpose purpose, Presence presence) {
  auto socket = open_socket(local.address.family(), SOCK_DGRAM);
  if (!socket) return socket;
  const bool is_v4 = local.address.is_v4();
  const int level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
  const int packet_info = is_v4 ? IP_PKTINFO : IPV6_RECVPKTINFO;
  if (!set_option(socket->number(), level, packet_info, 1)) return std::unexpected(last_error());
  // A smaller buffer than wished for is no reason not to serve.
  if (purpose == Purpose::server)
    static_cast<void>(set_option(socket->number(), SOL_SOCKET, SO_RCVBUF, server_receive_buffer));
  if (const auto error = bind_to(socket->number(), local, presence)) return std::unexpected(error);
  return socket;
}

namespace {
std::error_code join(int descriptor, const SocketWish& wish, const IpAddress& group) {
  const auto index = wish.interface.empty() ? 0U : ::if_nametoindex(wish.interface.c_str());
  if (group.is_v4()) {
    ip_mreqn request{};
    request.imr_multiaddr.s_addr = htonl(group.v4_value());
    if (wish.local.address.is_v4()) request.imr_address.s_addr = htonl(wish.local.address.v4_value());
    request.imr_ifindex = static_cast<int>(index);
    return ::setsockopt(descriptor, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) == 0 ? std::error_code{}
                                                                                                  : last_error();
  }
  ipv6_mreq request{};
  std::memcpy(&request.ipv6mr_multiaddr, group.bytes().data(), sizeof request.ipv6mr_multiaddr);
  request.ipv6mr_interface = index;
  return ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request) == 0 ? std::error_code{}
                                                                                                : last_error();
}

bool set_fragmentation(int descriptor, Family family, Fragmentation fragmentation) {
  if (fragmentation == Fragmentation::by_system) return true;
  const bool is_forbidden = fragmentation == Fragmentation::forbidden;
  if (family == Family::ipv4)
    return set_option(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, is_forbidden ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT);
  return !is_forbidden || (set_option(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO) &&
                           set_option(descriptor, IPPROTO_IPV6, IPV6_DONTFRAG, 1));
}

std::error_code prepare(int descriptor, const SocketWish& wish) {
  const bool is_v4 = wish.local.address.is_v4();
  const int level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
  if (!set_option(descriptor, level, is_v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1)) return last_error();
  if (wish.sharing == Sharing::shared && !set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)) return last_error();
  if (wish.errors == PathErrors::heard && !set_option(descriptor, level, is_v4 ? IP_RECVERR : IPV6_RECVERR, 1))
    return last_error();
  if (!set_fragmentation(descriptor, wish.local.address.family(), wish.fragmentation)) return last_error();
  // Plain users may do this since Linux 5.7. It is what makes link-local addresses mean something.
  if (!wish.interface.empty() && ::setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, wish.interface.c_str(),
                                              static_cast<socklen_t>(wish.interface.size())) != 0)
    return last_error();
  return {};
}
}  // namespace

SystemResult<Descriptor> open_udp(const SocketWish& wish) {
  auto socket = open_socket(wish.local.address.family(), SOCK_DGRAM);
  if (!socket) return socket;
  if (const auto error = prepare(socket->number(), wish)) return std::unexpected(error);
  if (const auto error = bind_to(socket->number(), wish.local, Presence::required)) return std::unexpected(error);
  for (const auto& group : wish.groups)
    if (const auto error = join(socket->number(), wish, group)) return std::unexpected(error);
  return socket;
}

namespace {
std::optional<PathError::Kind> kind_of(const sock_extended_err& error) {
  if (error.ee_origin == SO_EE_ORIGIN_ICMP) {
    if (error.ee_type == ICMP_TIME_EXCEEDED) return PathError::Kind::hop_limit_exceeded;
    if (error.ee_type != ICMP_DEST_UNREACH) return std::nullopt;
    switch (error.ee_code) {
      case ICMP_PORT_UNREACH:
        return PathError::Kind::port_unreachable;
      case ICMP_FRAG_NEEDED:
        return PathError::Kind::too_big;
      case ICMP_NET_ANO:
      case ICMP_HOST_ANO:
      case ICMP_PKT_FILTERED:
        return PathError::Kind::prohibited;
      default:
        return PathError::Kind::unreachable;
    }
  }
  if (error.ee_origin != SO_EE_ORIGIN_ICMP6) return std::nullopt;
  if (error.ee_type == ICMP6_TIME_EXCEEDED) return PathError::Kind::hop_limit_exceeded;
  if (error.ee_type == ICMP6_PACKET_TOO_BIG) return PathError::Kind::too_big;
  if (error.ee_type != ICMP6_DST_UNREACH) return std::nullopt;
  if (error.ee_code == ICMP6_DST_UNREACH_NOPORT) return PathError::Kind::port_unreachable;
  return error.ee_code == ICMP6_DST_UNREACH_ADMIN ? PathError::Kind::prohibited : PathError::Kind::unreachable;
}
}  // namespace

std::optional<PathError> take_path_error(int descriptor) {
  while (true) {
    std::array<std::uint8_t, 64> payload{};
    alignas(cmsghdr) std::array<std::uint8_t, 512> control{};
    sockaddr_storage destination{};
    iovec piece{.iov_base = payload.data(), .iov_len = payload.size()};
    msghdr message{};
    message.msg_name = &destination;
    message.msg_namelen = sizeof destination;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(descriptor, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
    for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      const bool is_v4 = header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_RECVERR;
      const bool is_v6 = header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_RECVERR;
      if (!is_v4 && !is_v6) continue;
      struct {
        sock_extended_err error;
        sockaddr_in6 offender;
      } told{};
      std::memcpy(&told, CMSG_DATA(header), std::min(sizeof told, header->cmsg_len - CMSG_LEN(0)));
      const auto kind = kind_of(told.error);
      if (!kind) continue;
      sockaddr_storage offender{};
      std::memcpy(&offender, &told.offender, sizeof told.offender);
      return PathError{.kind = *kind, .remote = from_system(destination), .offender = from_system(offender).address};
    }
  }
}

SystemResult<Descriptor> open_tcp_listener(const Endpoint& local, Presence presence, PortUse use) {
  auto socket = open_socket(local.address.family(), SOCK_STREAM);
  if (!socket) return socket;
  // Without it a restarted server must wait for the connections of its predecessor to be forgotten.
  if (!set_option(socket->number(), SOL_SOCKET, SO_REUSEADDR, 1)) return std::unexpected(last_error());
  if (const auto error = bind_to(socket->number(), local, presence)) return std::unexpected(error);
  // Only after the port was found: with it Linux might pick one that another program of ours shares.
  if (use == PortUse::meets && !set_option(socket->number(), SOL_SOCKET, SO_REUSEPORT, 1))
    return std::unexpected(last_error());
  if (::listen(socket->number(), SOMAXCONN) != 0) return std::unexpected(last_error());
  return socket;
}

bool share_port(int descriptor) {
  return set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) && set_option(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
}

void keep_queue_short(int descriptor) {
  constexpr int unsent_bytes = 131072;  // 10 ms at 100 Mbit/s, so that a fast line is kept busy
  static_cast<void>(set_option(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, unsent_bytes));  // then packets grow older
}

bool connect_udp(int descriptor, const Endpoint& remote) {
  auto address = to_system(remote);
  return ::connect(descriptor, address.get(), address.length) == 0;
}

SystemResult<Endpoint> local_endpoint(int descriptor) {
  SystemAddress address{};
  address.length = sizeof address.storage;
  if (::getsockname(descriptor, address.get(), &address.length) != 0) return std::unexpected(last_error());
  return from_system(address.storage);
}

struct ReceiveBatch::Buffers {
  std::array<mmsghdr, batch_size> messages{};
  std::array<iovec, batch_size> pieces{};
  std::array<sockaddr_storage, batch_size> sources{};
  std::array<Control, batch_size> controls{};
  // Not initialised: of two megabytes only the pages that datagrams fill are ever touched.
  std::unique_ptr<std::uint8_t[]> payload =                                           // NOLINT(*-avoid-c-arrays)
      std::make_unique_for_overwrite<std::uint8_t[]>(batch_size * largest_datagram);  // NOLINT(*-avoid-c-arrays)
};

ReceiveBatch::ReceiveBatch() : buffers_(std::make_unique<Buffers>()) {}
ReceiveBatch::~ReceiveBatch() = default;

std::size_t ReceiveBatch::receive(int descriptor) {
  auto& b = *buffers_;
  for (std::size_t i = 0; i < batch_size; ++i) {
    b.pieces[i] = {.iov_base = b.payload.get() + i * largest_datagram, .iov_len = largest_datagram};
    auto& header = b.messages[i].msg_hdr;
    header = {};
    header.msg_name = &b.sources[i];
    header.msg_namelen = sizeof b.sources[i];
    header.msg_iov = &b.pieces[i];
    header.msg_iovlen = 1;
    header.msg_control = b.controls[i].bytes.data();
    header.msg_controllen = b.controls[i].bytes.size();
  }
  int count = 0;
  do {
    count = ::recvmmsg(descriptor, b.messages.data(), batch_size, MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  return count < 0 ? 0 : static_cast<std::size_t>(count);
}

void ReceiveBatch::read(std::size_t index, std::uint16_t bound_port, Datagram& out) const {
  auto& b = *buffers_;
  out.remote = from_system(b.sources.at(index));
  const auto to = destination(b.messages.at(index).msg_hdr);
  out.local = {to ? *to : IpAddress::any(out.remote.address.family()), bound_port};
  const auto* begin = b.payload.get() + index * largest_datagram;
  out.payload.assign(begin, begin + b.messages.at(index).msg_len);
}

namespace {
/// What sendmmsg reads, for up to `batch_size` datagrams.
struct SendBatch {
  std::array<mmsghdr, batch_size> messages;
  std::array<iovec, batch_size> pieces;
  std::array<SystemAddress, batch_size> destinations;
  std::array<Control, batch_size> controls;

  void set(std::size_t i, const Datagram& datagram, Source source) {
    destinations[i] = to_system(datagram.remote);
    // The system's structure is not const, but sending does not write through it.
    pieces[i] = {.iov_base = const_cast<std::uint8_t*>(datagram.payload.data()),  // NOLINT(*-const-cast)
                 .iov_len = datagram.payload.size()};
    auto& header = messages[i].msg_hdr;
    header = {};
    header.msg_name = destinations[i].get();
    header.msg_namelen = destinations[i].length;
    header.msg_iov = &pieces[i];
    header.msg_iovlen = 1;
    header.msg_control = controls[i].bytes.data();
    if (source == Source::of_datagram && !datagram.local.address.is_unspecified())
      add_source(header, datagram.local.address);
    if (datagram.hop_limit != default_hop_limit) add_hop_limit(header, datagram);
    if (header.msg_controllen == 0) header.msg_control = nullptr;
  }
};

bool is_loss(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS; }
}  // namespace

std::vector<Unsent> send_all(int descriptor, std::span<const Datagram> datagrams, Source source) {
  std::vector<Unsent> unsent;
  SendBatch batch;  // NOLINT(*-member-init): `set` fills what is used, and clearing the rest costs more than sending
  for (std::size_t begin = 0; begin < datagrams.size();) {
    const auto count = std::min(batch_size, datagrams.size() - begin);
    for (std::size_t i = 0; i < count; ++i) batch.set(i, datagrams[begin + i], source);
    bool is_second_try = false;
    for (std::size_t done = 0; done < count;) {
      const int sent = ::sendmmsg(descriptor, &batch.messages.at(done), static_cast<unsigned>(count - done), 0);
      if (sent > 0) {
        done += static_cast<std::size_t>(sent);
        is_second_try = false;
      } else if (errno != EINTR && !is_second_try && !is_loss(errno)) {
        is_second_try = true;       // perhaps an ICMP error about an earlier datagram, told late
      } else if (errno != EINTR) {  // the first of the rest was refused: the others still get their turn
        is_second_try = false;
        if (!is_loss(errno)) unsent.push_back({.index = begin + done, .why = last_error()});
        ++done;
      }
    }
    begin += count;
  }
  return unsent;
}
}  // namespace natkit::io
