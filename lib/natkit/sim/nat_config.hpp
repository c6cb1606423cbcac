#pragma once
/// Everything RFC 4787 lets a NAT decide, as plain values, and what of it shows from outside.
/// Requirement numbers (R1 …) are those of RFC 4787 §12. Times are virtual or real, as the owner of the NAT keeps them.
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/behavior.hpp"
#include "natkit/base/ip_address.hpp"
#include "natkit/base/time.hpp"

namespace natkit::sim {
/// How the external port of a new mapping is chosen (RFC 4787 §4.2).
enum class PortAllocation : std::uint8_t {
  preserving,                ///< the inside port while no other mapping has it, else a random free one
  preserving_with_overload,  ///< the inside port even if others have it, while the tuple with the remote is unique;
                             ///< else a random one, which the socket then has towards everybody new, too (seen in
                             ///< Linux 6.18). Linux: address-and-port-dependent mapping and filtering with this
  sequential,                ///< the next free port after the last one given
  block,                     ///< a random port out of a block that belongs to the inside host (RFC 6888, RFC 7422)
  random,                    ///< a random free port
  parity_preserving,         ///< a random free port, even for even and odd for odd (R4)
};

/// Which external address a new mapping takes (RFC 4787 §4.1).
enum class AddressPooling : std::uint8_t {
  single,     ///< always the first
  paired,     ///< one for all sockets of an inside host (R2)
  arbitrary,  ///< any; of several mappings of one inside socket each takes another, as far as the pool goes
};

/// What becomes of a packet from the inside to an external address of the NAT itself (R9, §6).
enum class Hairpin : std::uint8_t {
  none,
  with_external_source,  ///< as R9 demands; the packet passes the filter as if it had come from outside
  with_internal_source,  ///< the receiver sees the sender's inside endpoint; no filter is asked
};

/// What prolongs a mapping and its filter entries (R6). Packets from the inside always do.
enum class Refresh : std::uint8_t { outbound, outbound_and_inbound };

/// What becomes of a packet from outside that no mapping lets in.
enum class Unsolicited : std::uint8_t {
  drop,
  reject,  ///< answered with ICMP port unreachable
  accept,  ///< as a Linux router with an open INPUT chain: answered likewise, and the connection tracker keeps the
           ///< tuple (external endpoint, remote endpoint), so that a later flow of an inside host cannot have it
};

struct NatConfig {
  /// One or more, all of one family; packets of the other family pass untouched. Empty: the network assigns one.
  std::vector<IpAddress> external_addresses{};
  Behavior mapping = Behavior::endpoint_independent;          ///< R1
  Behavior filtering = Behavior::address_and_port_dependent;  ///< R8
  PortAllocation allocation = PortAllocation::preserving;
  std::uint16_t first_port = 1024;  ///< of the external port range, which leaves out the well-known ports (R3)
  std::uint16_t last_port = 65535;
  std::uint16_t block_size = 512;  ///< ports per inside host, for `block`; one block per host and external address
  AddressPooling pooling = AddressPooling::single;
  Hairpin hairpin = Hairpin::none;
  Duration mapping_lifetime = std::chrono::minutes{5};  ///< of an idle UDP mapping; at least 2 minutes by R5
  std::optional<Duration> unreplied_lifetime{};         ///< the same before anything came back; none: no difference
  Duration tcp_lifetime = std::chrono::minutes{124};    ///< of an idle TCP mapping (RFC 5382 R5)
  std::optional<Duration> filter_lifetime{};            ///< of a filter entry; none: as long as the mapping's
  Refresh refresh = Refresh::outbound;
  Unsolicited unsolicited = Unsolicited::drop;
  Duration tracked_lifetime = std::chrono::seconds{30};  ///< of a tuple kept by `accept` (nf_conntrack_udp_timeout)
  std::optional<std::uint32_t> mappings_per_host{};      ///< quota of one inside address (RFC 6888 R4)
  std::uint32_t table_size = 65536;                      ///< mappings at a time; also tuples kept by `accept`
};

/// nftables `masquerade` on Linux: tuples are unique and the port is kept where it can be, so from outside it looks
/// endpoint-independent. Lifetimes are the kernel's defaults for nf_conntrack_udp_timeout and …_udp_timeout_stream.
[[nodiscard]] NatConfig linux_masquerade(Unsolicited unsolicited = Unsolicited::drop);

/// The mapping behaviour that an observer sees who asks from one fresh socket, whose port lies in Linux's ephemeral
/// range. It is the label, with one exception: under `preserving_with_overload` every destination sees the inside port,
/// whatever the mapping is keyed by, because the tuples differ; so it looks endpoint-independent. The exception ends
/// where the inside port cannot be kept (outside the port range) or the address changes instead (an arbitrary pool;
/// with as many addresses as the observer asks destinations). Of stacked NATs the observer sees the greatest of all
/// layers.
[[nodiscard]] Behavior observable_mapping(const NatConfig& config);
/// Likewise for filtering: the label. Under every mapping rule the observed socket has sent only to the one server, and
/// what the other sources send to that mapping meets the filter of that mapping alone.
[[nodiscard]] Behavior observable_filtering(const NatConfig& config);

/// Linux's default ip_local_port_range, where the simulator's hosts take their ports, too.
inline constexpr std::uint16_t first_ephemeral_port = 32768;
inline constexpr std::uint16_t last_ephemeral_port = 60999;
}  // namespace natkit::sim
