#pragma once
/// The Data Channel Establishment Protocol (RFC 8832 §5): how one side tells the other what a stream is for. Two
/// messages, sent on the stream itself under a payload protocol identifier of their own. Any bytes may be passed in: a
/// malformed message comes back as a value.
#include <expected>
#include <variant>

#include "natkit/base/bytes.hpp"
#include "natkit/channel/stream.hpp"

namespace natkit::channel::dcep {
struct Open {
  StreamOptions options{};
  bool operator==(const Open&) const = default;
};
struct Ack {
  bool operator==(const Ack&) const = default;
};
using Message = std::variant<Open, Ack>;

enum class ParseError { wrong_length, unknown_message, unknown_channel_type };

/// Bytes after the end of an ACK are passed over; label and protocol must fill an OPEN exactly.
[[nodiscard]] std::expected<Message, ParseError> parse_message(ByteView bytes);
/// Label and protocol must fit into 65535 bytes each.
[[nodiscard]] Bytes write_message(const Message& message);
}  // namespace natkit::channel::dcep
