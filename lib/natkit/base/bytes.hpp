#pragma once
/// Bytes as they stand on the wire, and the cursor that every codec reads and writes them with.
/// All integers are big-endian (network order). A read past the end is a value (`nullopt`), never undefined behaviour,
/// so that a codec can be handed any bytes at all.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace natkit {
using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

/// The bytes of a text, without a copy. The text must outlive the view.
[[nodiscard]] ByteView as_bytes(std::string_view text);
/// The bytes as text, without a copy and without a check: print it only after escaping.
[[nodiscard]] std::string_view as_text(ByteView bytes);

/// Lower case, two digits a byte, no separators.
[[nodiscard]] std::string to_hex(ByteView bytes);
/// The inverse of `to_hex`; upper case is accepted. `nullopt` on an odd length or a foreign character.
[[nodiscard]] std::optional<Bytes> from_hex(std::string_view text);

/// Reads forward through a datagram. After a failed read the position is unchanged.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}
  [[nodiscard]] std::optional<std::uint8_t> read_u8();
  [[nodiscard]] std::optional<std::uint16_t> read_u16();
  [[nodiscard]] std::optional<std::uint32_t> read_u32();
  [[nodiscard]] std::optional<std::uint64_t> read_u64();
  /// A view into the input; it lives as long as the input does.
  [[nodiscard]] std::optional<ByteView> read_bytes(std::size_t count);
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }

 private:
  ByteView bytes_;
  std::size_t position_ = 0;
};

/// Appends to a buffer that the caller owns and may have reserved.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}
  void write_u8(std::uint8_t value);
  void write_u16(std::uint16_t value);
  void write_u32(std::uint32_t value);
  void write_u64(std::uint64_t value);
  void write_bytes(ByteView bytes);
  void write_zeros(std::size_t count);
  /// Overwrites two bytes already written, for lengths known only at the end.
  void patch_u16(std::size_t position, std::uint16_t value);
  [[nodiscard]] std::size_t size() const { return out_.size(); }

 private:
  Bytes& out_;
};
}  // namespace natkit
