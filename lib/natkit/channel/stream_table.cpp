#include "natkit/channel/stream_table.hpp"

namespace natkit::channel {
std::optional<StreamId> StreamTable::free_number() const {
  for (std::uint32_t number = role_ == Role::client ? 0 : 1; number < limit_; number += 2) {
    const StreamId stream{static_cast<std::uint16_t>(number)};
    if (!entries_.contains(stream)) return stream;
  }
  return std::nullopt;
}

StreamTable::Entry* StreamTable::find(StreamId stream) {
  const auto found = entries_.find(stream);
  return found == entries_.end() ? nullptr : &found->second;
}
}  // namespace natkit::channel
