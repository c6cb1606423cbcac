#include "natkit/portmap/igd.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

// Each value is described once, by `fields`; a Writer or a Reader walks over them. So what is written is what is read.
namespace natkit::portmap::igd {
namespace {
constexpr std::size_t longest_text = 4096;
constexpr std::size_t longest_list = 1024;

class Writer {
 public:
  explicit Writer(Bytes& out) : writer_(out) {}

  template <class... Values>
  void operator()(const Values&... values) {
    (write(values), ...);
  }

 private:
  void write(std::uint8_t value) { writer_.write_u8(value); }
  void write(std::uint16_t value) { writer_.write_u16(value); }
  void write(bool value) { writer_.write_u8(value ? 1 : 0); }  // NOLINT: an overload, not an argument for people
  void write(int value) { writer_.write_u32(static_cast<std::uint32_t>(value)); }
  void write(std::chrono::seconds value) { writer_.write_u64(static_cast<std::uint64_t>(value.count())); }
  void write(const std::string& text) {
    const auto bytes = as_bytes(text).first(std::min(text.size(), longest_text));
    writer_.write_u16(static_cast<std::uint16_t>(bytes.size()));
    writer_.write_bytes(bytes);
  }
  void write(const IpAddress& address) {
    writer_.write_u8(static_cast<std::uint8_t>(address.bytes().size()));
    writer_.write_bytes(address.bytes());
  }
  void write(const Endpoint& endpoint) {
    write(endpoint.address);
    write(endpoint.port);
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void write(Enum value) {
    writer_.write_u8(static_cast<std::uint8_t>(value));
  }
  template <class T>
  void write(const std::optional<T>& value) {
    write(static_cast<std::uint8_t>(value.has_value()));
    if (value) write(*value);
  }
  template <class T>
  void write(const std::vector<T>& values) {
    const auto count = std::min(values.size(), longest_list);
    write(static_cast<std::uint16_t>(count));
    for (std::size_t i = 0; i < count; ++i) write(values[i]);
  }
  template <class T>
    requires std::is_class_v<T>
  void write(const T& value) {
    fields(*this, value);
  }

  ByteWriter writer_;
};

class Reader {
 public:
  explicit Reader(ByteView bytes) : reader_(bytes) {}

  template <class... Values>
  void operator()(Values&... values) {
    (read(values), ...);
  }
  [[nodiscard]] std::optional<ParseError> error() const {
    if (error_) return error_;
    if (reader_.remaining() > 0) return ParseError::trailing_bytes;
    return std::nullopt;
  }
  void note(ParseError error) {
    if (!error_) error_ = error;
  }

 private:
  template <class T>
  T take(std::optional<T> value) {
    if (!value) note(ParseError::truncated);
    return value.value_or(T{});
  }

  void read(std::uint8_t& value) { value = take(reader_.read_u8()); }
  void read(std::uint16_t& value) { value = take(reader_.read_u16()); }
  void read(int& value) { value = static_cast<int>(take(reader_.read_u32())); }
  void read(bool& value) { value = read_flag(); }
  void read(std::chrono::seconds& value) {
    const auto count = take(reader_.read_u64());
    if (count > UINT32_MAX) note(ParseError::bad_value);
    value = std::chrono::seconds{static_cast<std::uint32_t>(count)};
  }
  void read(std::string& text) {
    const auto length = take(reader_.read_u16());
    if (length > longest_text) note(ParseError::bad_value);
    text = as_text(take(reader_.read_bytes(length)));
  }
  void read(IpAddress& address) {
    const auto length = take(reader_.read_u8());
    const auto parsed = IpAddress::from_bytes(take(reader_.read_bytes(length)));
    if (!parsed) note(ParseError::bad_value);
    address = parsed.value_or(IpAddress{});
  }
  void read(Endpoint& endpoint) { (*this)(endpoint.address, endpoint.port); }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void read(Enum& value) {
    const auto number = take(reader_.read_u8());
    if (number > last_of(value)) note(ParseError::bad_value);
    value = number > last_of(value) ? Enum{} : static_cast<Enum>(number);
  }
  template <class T>
  void read(std::optional<T>& value) {
    value.reset();
    if (read_flag()) read(value.emplace());
  }
  template <class T>
  void read(std::vector<T>& values) {
    values.clear();
    const auto count = take(reader_.read_u16());
    if (count > longest_list) note(ParseError::bad_value);
    while (!error_ && values.size() < count) read(values.emplace_back());
  }
  template <class T>
    requires std::is_class_v<T>
  void read(T& value) {
    fields(*this, value);
  }

  [[nodiscard]] bool read_flag() {
    const auto value = take(reader_.read_u8());
    if (value > 1) note(ParseError::bad_value);
    return value == 1;
  }
  static std::uint8_t last_of(Protocol) { return static_cast<std::uint8_t>(Protocol::tcp); }
  static std::uint8_t last_of(Add::Port) { return static_cast<std::uint8_t>(Add::Port::any); }
  static std::uint8_t last_of(Fault::Kind) { return static_cast<std::uint8_t>(Fault::Kind::crashed); }

  ByteReader reader_;
  std::optional<ParseError> error_;
};

template <class T, class Wanted>
concept Is = std::same_as<std::remove_const_t<T>, Wanted>;

void fields(auto& archive, Is<Service> auto& it) { archive(it.type, it.control_url); }
void fields(auto& archive, Is<Describe> auto& it) { archive(it.location, it.host, it.local); }
void fields(auto& archive, Is<Add> auto& it) {
  archive(it.service, it.protocol, it.internal, it.external_port, it.lifetime, it.description, it.port);
}
void fields(auto& archive, Is<Delete> auto& it) { archive(it.service, it.protocol, it.external_port); }
void fields(auto& archive, Is<Look> auto& it) { archive(it.service, it.protocol, it.external_port); }
void fields(auto& archive, Is<List> auto& it) { archive(it.service, it.limit); }
void fields(auto& archive, Is<AddPinhole> auto& it) { archive(it.service, it.protocol, it.internal, it.lifetime); }
void fields(auto& archive, Is<UpdatePinhole> auto& it) { archive(it.service, it.local, it.unique_id, it.lifetime); }
void fields(auto& archive, Is<DeletePinhole> auto& it) { archive(it.service, it.local, it.unique_id); }
void fields(auto& archive, Is<Connection> auto& it) { archive(it.service, it.status, it.external); }
void fields(auto& archive, Is<Device> auto& it) {
  archive(it.manufacturer, it.model, it.name, it.connections, it.firewall, it.pinholes_allowed);
}
void fields(auto& archive, Is<Entry> auto& it) {
  archive(it.protocol, it.external_port, it.internal, it.lifetime, it.description, it.remote_host, it.is_enabled);
}
void fields(auto& archive, Is<Added> auto& it) { archive(it.external_port); }
void fields(auto& /*archive*/, Is<Done> auto& /*it*/) {}
void fields(auto& archive, Is<Pinhole> auto& it) { archive(it.unique_id); }
void fields(auto& archive, Is<Fault> auto& it) { archive(it.kind, it.code, it.detail); }

template <class Variant>
void write_variant(Writer& writer, const Variant& value) {
  writer(static_cast<std::uint8_t>(value.index()));
  std::visit([&](const auto& alternative) { writer(alternative); }, value);
}

template <class Variant>
Variant read_variant(Reader& reader) {
  std::uint8_t index = 0;
  reader(index);
  Variant value;
  const auto read_as = [&]<std::size_t I>() {
    if (index == I) reader(value.template emplace<I>());
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (read_as.template operator()<I>(), ...);
  }(std::make_index_sequence<std::variant_size_v<Variant>>{});
  if (index >= std::variant_size_v<Variant>) reader.note(ParseError::unknown_kind);
  return value;
}
}  // namespace

Bytes write_call(const Call& call) {
  Bytes out;
  Writer writer{out};
  write_variant(writer, call);
  return out;
}

std::expected<Call, ParseError> parse_call(ByteView bytes) {
  Reader reader{bytes};
  auto call = read_variant<Call>(reader);
  if (const auto error = reader.error()) return std::unexpected(*error);
  return call;
}

Bytes write_reply(const Reply& reply) {
  Bytes out;
  Writer writer{out};
  writer(static_cast<std::uint8_t>(reply.has_value()));
  if (reply)
    write_variant(writer, *reply);
  else
    writer(reply.error());
  return out;
}

std::expected<Reply, ParseError> parse_reply(ByteView bytes) {
  Reader reader{bytes};
  std::uint8_t is_answer = 0;
  reader(is_answer);
  Reply reply;
  if (is_answer > 1) return std::unexpected(ParseError::unknown_kind);
  if (is_answer == 1) {
    reply = read_variant<Answer>(reader);
  } else {
    Fault fault;
    reader(fault);
    reply = std::unexpected(std::move(fault));
  }
  if (const auto error = reader.error()) return std::unexpected(*error);
  return reply;
}
}  // namespace natkit::portmap::igd
