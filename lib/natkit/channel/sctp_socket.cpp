#include "natkit/channel/sctp_socket.hpp"

#include <usrsctp.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace natkit::channel {
namespace {
constexpr std::uint16_t data_channel_port =
    5000;  // RFC 8831 §5 leaves it open; every WebRTC peer has this one (RFC 8841)
constexpr std::size_t common_header_bytes = 12;  // RFC 9260 §3; to usrsctp it is no part of the path's MTU here

// After silence the next attempt must not be far: a new path may stand since long (RFC 9260's 60 s are for a world
// without one). Congestion is not made worse, since one packet a second is sent.
constexpr std::chrono::milliseconds longest_timeout{1000};
// As Linux' TCP (TCP_RTO_MIN); the second of RFC 9260 is kept by none of today's stacks.
constexpr std::chrono::milliseconds shortest_timeout{200};
// Every packet is acknowledged at once, for RFC 9260 §6.2's every second packet costs more than it saves: usrsctp 0.9.5
// does not restart its timer when an acknowledgement comes, so it runs out in the middle of every long transfer, and
// takes what it finds older than a round trip for lost. A delayed acknowledgement makes such a packet, and then the
// window is gone: over 10 ms without any loss, 237 Mbit/s instead of 1320 (tests/bench/channel_line_bench).
constexpr std::uint32_t packets_per_acknowledgement = 1;
constexpr std::chrono::milliseconds acknowledgement_delay{20};  // for whatever is not a packet of data

// Never: how long a peer may be silent is for the channel to say.
constexpr std::uint16_t no_limit_of_attempts = 65535;

/// An option that the stack refuses is a mistake of ours: sizes and values are all our own.
template <class T>
void set(SctpHandle* socket, int level, int option, const T& value) {
  const int done = usrsctp_setsockopt(socket, level, option, &value, sizeof value);
  assert(done == 0);
  (void)done;
}

sockaddr_conn endpoint_of(SctpAddress address) {
  sockaddr_conn out{};
  out.sconn_family = AF_CONN;
  out.sconn_port = htons(data_channel_port);
  out.sconn_addr = reinterpret_cast<void*>(address);  // NOLINT(*-reinterpret-cast,performance-no-int-to-ptr): a name
  return out;
}

sockaddr* generic(sockaddr_conn& address) {
  return reinterpret_cast<sockaddr*>(&address);  // NOLINT(*-reinterpret-cast): the socket interface's own idiom
}

void set_buffers(SctpHandle* socket, const SctpOptions& options) {
  set(socket, SOL_SOCKET, SO_SNDBUF, static_cast<int>(options.send_buffer));
  set(socket, SOL_SOCKET, SO_RCVBUF, static_cast<int>(options.receive_buffer));
  // Only of what is larger than half of the buffer are pieces read before it is whole (usrsctp would begin at 64 KB). A
  // message that the peer gives up after that leaves its pieces to the next one; unordered, it stops all others.
  set(socket, IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, static_cast<std::uint32_t>(options.receive_buffer));
  set(socket, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0});  // closing ends it at once
}

void set_timeouts(SctpHandle* socket, std::chrono::milliseconds first, std::chrono::milliseconds longest) {
  set(socket, IPPROTO_SCTP, SCTP_RTOINFO,
      sctp_rtoinfo{.srto_assoc_id = SCTP_FUTURE_ASSOC,
                   .srto_initial = static_cast<std::uint32_t>(first.count()),
                   .srto_max = static_cast<std::uint32_t>(longest.count()),
                   .srto_min = static_cast<std::uint32_t>(shortest_timeout.count())});
}

void set_timers(SctpHandle* socket, const SctpOptions& options) {
  set_timeouts(socket, options.first_timeout, longest_timeout);
  set(socket, IPPROTO_SCTP, SCTP_DELAYED_SACK,
      sctp_sack_info{.sack_assoc_id = SCTP_FUTURE_ASSOC,
                     .sack_delay = static_cast<std::uint32_t>(acknowledgement_delay.count()),
                     .sack_freq = packets_per_acknowledgement});
  sctp_assocparams attempts{};
  attempts.sasoc_asocmaxrxt = no_limit_of_attempts;
  set(socket, IPPROTO_SCTP, SCTP_ASSOCINFO, attempts);
  set(socket, IPPROTO_SCTP, SCTP_INITMSG,
      sctp_initmsg{.sinit_num_ostreams = options.streams,
                   .sinit_max_instreams = options.streams,
                   .sinit_max_attempts = no_limit_of_attempts,
                   .sinit_max_init_timeo = static_cast<std::uint16_t>(longest_timeout.count())});
}

void set_reports(SctpHandle* socket) {
  for (const auto type : {std::uint16_t{SCTP_ASSOC_CHANGE}, std::uint16_t{SCTP_STREAM_RESET_EVENT}}) {
    set(socket, IPPROTO_SCTP, SCTP_EVENT, sctp_event{.se_assoc_id = SCTP_ALL_ASSOC, .se_type = type, .se_on = 1});
  }
  set(socket, IPPROTO_SCTP, SCTP_RECVRCVINFO, std::uint32_t{1});
}

sctp_sendv_spa send_parameters(StreamId stream, Ppid ppid, const StreamOptions& how) {
  sctp_sendv_spa out{};
  out.sendv_flags = SCTP_SEND_SNDINFO_VALID;
  out.sendv_sndinfo.snd_sid = static_cast<std::uint16_t>(stream);
  out.sendv_sndinfo.snd_ppid = htonl(static_cast<std::uint32_t>(ppid));
  out.sendv_sndinfo.snd_flags = SCTP_EOR;
  if (how.ordering == Ordering::unordered) out.sendv_sndinfo.snd_flags |= SCTP_UNORDERED;
  if (const auto* repeats = std::get_if<MostRepeats>(&how.delivery)) {
    out.sendv_flags |= SCTP_SEND_PRINFO_VALID;
    out.sendv_prinfo = {.pr_policy = SCTP_PR_SCTP_RTX, .pr_value = repeats->count};
  } else if (const auto* age = std::get_if<MostAge>(&how.delivery)) {
    out.sendv_flags |= SCTP_SEND_PRINFO_VALID;
    out.sendv_prinfo = {.pr_policy = SCTP_PR_SCTP_TTL, .pr_value = age->age.count()};
  }
  return out;
}

std::optional<SctpSocket::Read> read_change(const sctp_assoc_change& change) {
  switch (change.sac_state) {
    case SCTP_COMM_UP:
      return SctpSocket::Up{change.sac_outbound_streams};
    case SCTP_SHUTDOWN_COMP:
      return SctpSocket::Down{SctpSocket::Down::Cause::closed};
    case SCTP_COMM_LOST:
    case SCTP_CANT_STR_ASSOC:
    case SCTP_RESTART:  // inside one DTLS connection there is nobody who could have begun anew
      return SctpSocket::Down{SctpSocket::Down::Cause::lost};
    default:
      return std::nullopt;
  }
}

std::optional<SctpSocket::Read> read_reset(ByteView bytes) {
  sctp_stream_reset_event head{};
  std::memcpy(&head, bytes.data(), sizeof head);
  if ((head.strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED)) != 0) return std::nullopt;
  const bool is_peers = (head.strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) != 0;
  SctpSocket::Reset out{.side = is_peers ? SctpSocket::Reset::Side::peers : SctpSocket::Reset::Side::ours,
                        .streams = {}};
  for (auto rest = bytes.subspan(sizeof head); rest.size() >= sizeof(std::uint16_t); rest = rest.subspan(2)) {
    std::uint16_t number = 0;
    std::memcpy(&number, rest.data(), sizeof number);
    out.streams.push_back(StreamId{number});
  }
  return out;
}

/// Those that matter to a channel. The stack writes them itself, in the host's byte order, so only their size is
/// checked.
std::optional<SctpSocket::Read> read_notification(ByteView bytes) {
  sctp_notification::sctp_tlv head{};
  if (bytes.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.sn_type == SCTP_ASSOC_CHANGE && bytes.size() >= sizeof(sctp_assoc_change)) {
    sctp_assoc_change change{};
    std::memcpy(&change, bytes.data(), sizeof change);
    return read_change(change);
  }
  if (head.sn_type == SCTP_STREAM_RESET_EVENT && bytes.size() >= sizeof(sctp_stream_reset_event)) {
    return read_reset(bytes.first(std::min<std::size_t>(bytes.size(), head.sn_length)));
  }
  return std::nullopt;
}

// One for the process, like the stack: what is read is copied on at once.
std::span<std::uint8_t> scratch() {
  static std::array<std::uint8_t, std::size_t{64} << 10> bytes;
  return bytes;
}
}  // namespace

SctpSocket::SctpSocket(const SctpOptions& options, PacketQueue& packets)
    : options_(options), address_(SctpStack::of_process().add(packets)) {
  socket_ = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, nullptr, nullptr, 0, nullptr);
  if (!socket_) std::abort();  // out of memory
  usrsctp_set_non_blocking(socket_, 1);
  set_buffers(socket_, options);
  set(socket_, IPPROTO_SCTP, SCTP_NODELAY, std::uint32_t{1});
  set_timers(socket_, options);
  set_reports(socket_);
  set(socket_, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET,
      sctp_assoc_value{.assoc_id = SCTP_ALL_ASSOC, .assoc_value = SCTP_ENABLE_RESET_STREAM_REQ});
}

SctpSocket::~SctpSocket() {
  abort();
  SctpStack::of_process().remove(address_);
}

void SctpSocket::connect() {
  auto address = endpoint_of(address_);
  set_path({});  // what the association begins with; a larger MTU would come too late afterwards
  if (usrsctp_bind(socket_, generic(address), sizeof address) != 0) std::abort();  // nobody else has this address
  const int done = usrsctp_connect(socket_, generic(address), sizeof address);
  assert(done == 0 || errno == EINPROGRESS);
  (void)done;
  is_connected_ = true;
  set_path(address);
}

void SctpSocket::set_path(const sockaddr_conn& peer) {
  sctp_paddrparams path{};
  std::memcpy(&path.spp_address, &peer, sizeof peer);
  path.spp_flags = SPP_PMTUD_DISABLE | SPP_HB_ENABLE;
  path.spp_pathmtu = static_cast<std::uint32_t>(options_.packet_bytes - common_header_bytes);
  path.spp_hbinterval = static_cast<std::uint32_t>(options_.heartbeat.count());
  path.spp_pathmaxrxt = no_limit_of_attempts;
  set(socket_, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, path);
}

void SctpSocket::handle_packet(ByteView packet) {
  // NOLINTNEXTLINE(*-reinterpret-cast,performance-no-int-to-ptr): a name
  usrsctp_conninput(reinterpret_cast<void*>(address_), packet.data(), packet.size(), 0);
}

SctpSocket::Sent SctpSocket::send(StreamId stream, Ppid ppid, const StreamOptions& how, ByteView payload) {
  if (!socket_) return Sent::failed;
  auto parameters = send_parameters(stream, ppid, how);
  const auto sent = usrsctp_sendv(socket_, payload.data(), payload.size(), nullptr, 0, &parameters, sizeof parameters,
                                  SCTP_SENDV_SPA, 0);
  if (sent >= 0) return Sent::yes;
  return errno == EWOULDBLOCK ? Sent::full : Sent::failed;
}

std::optional<SctpSocket::Read> SctpSocket::read() {
  while (socket_ && is_connected_) {
    sctp_rcvinfo from{};
    socklen_t from_size = sizeof from;
    unsigned int from_type = SCTP_RECVV_NOINFO;
    int flags = 0;
    const auto into = scratch();
    const auto size =
        usrsctp_recvv(socket_, into.data(), into.size(), nullptr, nullptr, &from, &from_size, &from_type, &flags);
    if (size <= 0) return std::nullopt;
    const ByteView bytes = into.first(static_cast<std::size_t>(size));
    if ((flags & MSG_NOTIFICATION) == 0) {
      return Piece{.stream = StreamId{from.rcv_sid},
                   .ppid = Ppid{ntohl(from.rcv_ppid)},
                   .bytes = bytes,
                   .rest = (flags & MSG_EOR) != 0 ? Piece::Rest::none : Piece::Rest::follows};
    }
    if (auto notification = read_notification(bytes)) return notification;
  }
  return std::nullopt;
}

std::size_t SctpSocket::buffered_bytes() const {
  // usrsctp answers this as FreeBSD's kernel does (netinet/sctp.h), but leaves it out of its header.
  constexpr int get_send_buffer_use = 0x1101;
  struct {
    sctp_assoc_t association;
    std::uint32_t sending, receiving;
  } use{};
  socklen_t size = sizeof use;
  if (!socket_ || usrsctp_getsockopt(socket_, IPPROTO_SCTP, get_send_buffer_use, &use, &size) != 0) return 0;
  return use.sending;
}

void SctpSocket::reset(StreamId stream) {
  if (!socket_) return;
  struct {
    sctp_assoc_t association = SCTP_CURRENT_ASSOC;
    std::uint16_t flags = SCTP_STREAM_RESET_OUTGOING, count = 1, number = 0;
  } request;
  static_assert(offsetof(decltype(request), number) == offsetof(sctp_reset_streams, srs_stream_list));
  request.number = static_cast<std::uint16_t>(stream);
  (void)usrsctp_setsockopt(socket_, IPPROTO_SCTP, SCTP_RESET_STREAMS, &request, sizeof request);
}

void SctpSocket::set_first_timeout(std::chrono::milliseconds timeout) {
  options_.first_timeout = timeout;
  if (socket_) set_timeouts(socket_, timeout, timeout);
}

void SctpSocket::lift_first_timeout() {
  if (socket_) set_timeouts(socket_, options_.first_timeout, longest_timeout);
}

void SctpSocket::set_packet_bytes(std::size_t bytes) {
  options_.packet_bytes = bytes;
  if (socket_ && is_connected_) set_path(endpoint_of(address_));
}

void SctpSocket::shutdown() {
  if (socket_) usrsctp_shutdown(socket_, SHUT_WR);
}

void SctpSocket::abort() {
  if (socket_) usrsctp_close(socket_);
  socket_ = nullptr;
}
}  // namespace natkit::channel
