#pragma once
/// When silence is an answer. A filtering question that nobody answers means "filtered" only when the request arrived,
/// the changed answer left, and its loss on the way is improbable. Everything less is "not known".
#include <optional>

#include "natkit/probe/digest.hpp"

namespace natkit::probe {
enum class SilenceState : std::uint8_t {
  waiting,          ///< answers may still come
  needs_copies,     ///< all due answers are overdue, but loss could explain it: ask again
  proven,           ///< filtered
  no_second_place,  ///< the server has no other place to answer from
  place_is_dead,    ///< its other place did not answer when asked directly, so its silence says nothing
  undecided,        ///< asked as often as allowed, and loss could still explain it
};

struct Silence {
  SilenceState state = SilenceState::waiting;
  unsigned overdue = 0;                ///< copies whose changed answer should be here by now
  double error = 1;                    ///< probability that loss alone explains them all
  std::optional<Duration> next_due{};  ///< while waiting: when the next copy falls due
};

/// Most copies of one filtering question; at 10 % loss each way seven decide.
inline constexpr unsigned max_filtering_copies = 16;
/// A silence that loss explains with a smaller probability than this is believed.
inline constexpr double believed_error = 1e-5;

/// What was asked for and never came, where every copy counts alike.
struct Unheard {
  unsigned overdue = 0;
  unsigned pending = 0;
  bool is_proven = false;    ///< loss alone does not explain it
  bool would_prove = false;  ///< … if those that are pending stay silent, too
  std::optional<Duration> next_due{};
};
/// Of a plain question.
[[nodiscard]] Unheard judge_loss(const Digest& digest, const Asked& asked, Duration now);
/// Of connections that the server says it has begun: a packet is lost as easily as over UDP, and the next one comes a
/// second later.
[[nodiscard]] Unheard judge_calls(const Digest& digest, const Asked& asked, Duration now);

/// The place from which the changed answer to this question comes: the server's receipt says so, else OTHER-ADDRESS.
[[nodiscard]] std::optional<Endpoint> changed_place(const Digest& digest, const Asked& asked);
[[nodiscard]] Silence judge_silence(const Digest& digest, const Asked& asked, Duration now);
/// Whether a mapping question to a server's further endpoint has been asked in vain for long enough.
[[nodiscard]] bool is_dead(const Digest& digest, const Asked& asked, Duration now);
}  // namespace natkit::probe
