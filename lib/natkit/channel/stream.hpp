#pragma once
/// What a stream of messages promises (RFC 8831 §6.4), and what it is called.
#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <variant>

namespace natkit::channel {
/// The SCTP stream that carries both directions. The DTLS client opens even ones, the server odd ones (RFC 8832 §6).
enum class StreamId : std::uint16_t {};

enum class Ordering : std::uint8_t { ordered, unordered };

struct Reliable {
  auto operator<=>(const Reliable&) const = default;
};
/// Given up after so many repetitions; 0 is "once and no more".
struct MostRepeats {
  std::uint32_t count = 0;
  auto operator<=>(const MostRepeats&) const = default;
};
/// Given up so long after it was handed in.
struct MostAge {
  std::chrono::duration<std::uint32_t, std::milli> age{};
  auto operator<=>(const MostAge&) const = default;
};
using Delivery = std::variant<Reliable, MostRepeats, MostAge>;

struct StreamOptions {
  std::string label{};     ///< UTF-8, by agreement of the two programs; at most 65535 bytes; may repeat
  std::string protocol{};  ///< a name of IANA's WebSocket subprotocol registry, or empty
  Ordering ordering = Ordering::ordered;
  Delivery delivery = Reliable{};
  std::uint16_t priority = 256;  ///< "normal" (RFC 8831 §6.4); told to the peer, not acted upon
  bool operator==(const StreamOptions&) const = default;
};

/// What a message holds, for peers (browsers) that make a difference between the two.
enum class MessageKind : std::uint8_t { text, binary };
}  // namespace natkit::channel
