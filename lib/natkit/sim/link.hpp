#pragma once
/// One direction of a link: when, and how often, a packet arrives that is put in at time zero. A pure function of
/// chance, so that the virtual network and the lab's router share it. No rate limit, no queue.
#include <array>
#include <chrono>
#include <cstdint>

#include "natkit/base/rng.hpp"
#include "natkit/base/time.hpp"

namespace natkit::sim {
/// Probabilities are in [0, 1] and drawn for each packet anew.
struct LinkConfig {
  Duration delay{};      ///< one way, of every packet
  Duration jitter{};     ///< added to the delay: uniform in [0, jitter], so packets may overtake one another
  double loss = 0;       ///< the packet and its duplicate never arrive
  double duplicate = 0;  ///< it arrives twice, the copy with jitter of its own
  double reorder = 0;    ///< it is held back by `hold_back`, so that later ones overtake it
  Duration hold_back = std::chrono::milliseconds{10};
  std::uint16_t mtu = 65535;  ///< largest IP packet; a larger one goes in fragments, or not at all
  /// What comes of a packet that is larger and must stay whole (many a firewall drops the ICMP error: RFC 2923 §2.1).
  enum class TooBig : std::uint8_t { told, dropped_silently } too_big = TooBig::told;
  enum class Fragments : std::uint8_t { pass, lost } fragments = Fragments::pass;
};

/// Up to two arrivals, each as the time since the packet was sent.
class Arrivals {
 public:
  [[nodiscard]] const Duration* begin() const { return offsets_.data(); }
  [[nodiscard]] const Duration* end() const { return offsets_.data() + count_; }
  [[nodiscard]] std::size_t size() const { return count_; }
  void add(Duration offset) { offsets_.at(count_++) = offset; }

 private:
  std::array<Duration, 2> offsets_{};
  std::uint8_t count_ = 0;
};

/// Draws the fate of one packet. A link without chance draws nothing.
[[nodiscard]] Arrivals draw_arrivals(const LinkConfig& link, Rng& rng);
}  // namespace natkit::sim
