#pragma once
// usrsctp as the one stack per process that it is: started once, driven by whoever comes by with the time, and never
// stopped, because its end waits for timers that nobody may be there to drive.
//
// Its output callback ends here: packets go into the queue of their socket, and the owner of that socket fetches them.
// They may appear there while another socket of the process is being driven.
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "natkit/base/bytes.hpp"
#include "natkit/base/time.hpp"

namespace natkit::channel {
using PacketQueue = std::deque<Bytes>;

/// Stands for a socket where SCTP wants an address. Numbers are not used twice, so what is left of an association in
/// the stack can never reach another.
enum class SctpAddress : std::uintptr_t {};

class SctpStack {
 public:
  [[nodiscard]] static SctpStack& of_process();

  /// The queue must live until `remove`.
  [[nodiscard]] SctpAddress add(PacketQueue& packets);
  void remove(SctpAddress address);
  /// Lets the timers of all sockets run up to now. Must come before anything else is asked of a socket, or timers start
  /// in the past. A time before the last one begins a new line (another simulation).
  void advance(Instant now);

 private:
  SctpStack();
  static int output(void* address, void* packet, std::size_t size, std::uint8_t tos, std::uint8_t set_df);

  std::unordered_map<SctpAddress, PacketQueue*> queues_;
  std::uintptr_t last_address_ = 0;
  Instant now_{};
};
}  // namespace natkit::channel
