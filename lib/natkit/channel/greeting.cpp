#include "natkit/channel/greeting.hpp"

#include <algorithm>

namespace natkit::channel {
namespace {
// RFC 9260 §3.2: after the common header of 12 bytes, and a chunk is at least 4 long.
constexpr std::size_t first_chunk = 12, least_packet = 16;
enum class Chunk : std::uint8_t { init = 1, init_ack = 2 };
// usrsctp 0.9.5 needs 44 bytes for its INIT and 244 for its INIT ACK (measured); other stacks' cookies may be longer.
constexpr std::size_t longest_greeting = 1000;

bool is(ByteView packet, Chunk kind) {
  return packet.size() >= least_packet && packet.size() <= longest_greeting &&
         packet[first_chunk] == static_cast<std::uint8_t>(kind);
}
}  // namespace

void Greeting::say(Bytes packet) {
  if (is(packet, role_ == Role::server ? Chunk::init : Chunk::init_ack)) said_ = std::move(packet);
}

bool Greeting::hear(ByteView packet) {
  if (!is(packet, role_ == Role::server ? Chunk::init_ack : Chunk::init) || std::ranges::equal(packet, heard_))
    return false;
  heard_.assign(packet.begin(), packet.end());
  is_taken_ = false;
  return true;
}

std::optional<Bytes> Greeting::take_heard() {
  if (!has_heard() || is_taken_) return std::nullopt;
  is_taken_ = true;
  return heard_;
}
}  // namespace natkit::channel
