#include "natkit/stun/message.hpp"

#include <algorithm>
#include <cassert>

namespace natkit::stun {
namespace {
constexpr std::size_t xor_key_position = 4;
constexpr std::size_t xor_key_bytes = 16;
constexpr std::size_t attribute_header_bytes = 4;
constexpr std::uint8_t family_v4 = 0x01;  // RFC 8489 §14.1
constexpr std::uint8_t family_v6 = 0x02;

constexpr std::size_t padded(std::size_t size) { return (size + 3) / 4 * 4; }

bool is_xored(AttributeType type) {
  using enum AttributeType;
  return type == xor_mapped_address || type == xor_peer_address || type == xor_relayed_address ||
         type == natkit_receipt;
}

std::uint16_t u16_at(ByteView bytes, std::size_t position) {
  return static_cast<std::uint16_t>(bytes[position] << 8U | bytes[position + 1]);
}

// RFC 8489 §5: two class bits stand in the middle of twelve method bits.
//    0 0 M11..M7 C1 M6..M4 C0 M3..M0
std::uint16_t type_field(MessageClass message_class, Method method) {
  const auto m = static_cast<unsigned>(method);
  const auto c = static_cast<unsigned>(message_class);
  return static_cast<std::uint16_t>((m & 0xF80U) << 2U | (c & 2U) << 7U | (m & 0x070U) << 1U | (c & 1U) << 4U |
                                    (m & 0x00FU));
}

MessageClass class_of(std::uint16_t type) { return static_cast<MessageClass>((type >> 7U & 2U) | (type >> 4U & 1U)); }

Method method_of(std::uint16_t type) {
  return static_cast<Method>((type >> 2U & 0xF80U) | (type >> 1U & 0x070U) | (type & 0x00FU));
}
}  // namespace

TransactionId make_transaction_id(Rng& rng) {
  TransactionId id;
  rng.fill(id.bytes);
  return id;
}

bool AttributeCursor::admits(AttributeType type) const {
  using enum AttributeType;
  switch (seen_) {
    case Seen::neither:
      return true;
    case Seen::integrity:
      return type == message_integrity_sha256 || type == fingerprint;
    case Seen::integrity_sha256:
      return type == fingerprint;
    case Seen::fingerprint:
      return false;
  }
  return false;
}

std::optional<Attribute> AttributeCursor::next() {
  while (next_ < message_.size()) {
    position_ = next_;
    const auto type = static_cast<AttributeType>(u16_at(message_, next_));
    const std::size_t size = u16_at(message_, next_ + 2);
    next_ += attribute_header_bytes + padded(size);
    if (!admits(type)) continue;
    if (type == AttributeType::message_integrity) seen_ = Seen::integrity;
    if (type == AttributeType::message_integrity_sha256) seen_ = Seen::integrity_sha256;
    if (type == AttributeType::fingerprint) seen_ = Seen::fingerprint;
    return Attribute{type, message_.subspan(position_ + attribute_header_bytes, size)};
  }
  return std::nullopt;
}

void AttributeTypes::insert(AttributeType type) {
  if (count_ == most || std::ranges::find(all(), type) != all().end()) return;
  types_[count_++] = type;
}

std::expected<Message, ParseError> parse_message(ByteView datagram) {
  if (datagram.size() < header_bytes || (datagram[0] & 0xC0U) != 0) return std::unexpected(ParseError::not_stun);
  ByteReader reader{datagram};
  const std::uint16_t type = *reader.read_u16();
  const std::size_t length = *reader.read_u16();
  if (length % 4 != 0 || length != datagram.size() - header_bytes) return std::unexpected(ParseError::bad_length);

  Message message;
  message.message_class_ = class_of(type);
  message.method_ = method_of(type);
  message.cookie_ = *reader.read_u32();
  std::ranges::copy(*reader.read_bytes(message.transaction_id_.bytes.size()), message.transaction_id_.bytes.begin());
  message.datagram_ = datagram;
  while (reader.remaining() > 0) {  // the length is a multiple of 4, so a whole attribute header is there
    (void)reader.read_u16();
    if (!reader.read_bytes(padded(*reader.read_u16()))) return std::unexpected(ParseError::bad_attribute);
  }
  return message;
}

std::optional<Endpoint> parse_address_value(ByteView value, ByteView xor_key) {
  if (value.size() < 4) return std::nullopt;
  const std::size_t size = value[1] == family_v4 ? 4 : 16;
  if ((value[1] != family_v4 && value[1] != family_v6) || value.size() != 4 + size) return std::nullopt;
  std::uint16_t port = u16_at(value, 2);
  std::array<std::uint8_t, 16> address{};
  std::ranges::copy(value.subspan(4), address.begin());
  if (!xor_key.empty()) {
    port = static_cast<std::uint16_t>(port ^ u16_at(xor_key, 0));
    for (std::size_t i = 0; i < size; ++i) address[i] ^= xor_key[i];
  }
  return Endpoint{*IpAddress::from_bytes(ByteView{address}.first(size)), port};
}

std::optional<ByteView> Message::find(AttributeType type) const {
  for (auto cursor = attributes(); const auto attribute = cursor.next();) {
    if (attribute->type == type) return attribute->value;
  }
  return std::nullopt;
}

std::optional<Endpoint> Message::endpoint(AttributeType type) const {
  const auto value = find(type);
  if (!value) return std::nullopt;
  return parse_address_value(*value, is_xored(type) ? datagram_.subspan(xor_key_position, xor_key_bytes) : ByteView{});
}

std::optional<Endpoint> Message::mapped_endpoint() const {
  if (const auto mapped = endpoint(AttributeType::xor_mapped_address)) return mapped;
  return endpoint(AttributeType::mapped_address);
}

std::optional<std::uint16_t> Message::u16(AttributeType type) const {
  const auto value = find(type);
  if (!value || (value->size() != 2 && value->size() != 4)) return std::nullopt;
  return u16_at(*value, 0);
}

std::optional<std::uint32_t> Message::u32(AttributeType type) const {
  const auto value = find(type);
  if (!value || value->size() != 4) return std::nullopt;
  return ByteReader{*value}.read_u32();
}

std::optional<std::uint64_t> Message::u64(AttributeType type) const {
  const auto value = find(type);
  if (!value || value->size() != 8) return std::nullopt;
  return ByteReader{*value}.read_u64();
}

std::optional<std::string_view> Message::text(AttributeType type) const {
  const auto value = find(type);
  if (!value) return std::nullopt;
  return as_text(*value);
}

std::optional<std::uint16_t> Message::error_code() const {
  const auto found = error();
  if (!found) return std::nullopt;
  return found->code;
}

std::optional<ErrorCode> Message::error() const {
  const auto value = find(AttributeType::error_code);
  if (!value || value->size() < 4) return std::nullopt;
  const unsigned hundreds = (*value)[2] & 0x07U;
  const unsigned number = (*value)[3];
  if (hundreds < 3 || hundreds > 6 || number > 99) return std::nullopt;
  return ErrorCode{static_cast<std::uint16_t>(hundreds * 100 + number), as_text(value->subspan(4))};
}

std::optional<Change> Message::change_request() const {
  const auto bits = u32(AttributeType::change_request);
  if (!bits) return std::nullopt;
  return static_cast<Change>(*bits & static_cast<std::uint32_t>(Change::address_and_port));
}

std::optional<AttributeTypes> Message::unknown_attributes() const {
  const auto value = find(AttributeType::unknown_attributes);
  if (!value) return std::nullopt;
  AttributeTypes types;
  for (ByteReader reader{*value}; const auto type = reader.read_u16();) types.insert(static_cast<AttributeType>(*type));
  return types;
}

AttributeTypes Message::unknown_to(std::span<const AttributeType> known) const {
  AttributeTypes unknown;
  for (auto cursor = attributes(); const auto attribute = cursor.next();) {
    if (!is_comprehension_required(attribute->type)) continue;
    if (std::ranges::find(known, attribute->type) == known.end()) unknown.insert(attribute->type);
  }
  return unknown;
}

MessageWriter::MessageWriter(MessageClass message_class, Method method, const TransactionId& id, std::uint32_t cookie) {
  out_.reserve(128);  // a Binding answer with everything in it: one allocation
  ByteWriter writer{out_};
  writer.write_u16(type_field(message_class, method));
  writer.write_u16(0);
  writer.write_u32(cookie);
  writer.write_bytes(id.bytes);
}

void MessageWriter::open(AttributeType type, std::size_t value_size) {
  assert(out_.size() + attribute_header_bytes + padded(value_size) - header_bytes <= 0xFFFF);
  ByteWriter writer{out_};
  writer.write_u16(static_cast<std::uint16_t>(type));
  writer.write_u16(static_cast<std::uint16_t>(value_size));
  // The length counts this attribute from here on, because integrity and fingerprint hash it so (RFC 8489 §14.5).
  writer.patch_u16(2, static_cast<std::uint16_t>(out_.size() + padded(value_size) - header_bytes));
}

void MessageWriter::close() { ByteWriter{out_}.write_zeros(padded(out_.size()) - out_.size()); }

MessageWriter& MessageWriter::add(AttributeType type, ByteView value) {
  open(type, value.size());
  ByteWriter{out_}.write_bytes(value);
  close();
  return *this;
}

MessageWriter& MessageWriter::add_u16(AttributeType type, std::uint16_t value) {
  open(type, 4);
  ByteWriter writer{out_};
  writer.write_u16(value);
  writer.write_zeros(2);
  return *this;
}

MessageWriter& MessageWriter::add_u32(AttributeType type, std::uint32_t value) {
  open(type, 4);
  ByteWriter{out_}.write_u32(value);
  return *this;
}

MessageWriter& MessageWriter::add_u64(AttributeType type, std::uint64_t value) {
  open(type, 8);
  ByteWriter{out_}.write_u64(value);
  return *this;
}

MessageWriter& MessageWriter::add_text(AttributeType type, std::string_view value) {
  return add(type, as_bytes(value));
}

MessageWriter& MessageWriter::add_endpoint(AttributeType type, const Endpoint& endpoint) {
  const auto address = endpoint.address.bytes();
  open(type, 4 + address.size());
  ByteWriter writer{out_};
  writer.write_u8(0);
  writer.write_u8(endpoint.address.is_v4() ? family_v4 : family_v6);
  const std::size_t start = out_.size();
  writer.write_u16(endpoint.port);
  writer.write_bytes(address);
  if (is_xored(type)) {
    for (std::size_t i = 0; i < 2; ++i) out_[start + i] ^= out_[xor_key_position + i];
    for (std::size_t i = 0; i < address.size(); ++i) out_[start + 2 + i] ^= out_[xor_key_position + i];
  }
  return *this;
}

MessageWriter& MessageWriter::add_change_request(Change change) {
  return add_u32(AttributeType::change_request, static_cast<std::uint32_t>(change));
}

MessageWriter& MessageWriter::add_error(std::uint16_t code, std::string_view reason) {
  assert(code >= 300 && code <= 699);
  open(AttributeType::error_code, 4 + reason.size());
  ByteWriter writer{out_};
  writer.write_u16(0);
  writer.write_u8(static_cast<std::uint8_t>(code / 100));
  writer.write_u8(static_cast<std::uint8_t>(code % 100));
  writer.write_bytes(as_bytes(reason));
  close();
  return *this;
}

MessageWriter& MessageWriter::add_unknown_attributes(const AttributeTypes& types) {
  open(AttributeType::unknown_attributes, types.all().size() * 2);
  ByteWriter writer{out_};
  for (const auto type : types.all()) writer.write_u16(static_cast<std::uint16_t>(type));
  close();
  return *this;
}

Bytes MessageWriter::finish() { return std::move(out_); }
}  // namespace natkit::stun
