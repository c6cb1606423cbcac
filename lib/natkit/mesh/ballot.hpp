#pragma once
/// What one voter has promised, and for how long: to whom it acknowledges that he leads, and for whom it has voted.
/// Each host acts only while a majority of such promises holds, so two hosts can never act at once:
///
///   heartbeat of the host heard ----> promised to him for `promise` ----over, or he gave it up----> may vote
///                                          ^                                                          |
///   heartbeat of the new host heard -------'------------- a vote given: one for each epoch <----------'
///
///  1. No vote while a promise to a host holds, but for that host.
///  2. One vote for each epoch; a promise counts as a vote. Who has voted acknowledges no host of an earlier epoch any
///     more: what he still has to say, the candidate need not know.
///  3. No promise to a host while one to another holds.
/// A voter that is started anew has forgotten all that: so it is another voter (its incarnation).
#include <chrono>
#include <cstdint>
#include <optional>

#include "natkit/base/time.hpp"
#include "natkit/mesh/member_id.hpp"

namespace natkit::mesh {
class Ballot {
 public:
  explicit Ballot(Duration promise) : promise_(promise) {}

  /// Rules 1 and 2.
  [[nodiscard]] bool may_vote(Instant now, std::uint64_t epoch, const MemberId& candidate) const;
  /// Only where it may.
  void vote(std::uint64_t epoch, const MemberId& candidate);
  /// Rule 2: nobody else was voted for in this epoch or a later one.
  [[nodiscard]] bool may_follow(std::uint64_t epoch, const MemberId& host) const;
  /// By a majority's word, which a vote of one's own does not outweigh.
  void follow(std::uint64_t epoch, const MemberId& host);
  /// A heartbeat was heard; false while rules 2 or 3 forbid to acknowledge it.
  [[nodiscard]] bool promise(Instant now, std::uint64_t epoch, const MemberId& host);
  /// The host of this epoch is known to act no more: he said so, or his last words did.
  void release(std::uint64_t epoch);

  [[nodiscard]] std::uint64_t voted_epoch() const { return voted_epoch_; }
  /// When votes are possible again.
  [[nodiscard]] Instant promised_until() const { return promised_until_; }

 private:
  Duration promise_;
  std::uint64_t promised_epoch_ = 0;
  MemberId promised_to_{};
  Instant promised_until_{};
  std::uint64_t voted_epoch_ = 0;
  MemberId voted_for_{};
};
}  // namespace natkit::mesh
