#pragma once
/// Writes one answer within a budget: what must be in it goes in first, what is only welcome goes in while it fits.
/// Counted are the bytes of the UDP payload.
#include <cstddef>
#include <optional>

#include "natkit/stun/message.hpp"

namespace natkit::stun {
struct Budget {
  std::size_t covered = 0;  ///< bytes that cost nobody anything: the request brought as many
  std::size_t limit = 0;    ///< at least `covered`; the difference would be paid from the allowance
};

/// What an optional attribute may be paid with.
enum class Payment : std::uint8_t { covered, allowance };

class AnswerWriter {
 public:
  /// Copies the request's id and cookie, and its FINGERPRINT habit (RFC 8489 §7.3.1).
  AnswerWriter(MessageClass message_class, const Message& request, const Budget& budget);

  AnswerWriter& must(AttributeType type, const Endpoint& endpoint);
  AnswerWriter& must_error(std::uint16_t code, const AttributeTypes& unknown);
  AnswerWriter& welcome(AttributeType type, const Endpoint& endpoint, Payment payment);
  AnswerWriter& welcome(AttributeType type, ByteView value, Payment payment);
  /// PADDING as near to `wanted` bytes as the budget allows, in whole words; to be called last.
  AnswerWriter& must_padding(std::size_t wanted);
  /// Keeps room for a PADDING to come.
  AnswerWriter& expect_padding();
  /// `nullopt` if even what must be in it is beyond the limit.
  [[nodiscard]] std::optional<Bytes> finish();

 private:
  [[nodiscard]] bool has_room_for(std::size_t value_size, Payment payment) const;

  MessageWriter writer_;
  Budget budget_;
  bool with_fingerprint_;
  std::size_t tail_;  // bytes that will come after the welcome attributes
};
}  // namespace natkit::stun
