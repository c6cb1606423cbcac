#pragma once
// Which streams there are, and what each is for. A stream that both sides have to give up is in the table until both
// have.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

#include "natkit/channel/channel.hpp"

namespace natkit::channel {
class StreamTable {
 public:
  StreamTable(Role role, std::uint16_t limit) : role_(role), limit_(limit) {}

  enum class State : std::uint8_t {
    to_be_told,  ///< opened here, before there was anybody to tell
    told,        ///< until the peer's ACK everything goes in order (RFC 8832 §6)
    open,
    closing,  ///< nothing more may be sent on it
  };
  struct Entry {
    StreamOptions options{};
    State state = State::open;
    // While closing: whose sending has ended. Both, and the number is free.
    enum class End : std::uint8_t { none, ours, peers } ended = End::none;
    /// Opened anew by the peer, who has our end of the one before; its word for that is late, and nothing can be sent
    /// until it is here.
    enum class Hold : std::uint8_t { none, silent, wanted } hold = Hold::none;  ///< wanted: somebody tried to send
  };

  /// The next free number on our side (RFC 8832 §6).
  [[nodiscard]] std::optional<StreamId> free_number() const;
  [[nodiscard]] bool is_allowed(StreamId stream) const { return static_cast<std::uint16_t>(stream) < limit_; }
  [[nodiscard]] Entry* find(StreamId stream);
  void add(StreamId stream, Entry entry) { entries_.insert_or_assign(stream, std::move(entry)); }
  void remove(StreamId stream) { entries_.erase(stream); }
  [[nodiscard]] std::map<StreamId, Entry>& entries() { return entries_; }
  [[nodiscard]] const std::map<StreamId, Entry>& entries() const { return entries_; }
  /// What the peer agreed to, if that is less.
  void lower_limit(std::uint16_t limit) { limit_ = std::min(limit_, limit); }

 private:
  Role role_;
  std::uint16_t limit_;
  std::map<StreamId, Entry> entries_;
};
}  // namespace natkit::channel
