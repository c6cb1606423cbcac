#pragma once
/// The last packets seen at the uplinks of a network, as a capture on the outer interface of every node would show
/// them: what a host sends and receives, what a NAT sends out after translation and gets before it. A packet lost on a
/// link is seen at its sender and not at its receiver.
#include <cstddef>
#include <deque>
#include <optional>

#include "natkit/base/time.hpp"
#include "natkit/sim/node.hpp"
#include "natkit/sim/packet.hpp"

namespace natkit::sim {
struct SeenPacket {
  Instant at{};
  NodeId where{};
  Packet packet{};
  bool operator==(const SeenPacket&) const = default;
};

class PacketLog {
 public:
  /// Keeps the last `limit` packets from now on; 0, as at first, keeps none.
  void keep(std::size_t limit) { limit_ = limit; }
  void note(Instant at, NodeId where, const Packet& packet) {
    if (limit_ == 0) return;
    if (packets_.size() >= limit_) packets_.pop_front();
    packets_.push_back({at, where, packet});
  }
  [[nodiscard]] const std::deque<SeenPacket>& packets() const { return packets_; }

 private:
  std::size_t limit_ = 0;
  std::deque<SeenPacket> packets_;
};
}  // namespace natkit::sim
