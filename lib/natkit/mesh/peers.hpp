#pragma once
/// What a member knows of the others: whether there is a link, when it heard from them last, and what they said they
/// hear. One state machine for each:
///
///   none --a path--> up --no path left--> none
///     '--every way was tried--> failed --tried again--> …
#include <cstdint>
#include <map>
#include <optional>

#include "natkit/base/time.hpp"
#include "natkit/mesh/hearing.hpp"
#include "natkit/mesh/message.hpp"

namespace natkit::mesh {
enum class LinkState : std::uint8_t { none, up, failed };

struct Peer {
  LinkState link = LinkState::none;
  std::optional<Duration> rtt{};
  std::optional<Instant> heard{};   ///< a heartbeat: who was started anew and asks to join has none yet
  std::optional<Heartbeat> beat{};  ///< its latest
  Instant beat_at{};
  Rounds rounds{};
  Way way = Way::unknown;                ///< of the link, when it is up
  std::optional<Condition> condition{};  ///< what it told last of itself …
  Version condition_of{};                ///< … with this view
  std::optional<Instant> lags_since{};   ///< with an older view than ours
  std::optional<Instant> views_sent{};
};

class Peers {
 public:
  [[nodiscard]] Peer& operator[](const MemberId& id) { return peers_[id]; }
  [[nodiscard]] const Peer* find(const MemberId& id) const;
  [[nodiscard]] bool is_up(const MemberId& id) const;
  [[nodiscard]] bool was_heard(const MemberId& id, Instant since) const;
  /// Whether the latest heartbeat of `witness`, not older than `since` and made with this view, says that it hears that
  /// member.
  [[nodiscard]] bool hears(const MemberId& witness, const View& view, std::size_t index, Instant since) const;
  [[nodiscard]] std::optional<Duration> longest_rtt() const;
  /// This host was held up for so long: the others were not silent meanwhile.
  void excuse(Instant now, Duration delay);
  void forget(const MemberId& id) { peers_.erase(id); }
  /// What was told in another session counts for nothing in this one: versions and numbers mean something else here.
  void forget_words();
  [[nodiscard]] const std::map<MemberId, Peer>& all() const { return peers_; }

 private:
  std::map<MemberId, Peer> peers_;
};
}  // namespace natkit::mesh
