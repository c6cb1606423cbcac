#include "natkit/channel/dcep.hpp"

#include <cassert>
#include <limits>
#include <optional>

namespace natkit::channel::dcep {
namespace {
// RFC 8832 §8.2.1
constexpr std::uint8_t message_ack = 0x02;
constexpr std::uint8_t message_open = 0x03;
// §8.2.2: the top bit says unordered, the rest how far delivery goes.
constexpr std::uint8_t unordered_bit = 0x80;
constexpr std::uint8_t type_reliable = 0x00;
constexpr std::uint8_t type_most_repeats = 0x01;
constexpr std::uint8_t type_most_age = 0x02;

std::optional<Delivery> delivery_of(std::uint8_t type, std::uint32_t parameter) {
  switch (type & ~unordered_bit) {
    case type_reliable:
      return Reliable{};  // "MUST be set to 0 and ignored" (§5.1)
    case type_most_repeats:
      return MostRepeats{parameter};
    case type_most_age:
      return MostAge{std::chrono::duration<std::uint32_t, std::milli>{parameter}};
    default:
      return std::nullopt;
  }
}

struct TypeAndParameter {
  std::uint8_t type = 0;
  std::uint32_t parameter = 0;
};

TypeAndParameter wire_form(const Delivery& delivery) {
  if (const auto* repeats = std::get_if<MostRepeats>(&delivery)) return {type_most_repeats, repeats->count};
  if (const auto* age = std::get_if<MostAge>(&delivery)) return {type_most_age, age->age.count()};
  return {type_reliable, 0};
}

std::expected<Message, ParseError> parse_open(ByteReader& reader) {
  const auto type = reader.read_u8();
  const auto priority = reader.read_u16();
  const auto parameter = reader.read_u32();
  const auto label_length = reader.read_u16();
  const auto protocol_length = reader.read_u16();
  if (!type || !priority || !parameter || !label_length || !protocol_length) {
    return std::unexpected(ParseError::wrong_length);
  }
  const auto label = reader.read_bytes(*label_length);
  const auto protocol = reader.read_bytes(*protocol_length);
  if (!label || !protocol || reader.remaining() != 0) return std::unexpected(ParseError::wrong_length);
  const auto delivery = delivery_of(*type, *parameter);
  if (!delivery) return std::unexpected(ParseError::unknown_channel_type);
  return Open{{.label = std::string{as_text(*label)},
               .protocol = std::string{as_text(*protocol)},
               .ordering = (*type & unordered_bit) != 0 ? Ordering::unordered : Ordering::ordered,
               .delivery = *delivery,
               .priority = *priority}};
}

void write_open(ByteWriter& writer, const StreamOptions& options) {
  assert(options.label.size() <= std::numeric_limits<std::uint16_t>::max());
  assert(options.protocol.size() <= std::numeric_limits<std::uint16_t>::max());
  const auto [type, parameter] = wire_form(options.delivery);
  writer.write_u8(message_open);
  writer.write_u8(static_cast<std::uint8_t>(options.ordering == Ordering::unordered ? type | unordered_bit : type));
  writer.write_u16(options.priority);
  writer.write_u32(parameter);
  writer.write_u16(static_cast<std::uint16_t>(options.label.size()));
  writer.write_u16(static_cast<std::uint16_t>(options.protocol.size()));
  writer.write_bytes(as_bytes(options.label));
  writer.write_bytes(as_bytes(options.protocol));
}
}  // namespace

std::expected<Message, ParseError> parse_message(ByteView bytes) {
  ByteReader reader{bytes};
  const auto type = reader.read_u8();
  if (!type) return std::unexpected(ParseError::wrong_length);
  if (*type == message_ack) return Ack{};
  if (*type == message_open) return parse_open(reader);
  return std::unexpected(ParseError::unknown_message);
}

Bytes write_message(const Message& message) {
  Bytes out;
  ByteWriter writer{out};
  if (const auto* open = std::get_if<Open>(&message)) {
    write_open(writer, open->options);
  } else {
    writer.write_u8(message_ack);
  }
  return out;
}
}  // namespace natkit::channel::dcep
