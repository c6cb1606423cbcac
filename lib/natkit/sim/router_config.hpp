#pragma once
/// A home router as a client of its port mapping protocols meets it. The defaults are miniupnpd 2.3.1 with all three
/// switched on and secure mode; every member that departs from that is a quirk seen in the field, with its source.
/// What only HTTP can show (chunked bodies, quoted SOAPAction, slow drips) is not simulated: calls arrive here as they
/// leave `portmap`, see `portmap::igd`.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/time.hpp"

namespace natkit::sim {
enum class Presence : std::uint8_t { on, off };

struct PcpConfig {
  enum class Speaks : std::uint8_t {
    fully,
    silent,              ///< drops version 2 without a word
    refuses_version,     ///< a NAT-PMP router of old: version 0, result 1 (RFC 6887 §9)
    not_authorized,      ///< answered, but disabled (tailscale#1525)
    claims_network_down  ///< NO_RESOURCES with the true WAN address in the reply (miniupnpd 2.3.1, private WAN)
  } speaks = Speaks::fully;
  /// Whether a renewal and a deletion must bring the mapping's own nonce (RFC 6887 §11.3, §15). miniupnpd 2.3.1 lets a
  /// wrong one renew, but not delete.
  enum class NonceCheck : std::uint8_t { always, deletions, never } nonce_check = NonceCheck::always;
  /// A renewal that suggests another port makes a second mapping (miniupnpd 2.3.1) instead of returning the first.
  enum class OtherSuggestion : std::uint8_t { same_mapping, second_mapping } other_suggestion{};
  enum class AnnounceOpcode : std::uint8_t { answered, unsupported, not_authorized } announce{};
  /// What it says of the deletion of what is not there (RFC 6887 §15: success; miniupnpd 2.3.1: NO_RESOURCES).
  enum class DeleteAbsent : std::uint8_t { success, no_resources } delete_absent{};
  /// A FILTER in the answer: miniupnpd 2.3.1 echoes and does not enforce it, so no answer proves one.
  enum class Filters : std::uint8_t { as_asked, always_claimed } filters{};
  std::chrono::seconds shortest{120}, longest{86400};  ///< lifetimes are clamped to this (miniupnpd's defaults)
};

struct NatPmpConfig {
  Presence presence = Presence::on;
  /// RouterOS refuses external port 0 (tailscale#13785).
  enum class PortZero : std::uint8_t { any, refused } port_zero{};
  /// Ports cut to 8 bits in the reply (old miniupnpd, miniupnp#196).
  enum class ReplyPorts : std::uint8_t { whole, eight_bits } reply_ports{};
  enum class Result : std::uint8_t { as_is, not_authorized, no_resources } result{};
};

struct SsdpConfig {
  Presence presence = Presence::on;
  Duration delay = std::chrono::milliseconds{50};                        ///< miniupnpd's own, whatever MX says
  enum class Hears : std::uint8_t { both, multicast, unicast } hears{};  ///< tailscale#3197
  enum class Targets : std::uint8_t { all, igd_1, igd_2, root, nothing } targets{};   ///< tailscale#3557
  enum class SourcePort : std::uint8_t { standard, another } source_port{};           ///< tailscale#7377
  enum class AskedFrom : std::uint8_t { any_port, standard_port_only } asked_from{};  ///< upnp-service#5
  std::size_t copies = 1;  ///< each miniupnpd answer came twice
  std::size_t decoys = 0;  ///< further answers, each with another LOCATION on this host
  /// Further root devices in the box (a Fritz!Box has five beside its gateway), which answer at once and only to those
  /// who search for root devices.
  std::size_t other_roots = 0;
  std::optional<std::string> location{};  ///< in place of the true one: a WPS device, loopback, another host …
};

struct IgdConfig {
  Presence presence = Presence::on;
  Duration delay = std::chrono::microseconds{300};  ///< of one call (miniupnpd: 0.2 to 0.3 ms)
  std::uint16_t port = 5000;
  enum class RestartPort : std::uint8_t { same, another } restart_port{};  ///< of the description, at every start
  enum class Services : std::uint8_t {
    ip_1,
    ip_2,
    ppp_only,
    ppp_up_ip_down,  ///< both, one of them not connected
    none,            ///< no service to map with (Huawei, tailscale#10911)
    both_up,         ///< both, and either of them maps
    legacy_names,    ///< urn:dslforum-org services of before the standard
  } services = Services::ip_1;
  std::string status = "Connected";  ///< "Up" elsewhere; empty where GetStatusInfo fails
  enum class TellsExternal : std::uint8_t { truth, nothing, zero, loopback, another } tells_external{};
  IpAddress other_external{};  ///< for `another`
  enum class Leases : std::uint8_t {
    any,
    permanent_or_725,    ///< OnlyPermanentLeasesSupported
    permanent_or_402,    ///< MikroTik, ARRIS
    zero_refused_402,    ///< lease 0 refused
    silently_permanent,  ///< confirmed, and made permanent
    silently_shortened,  ///< … to two minutes
    zero_is_a_week,      ///< IGD 2: 0 becomes 604800 s
  } leases = Leases::any;
  enum class Conflict : std::uint8_t { says_718, says_501, says_729 } conflict{};
  /// Of an entry that we already have: replaced as the standard says, or 718 (Open.NAT#14).
  enum class Again : std::uint8_t { replaces, conflicts } again{};
  enum class DeleteAbsent : std::uint8_t { says_714, success } delete_absent = DeleteAbsent::success;
  enum class AddAny : std::uint8_t { works, invalid_action } add_any{};
  enum class Ports : std::uint8_t { any, same_as_internal } ports{};  ///< 724
  /// Success is claimed and no rule is made (portmapper#139); with `listed` it even stands in the router's list.
  enum class Lies : std::uint8_t { no, maps_nothing, lists_but_maps_nothing } lies{};
  enum class Look : std::uint8_t { answers, invalid_action } look{};
  std::size_t longest_description = 256;                                           ///< longer: 402
  enum class Pinholes : std::uint8_t { absent, allowed, not_allowed } pinholes{};  ///< 703
  /// Fritz!Box: 606 until "independent port sharing" is ticked for this host.
  enum class Permission : std::uint8_t { everybody, nobody } permission{};
  /// Deletions are confirmed and not done.
  enum class Deletes : std::uint8_t { truly, in_words_only } deletes{};
  std::string model = "natkit sim";
  enum class Manner : std::uint8_t { polite, never_answers } manner{};
};

struct RouterConfig {
  IpAddress inside = IpAddress::v4(0xC0A84D01);    ///< 192.168.77.1
  IpAddress external = IpAddress::v4(0x0B000001);  ///< 11.0.0.1: public, used by nobody here
  std::optional<IpAddress> inside_v6{};
  PcpConfig pcp{};
  NatPmpConfig nat_pmp{};
  SsdpConfig ssdp{};
  IgdConfig igd{};

  /// One list for all three protocols (miniupnpd), or UPnP apart from the others: then a port that they hold is 729.
  enum class Tables : std::uint8_t { one, upnp_apart } tables{};
  enum class Wan : std::uint8_t { up, down } wan{};
  std::uint16_t first_port = 1024, last_port = 65535;  ///< that may be mapped (miniupnpd's `allow` rule)
  std::size_t table_size = 4096;
  /// Static rules that shadow: confirmed, listed, and never reached.
  std::set<std::uint16_t> shadowed{};
  /// Drops packets whose mapping the host's own firewall does not want.
  std::set<std::uint16_t> host_firewall{};
  /// What a fresh start tells everybody (RFC 6887 §14.1.1, RFC 6886 §3.2.1, ssdp:alive).
  enum class Announces : std::uint8_t { restarts, nothing } announces{};
  enum class Reboots : std::uint8_t { forget, keep_permanent } reboots{};
};
}  // namespace natkit::sim
