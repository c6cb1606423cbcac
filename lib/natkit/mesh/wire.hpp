#pragma once
/// The order of fields on the wire, written once for both directions: `fields(archive, value)` names them, and a
/// `WireWriter` or `WireReader` takes them out or puts them in. Integers are big-endian, lengths come first, every list
/// and text has its bound.
#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "natkit/base/bytes.hpp"

namespace natkit::mesh {
class WireWriter {
 public:
  explicit WireWriter(Bytes& out) : out_(out) {}

  template <class T>
    requires std::unsigned_integral<T> || std::is_enum_v<T>
  bool number(const T& value) {
    auto left = static_cast<std::uint64_t>(value);
    for (auto shift = 8 * sizeof(T); shift > 0;) {
      shift -= 8;
      out_.write_u8(static_cast<std::uint8_t>(left >> shift));
    }
    return true;
  }
  bool flag(const bool& value) { return number(static_cast<std::uint8_t>(value)); }
  template <class E>
  bool choice(const E& value, E) {
    return number(value);
  }
  template <std::size_t Size>
  bool array(const std::array<std::uint8_t, Size>& value) {
    out_.write_bytes(value);
    return true;
  }
  bool bytes(const Bytes& value, std::size_t) {
    out_.write_u16(static_cast<std::uint16_t>(value.size()));
    out_.write_bytes(value);
    return true;
  }
  bool text(const std::string& value, std::size_t) {
    out_.write_u16(static_cast<std::uint16_t>(value.size()));
    out_.write_bytes(as_bytes(value));
    return true;
  }
  template <class T, class Each>
  bool list(const std::vector<T>& values, std::size_t, Each each) {
    out_.write_u16(static_cast<std::uint16_t>(values.size()));
    for (const auto& value : values) each(value);
    return true;
  }
  /// What a reader passes over.
  bool rest() { return true; }
  template <class T, class Each>
  bool maybe(const std::optional<T>& value, Each each) {
    flag(value.has_value());
    return !value || each(*value);
  }

 private:
  ByteWriter out_;
};

/// Every call says whether the field was there and within its bounds; after a "no" the value is not to be used.
class WireReader {
 public:
  explicit WireReader(ByteView in) : in_(in) {}
  [[nodiscard]] bool is_at_end() const { return in_.remaining() == 0; }

  template <class T>
    requires std::unsigned_integral<T> || std::is_enum_v<T>
  bool number(T& value) {
    const auto bytes = in_.read_bytes(sizeof(T));
    if (!bytes) return false;
    std::uint64_t read = 0;
    for (const auto byte : *bytes) read = read << 8U | byte;
    value = static_cast<T>(read);
    return true;
  }
  bool flag(bool& value) {
    std::uint8_t read = 0;
    if (!number(read) || read > 1) return false;
    value = read == 1;
    return true;
  }
  template <class E>
  bool choice(E& value, E last) {
    return number(value) && value <= last;
  }
  template <std::size_t Size>
  bool array(std::array<std::uint8_t, Size>& value) {
    const auto bytes = in_.read_bytes(Size);
    if (!bytes) return false;
    std::copy(bytes->begin(), bytes->end(), value.begin());
    return true;
  }
  bool bytes(Bytes& value, std::size_t most) {
    const auto read = sized(most);
    if (read) value.assign(read->begin(), read->end());
    return read.has_value();
  }
  bool text(std::string& value, std::size_t most) {
    const auto read = sized(most);
    if (read) value = as_text(*read);
    return read.has_value();
  }
  template <class T, class Each>
  bool list(std::vector<T>& values, std::size_t most, Each each) {
    const auto count = in_.read_u16();
    // An element has a byte at least: so a short message cannot ask for much memory.
    if (!count || *count > most || *count > in_.remaining()) return false;
    values.assign(*count, T{});
    return std::ranges::all_of(values, each);
  }
  bool rest() { return in_.read_bytes(in_.remaining()).has_value(); }
  template <class T, class Each>
  bool maybe(std::optional<T>& value, Each each) {
    bool is_there = false;
    if (!flag(is_there)) return false;
    if (!is_there) return true;
    return each(value.emplace());
  }

 private:
  [[nodiscard]] std::optional<ByteView> sized(std::size_t most) {
    const auto size = in_.read_u16();
    if (!size || *size > most) return std::nullopt;
    return in_.read_bytes(*size);
  }

  ByteReader in_;
};
}  // namespace natkit::mesh
