#include "natkit/base/bytes.hpp"

#include <cassert>

namespace natkit {
namespace {
template <class T>
std::optional<T> read_big_endian(ByteReader& reader) {
  const auto bytes = reader.read_bytes(sizeof(T));
  if (!bytes) return std::nullopt;
  T value = 0;
  for (const auto byte : *bytes) value = static_cast<T>((static_cast<std::uint64_t>(value) << 8U) | byte);
  return value;
}

template <class T>
void append_big_endian(Bytes& out, T value) {
  for (std::size_t i = sizeof(T); i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8U * i)));
}

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}
}  // namespace

ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};  // NOLINT(*-reinterpret-cast): char to byte
}

std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT(*-reinterpret-cast): byte to char
}

std::string to_hex(ByteView bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    text.push_back(digits[byte >> 4U]);
    text.push_back(digits[byte & 0x0fU]);
  }
  return text;
}

std::optional<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = hex_digit(text[i]);
    const auto low = hex_digit(text[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>((*high << 4U) | *low));
  }
  return bytes;
}

std::optional<std::uint8_t> ByteReader::read_u8() { return read_big_endian<std::uint8_t>(*this); }
std::optional<std::uint16_t> ByteReader::read_u16() { return read_big_endian<std::uint16_t>(*this); }
std::optional<std::uint32_t> ByteReader::read_u32() { return read_big_endian<std::uint32_t>(*this); }
std::optional<std::uint64_t> ByteReader::read_u64() { return read_big_endian<std::uint64_t>(*this); }

std::optional<ByteView> ByteReader::read_bytes(std::size_t count) {
  if (count > remaining()) return std::nullopt;
  const auto view = bytes_.subspan(position_, count);
  position_ += count;
  return view;
}

void ByteWriter::write_u8(std::uint8_t value) { out_.push_back(value); }
void ByteWriter::write_u16(std::uint16_t value) { append_big_endian(out_, value); }
void ByteWriter::write_u32(std::uint32_t value) { append_big_endian(out_, value); }
void ByteWriter::write_u64(std::uint64_t value) { append_big_endian(out_, value); }
void ByteWriter::write_bytes(ByteView bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
void ByteWriter::write_zeros(std::size_t count) { out_.insert(out_.end(), count, 0); }

void ByteWriter::patch_u16(std::size_t position, std::uint16_t value) {
  assert(position + 2 <= out_.size());
  out_[position] = static_cast<std::uint8_t>(value >> 8U);
  out_[position + 1] = static_cast<std::uint8_t>(value);
}
}  // namespace natkit
