#pragma once
/// The meeting place's part in one session: a voter that is no member. Two members, or two halves, cannot tell whether
/// the others died or are only cut off; with one vote more a majority can. It follows and votes by the same rules as
/// members (ballot.hpp), speaks only when it is asked, and never leads.
///
///   knows nothing --a view that names it--> follows the views it is shown: promises to the host, votes for candidates
///        ^                                      |
///        '--- forgotten after long silence -----'   and then it is another voter: another incarnation
#include <cstdint>
#include <optional>

#include "natkit/mesh/ballot.hpp"
#include "natkit/mesh/timing.hpp"
#include "natkit/mesh/witness_message.hpp"

namespace natkit::mesh {
class Witness {
 public:
  struct Config {
    Introduction self{};
    Duration promise = Timing{}.promise;  ///< what members count on: the same for all of natkit
  };
  /// `signatures` outlives it.
  Witness(Config config, const Signatures& signatures);

  /// Nullopt: nothing to say. Any bytes may be asked, any number of times.
  [[nodiscard]] std::optional<Answer> answer(Instant now, ByteView question);
  /// Null: it knows of no session yet.
  [[nodiscard]] const ViewRef& view() const { return view_; }

 private:
  using Reply = std::optional<Message>;
  Reply hear(Instant now, const MemberId& from, const Message& message);
  Reply hear(Instant now, const MemberId& from, const Heartbeat& beat);
  Reply hear(const Views& views);
  Reply hear(Instant now, const MemberId& from, const Claim& claim);
  Reply hear(const Farewell& farewell);
  void take(const View& view);
  [[nodiscard]] bool is_voter() const;
  [[nodiscard]] Heartbeat heartbeat();

  Config config_;
  const Signatures& signatures_;
  Ballot ballot_;
  ViewRef view_;
  ViewRef before_;    ///< the last view of the epoch before
  ViewRef founding_;  ///< the first of this one, where it was seen
  std::optional<Echo> echo_;
  std::uint64_t beats_ = 0;
};
}  // namespace natkit::mesh
