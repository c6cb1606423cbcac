#pragma once
/// A packet log as a capture file that tcpdump and Wireshark open: classic pcap with nanoseconds (magic a1b23c4d, see
/// draft-ietf-opsawg-pcap), LINKTYPE_RAW (101), so each record starts with its IP header. Headers carry right lengths
/// and checksums. TCP segments have flags but no sequence numbers, which the simulation does not know.
#include <optional>

#include "natkit/base/bytes.hpp"
#include "natkit/sim/packet_log.hpp"

namespace natkit::sim {
/// Everything in the log, or what was seen at one node. A packet forwarded by a NAT stands there once per uplink.
[[nodiscard]] Bytes write_pcap(const PacketLog& log, std::optional<NodeId> where = {});
/// One packet as it would stand on the wire, from its IP header on.
[[nodiscard]] Bytes write_ip_packet(const Packet& packet);
}  // namespace natkit::sim
