#pragma once
/// What to ask next: a pure function of what has been seen. All questions start at once, each from a socket of its own;
/// what follows depends on the first answers (where the second address is) and on loss (ask again).
///
///   t = 0        1 RTT                      2 RTT
///   mapping ───► second address known ────► the other endpoints answer: mapping decided
///   filtering ─► changed answer, or receipt + guard: filtering decided
///                a NAT is there: samples ► their ports: allocation and pooling decided
///                TCP and packet sizes, where wanted ► decided by 3 RTT
///                 … if asked for, sockets that rest ► called one after the other, until one hears nothing: lifetime
///
/// A socket never sends to an endpoint that may have been filtered on it: on Linux the filtered packet leaves a
/// conntrack entry, the next packet out gets another port, and an innocent NAT looks symmetric.
#include <optional>
#include <vector>

#include "natkit/probe/digest.hpp"

namespace natkit::probe {
struct Timing {
  Duration timeout = std::chrono::seconds{3};        ///< of the whole run; what is not known by then stays unknown
  Duration spacing = std::chrono::milliseconds{15};  ///< between copies: apart enough not to share a loss burst
  unsigned mapping_copies = 3;                       ///< early copies, before any answer could be here
  unsigned filtering_copies = 4;
  /// Fresh sockets that ask which port they have outside; 0: none. With 16 chance makes no rule look like another.
  unsigned samples = 16;
  /// `core`: what connecting two hosts over UDP takes. `full`: also what TCP does, and the largest packet.
  enum class Extent : std::uint8_t { core, full } extent = Extent::core;
  /// Some enterprise firewalls take hairpinning for an attack (RFC 5780 §4.6 warns of the like), so only when asked
  /// for.
  enum class Hairpin : std::uint8_t { skip, ask } hairpin = Hairpin::skip;
  /// Mappings are let rest for up to this long, to see how long they live; none: they are not.
  std::optional<Duration> longest_lifetime{};
  /// UDP silence after which a Binding over TCP asks whether the server lives at all.
  Duration tcp_after = std::chrono::milliseconds{250};
  /// Least UDP silence that counts as blocked when the server answers over TCP, or as a dead address family.
  Duration patience = std::chrono::seconds{1};
  /// Least patience with a silent server while another of its family answers.
  Duration patience_beside_another = std::chrono::milliseconds{300};
};

struct Step {
  Question question{};
  std::uint32_t server = 0;
  Endpoint to{};
  unsigned sample = 0;     ///< which one; of `hop`, how many hops it may go
  std::uint16_t port = 0;  ///< where the answer or connection is to go, of those that call
  std::uint16_t size = 0;  ///< of the whole IP packet, of `path_mtu` and `fragments`
};

inline constexpr unsigned most_samples = 32;
/// From each of the two sockets; the first may meet a filter that the other one has not opened yet.
inline constexpr unsigned hairpin_copies = 6;

/// Of a family: one that is called again and again, and one for each time that a mapping may live.
inline constexpr unsigned most_rested = 64;
inline constexpr Duration finest_lifetime_step = std::chrono::seconds{5};
/// None of so many calls heard is no chance: at 10 % loss each way, once in half a million.
inline constexpr unsigned calls_in_vain = 8;
/// Between the times for which mappings rest.
[[nodiscard]] Duration lifetime_step(Duration longest);

/// The carrier's first routers are among these; its NAT may stand farther out (Richter et al., IMC 2016: 2 to 12 hops).
inline constexpr unsigned most_hops = 6;

struct Plan {
  std::vector<Step> send;          ///< now, in this order
  std::optional<Duration> wake{};  ///< plan again then, or after any event; none: everything is settled
};
[[nodiscard]] Plan plan(const Digest& digest, const Timing& timing, Duration now);
}  // namespace natkit::probe
