#pragma once
/// Packets on their way, in the order of their arrival; of two that arrive at one instant the one sent first is first.
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/time.hpp"
#include "natkit/sim/packet.hpp"

namespace natkit::sim {
class Node;

/// On which side of a node a packet arrives.
enum class Side : std::uint8_t { inside, outside };

struct Arrival {
  Node* node = nullptr;
  Side side{};
  Packet packet{};
};

class EventQueue {
 public:
  void push(Instant at, Arrival arrival);
  [[nodiscard]] std::optional<Instant> next_time() const;
  /// The first arrival; the queue must not be empty.
  [[nodiscard]] Arrival pop();

 private:
  struct Entry {
    Instant at;
    std::uint64_t order = 0;
    std::uint32_t slot = 0;
    bool operator>(const Entry& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  std::vector<Entry> heap_;  // least first; small entries, so that packets stay where they are
  std::vector<Arrival> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t order_ = 0;
};
}  // namespace natkit::sim
