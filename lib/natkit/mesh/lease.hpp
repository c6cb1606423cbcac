#pragma once
/// Until when a host may act: as long as a majority's promises hold. A promise is known by the echo of a heartbeat, and
/// counts from when that heartbeat left, which is before it was heard; so the host's end always comes before the
/// voters', whose clocks may run at another pace.
///
///   host   |--#7--.                  .--#7 acknowledged by a majority--|···acts···> sent(#7) + `lease`
///   voter         '--promised for `promise` from here ····································> may vote
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "natkit/base/time.hpp"
#include "natkit/mesh/member_id.hpp"
#include "natkit/mesh/view.hpp"

namespace natkit::mesh {
class Lease {
 public:
  /// `lease` must be shorter than the voters' promise by more than their clocks may differ.
  explicit Lease(Duration lease) : lease_(lease) {}

  /// A new epoch: nobody has promised anything.
  void reset() { *this = Lease{lease_}; }
  void sent(Instant now, std::uint64_t number);
  void acknowledged(const MemberId& voter, std::uint64_t number);
  /// Where nobody else has to agree there is no end.
  [[nodiscard]] std::optional<Instant> until(const View& view, const MemberId& host) const;
  [[nodiscard]] bool holds(Instant now, const View& view, const MemberId& host) const;

 private:
  static constexpr std::size_t kept = 64;  ///< at 200 ms apart, much longer than any lease
  struct Sent {
    std::uint64_t number = 0;
    Instant at{};
  };
  Duration lease_;
  std::array<Sent, kept> sent_{};
  std::map<MemberId, Instant> acknowledged_;  ///< voter -> when the latest that it echoed was sent
};
}  // namespace natkit::mesh
