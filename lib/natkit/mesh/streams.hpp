#pragma once
/// The streams that every link of a mesh has, without a word about it: both ends know them.
#include <array>
#include <utility>

#include "natkit/channel/stream.hpp"

namespace natkit::mesh {
inline constexpr channel::StreamId control_stream{0};  ///< everything that is to arrive, in order
inline constexpr channel::StreamId beat_stream{1};     ///< heartbeats: late ones are worth nothing
inline constexpr channel::StreamId routed_stream{2};   ///< packets of others: they repeat theirs themselves

[[nodiscard]] inline std::array<std::pair<channel::StreamId, channel::StreamOptions>, 3> agreed_streams() {
  const channel::StreamOptions once{.ordering = channel::Ordering::unordered, .delivery = channel::MostRepeats{0}};
  return {{{control_stream, {}}, {beat_stream, once}, {routed_stream, once}}};
}
}  // namespace natkit::mesh
