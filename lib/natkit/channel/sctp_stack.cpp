#include "natkit/channel/sctp_stack.hpp"

#include <usrsctp.h>

#include <chrono>

#include "natkit/crypto/crc32c.hpp"

namespace natkit::channel {
namespace {
// More than any congestion window needs. What is beyond counts as lost on the way, which is SCTP's daily bread.
constexpr std::size_t most_waiting_packets = 8192;
// Messages and fragments of one association that wait to be acknowledged; usrsctp's 512 would end at half a megabyte.
constexpr std::uint32_t most_waiting_chunks = 8192;
constexpr std::uint32_t initial_window_packets = 10;  // RFC 6928
// Silence towards packets of no association; usrsctp would answer with ABORT.
constexpr std::uint32_t answer_to_strays_never = 2;

constexpr std::size_t checksum_position = 8;  // RFC 9260 §3.1

/// Computing it is a fifth of what a packet costs when usrsctp does it. It leaves that to us, and no longer looks at
/// the checksums that come: inside DTLS they say nothing that the record's own tag has not said.
void write_checksum(Bytes& packet) {
  if (packet.size() < checksum_position + sizeof(std::uint32_t)) return;
  const auto checksum = crypto::fast_crc32c(packet);  // the field holds zeros so far
  if (!checksum) return;
  for (std::size_t i = 0; i < sizeof *checksum; ++i) {
    packet[checksum_position + i] = static_cast<std::uint8_t>(*checksum >> (8 * i));  // lowest first (Appendix A)
  }
}

void configure() {
  if (crypto::has_fast_crc32c()) usrsctp_enable_crc32c_offload();
  // Extensions that a single path inside DTLS has no use for; each is attack surface (RFC 8831 §5 wants none of them).
  usrsctp_sysctl_set_sctp_asconf_enable(0);
  usrsctp_sysctl_set_sctp_auto_asconf(0);
  usrsctp_sysctl_set_sctp_auth_enable(0);
  usrsctp_sysctl_set_sctp_ecn_enable(0);
  usrsctp_sysctl_set_sctp_nrsack_enable(0);
  usrsctp_sysctl_set_sctp_pktdrop_enable(0);
  // RFC 8831 §5: partial reliability (RFC 3758) and stream reset (RFC 6525).
  usrsctp_sysctl_set_sctp_pr_enable(1);
  usrsctp_sysctl_set_sctp_reconfig_enable(1);

  usrsctp_sysctl_set_sctp_blackhole(answer_to_strays_never);
  // 30 repetitions of one chunk would end it: half a minute of a reader who rests, and is asked every second whether
  // there is room.
  usrsctp_sysctl_set_sctp_max_retran_chunk(0);
  usrsctp_sysctl_set_sctp_max_chunks_on_queue(most_waiting_chunks);
  usrsctp_sysctl_set_sctp_initial_cwnd(initial_window_packets);
  // A limit on bursts is enforced by shrinking the window, which then stays shrunk: a third of the throughput at 50 ms.
  usrsctp_sysctl_set_sctp_max_burst_default(0);
}
}  // namespace

SctpStack::SctpStack() {
  usrsctp_init_nothreads(0, output, nullptr);
  configure();
}

SctpStack& SctpStack::of_process() {
  static auto* const stack = new SctpStack;  // never destroyed, like the stack itself
  return *stack;
}

SctpAddress SctpStack::add(PacketQueue& packets) {
  const SctpAddress address{++last_address_};
  queues_.emplace(address, &packets);
  // NOLINTNEXTLINE(*-reinterpret-cast,performance-no-int-to-ptr): to usrsctp it is a name, never followed
  usrsctp_register_address(reinterpret_cast<void*>(last_address_));
  return address;
}

void SctpStack::remove(SctpAddress address) {
  queues_.erase(address);
  // NOLINTNEXTLINE(*-reinterpret-cast,performance-no-int-to-ptr): as above
  usrsctp_deregister_address(reinterpret_cast<void*>(address));
}

void SctpStack::advance(Instant now) {
  if (now < now_) now_ = now;
  const auto elapsed = std::chrono::floor<std::chrono::milliseconds>(now - now_);
  if (elapsed.count() == 0) return;
  now_ += elapsed;
  usrsctp_handle_timers(static_cast<std::uint32_t>(elapsed.count()));
}

int SctpStack::output(void* address, void* packet, std::size_t size, std::uint8_t /*tos*/, std::uint8_t /*set_df*/) {
  auto& queues = of_process().queues_;
  const auto found = queues.find(SctpAddress{reinterpret_cast<std::uintptr_t>(address)});  // NOLINT(*-reinterpret-cast)
  if (found == queues.end() || found->second->size() >= most_waiting_packets) return 0;
  const auto* const bytes = static_cast<const std::uint8_t*>(packet);
  write_checksum(found->second->emplace_back(bytes, bytes + size));
  return 0;
}
}  // namespace natkit::channel
