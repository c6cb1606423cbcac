#pragma once
// Private to the room: one round of planning, and what its parts have in common.
#include <cstdint>
#include <optional>

#include "natkit/probe/planner.hpp"

namespace natkit::probe {
/// Copies of what is asked from a socket of its own, where a repeated question must be the same: the same port.
inline constexpr unsigned sample_copies = 3;

struct Planning {
  const Digest& digest;
  const Timing& timing;
  Duration now{};
  Plan plan{};

  void send(const Step& step);
  void wake_at(Duration due);
  /// At once where the time has come; else the round ends with waiting for it.
  void send_at(Duration due, const Step& step);

  [[nodiscard]] Family family_of(std::uint32_t server) const { return digest.servers[server].address.address.family(); }
  [[nodiscard]] Duration time_of_answer(std::uint32_t server) const { return digest.servers[server].time_of_answer(); }
  /// The first that has answered through a NAT; then it stays that one.
  [[nodiscard]] std::optional<std::uint32_t> server_behind_nat(Family family) const;
  /// Of what is asked in one family only: the first in which a server has answered, or may still do.
  [[nodiscard]] std::optional<Family> leading_family() const;
  /// How long one server's silence is borne: to the end while nobody else was heard; a while when somebody was, over
  /// TCP or in the other family; and not for long when another server of its family answers all it could.
  [[nodiscard]] Duration patience(const Asked& asked) const;
  [[nodiscard]] bool is_given_up(const Asked& asked) const { return now >= asked.first_sent() + patience(asked); }
};

// The parts of a plan, each in a file of its own.
void plan_lifetime(Planning& planning, Family family);
void plan_hops(Planning& planning);
void plan_ways_out(Planning& planning);
void plan_portal(Planning& planning);
void plan_path_mtu(Planning& planning, Family family);
void plan_tcp(Planning& planning, Family family);
}  // namespace natkit::probe
