#pragma once
/// Drives the simulator's NAT model with real frames: each is reduced to a `sim::Packet`, and what the model makes of
/// that is written back into the frame. Frames that are not IPv4 pass: IPv6 has firewalls, not NATs.
#include <array>
#include <cstdint>
#include <optional>

#include "frame.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/base/time.hpp"
#include "natkit/sim/nat.hpp"
#include "side.hpp"

namespace natkit::lab {
/// What to do with a frame after the NAT has seen it.
enum class Fate : std::uint8_t {
  across,  ///< send it on the other side
  back,    ///< send it on the side it came from: a hairpin, or an ICMP error in its place
  drop,
};

class Translator {
 public:
  /// `rng` must outlive it. ICMP echo is always mapped endpoint-independently and answered only by whom it asked, since
  /// RFC 4787's behaviours are about UDP.
  Translator(const sim::NatConfig& config, Rng& rng);

  /// Translates the frame in place; it may grow or shrink when it turns into an ICMP error.
  [[nodiscard]] Fate handle(Instant now, Side from, Bytes& frame);

 private:
  [[nodiscard]] Fate handle_flow(Instant now, Side from, Bytes& frame, const Ipv4Packet& packet);
  [[nodiscard]] Fate handle_error(Instant now, Side from, Bytes& frame, const Ipv4Packet& packet);
  [[nodiscard]] Fate handle_later_fragment(Bytes& frame, const Ipv4Packet& packet);
  [[nodiscard]] sim::Nat& nat_for(PacketKind kind) { return kind == PacketKind::echo ? echo_nat_ : nat_; }

  /// The first fragments of the last packets that came in pieces, so that the later pieces can follow them. A piece
  /// that overtakes its first is dropped, as by many home routers (RFC 4787 R14 asks for more).
  struct FragmentedPacket {
    IpAddress source{};
    IpAddress destination{};
    std::uint8_t protocol = 0;
    std::uint16_t identification = 0;
    Flow translated{};
    Fate fate = Fate::drop;
  };
  void remember_fragments(const Ipv4Packet& packet, const Flow& translated, Fate fate);

  sim::Nat nat_;
  sim::Nat echo_nat_;
  std::array<FragmentedPacket, 64> fragmented_{};
  std::size_t next_fragmented_ = 0;
};
}  // namespace natkit::lab
