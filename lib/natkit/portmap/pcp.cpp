#include "natkit/portmap/pcp.hpp"

#include <algorithm>

namespace natkit::portmap::pcp {
namespace {
constexpr std::uint8_t response_bit = 0x80;
enum class Opcode : std::uint8_t { announce = 0, map = 1, peer = 2 };                      // §19.2
enum class OptionCode : std::uint8_t { third_party = 1, prefer_failure = 2, filter = 3 };  // §19.4
constexpr std::uint8_t first_optional_option = 128;                                        // §7.3
constexpr std::size_t header_length = 24;
constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void write_address(ByteWriter& writer, const IpAddress& address) {
  if (address.is_v4()) writer.write_bytes(v4_prefix);
  writer.write_bytes(address.bytes());
}

std::optional<IpAddress> read_address(ByteReader& reader) {
  const auto bytes = reader.read_bytes(16);
  if (!bytes) return std::nullopt;
  const bool is_mapped = std::ranges::equal(bytes->first(v4_prefix.size()), v4_prefix);
  return IpAddress::from_bytes(is_mapped ? bytes->subspan(v4_prefix.size()) : *bytes);
}

Opcode opcode_of(const Operation& operation) {
  if (std::holds_alternative<Map>(operation)) return Opcode::map;
  return std::holds_alternative<Peer>(operation) ? Opcode::peer : Opcode::announce;
}

void write_map(ByteWriter& writer, const Map& map) {
  writer.write_bytes(map.nonce);
  writer.write_u8(map.protocol);
  writer.write_zeros(3);
  writer.write_u16(map.internal_port);
  writer.write_u16(map.external.port);
  write_address(writer, map.external.address);
}

void write_operation(ByteWriter& writer, const Operation& operation) {
  if (const auto* map = std::get_if<Map>(&operation)) write_map(writer, *map);
  if (const auto* peer = std::get_if<Peer>(&operation)) {
    write_map(writer, peer->map);
    writer.write_u16(peer->peer.port);
    writer.write_zeros(2);
    write_address(writer, peer->peer.address);
  }
}

void write_option(ByteWriter& writer, OptionCode code, std::uint16_t length) {
  writer.write_u8(static_cast<std::uint8_t>(code));
  writer.write_zeros(1);
  writer.write_u16(length);
}

void write_options(ByteWriter& writer, const std::vector<Option>& options) {
  for (const auto& option : options) {
    if (const auto* other = std::get_if<ThirdParty>(&option)) {
      write_option(writer, OptionCode::third_party, 16);
      write_address(writer, other->internal);
    } else if (const auto* filter = std::get_if<Filter>(&option)) {
      write_option(writer, OptionCode::filter, 20);
      writer.write_zeros(1);
      writer.write_u8(filter->prefix_length);
      writer.write_u16(filter->peer.port);
      write_address(writer, filter->peer.address);
    } else {
      write_option(writer, OptionCode::prefer_failure, 0);
    }
  }
}

std::optional<Map> read_map(ByteReader& reader) {
  Map map;
  const auto nonce = reader.read_bytes(map.nonce.size());
  const auto protocol = reader.read_u8();
  const auto reserved = reader.read_bytes(3);
  const auto internal = reader.read_u16();
  const auto external = reader.read_u16();
  const auto address = reader.remaining() < 16 ? std::nullopt : read_address(reader);
  if (!nonce || !protocol || !reserved || !internal || !external || !address) return std::nullopt;
  std::ranges::copy(*nonce, map.nonce.begin());
  map.protocol = *protocol;
  map.internal_port = *internal;
  map.external = {*address, *external};
  return map;
}

std::expected<Operation, ParseError> read_operation(ByteReader& reader, std::uint8_t opcode) {
  if (opcode == static_cast<std::uint8_t>(Opcode::announce)) return Announce{};
  if (opcode > static_cast<std::uint8_t>(Opcode::peer)) return std::unexpected(ParseError::unknown_opcode);
  const auto map = read_map(reader);
  if (!map) return std::unexpected(ParseError::truncated);
  if (opcode == static_cast<std::uint8_t>(Opcode::map)) return *map;
  const auto port = reader.read_u16();
  const auto reserved = reader.read_u16();
  const auto address = read_address(reader);
  if (!port || !reserved || !address) return std::unexpected(ParseError::truncated);
  return Peer{*map, {*address, *port}};
}

std::optional<Option> read_known_option(OptionCode code, ByteView data) {
  ByteReader reader{data};
  switch (code) {
    case OptionCode::third_party:
      if (data.size() != 16) return std::nullopt;
      return ThirdParty{*read_address(reader)};
    case OptionCode::prefer_failure:
      if (!data.empty()) return std::nullopt;
      return PreferFailure{};
    case OptionCode::filter: {
      if (data.size() != 20) return std::nullopt;
      static_cast<void>(reader.read_u8());
      const auto prefix_length = *reader.read_u8();
      const auto port = *reader.read_u16();
      if (prefix_length > 128) return std::nullopt;
      return Filter{prefix_length, {*read_address(reader), port}};
    }
  }
  return std::nullopt;
}

std::expected<std::vector<Option>, ParseError> read_options(ByteReader& reader) {
  std::vector<Option> options;
  while (reader.remaining() > 0) {
    const auto code = reader.read_u8();
    const auto reserved = reader.read_u8();
    const auto length = reader.read_u16();
    if (!code || !reserved || !length) return std::unexpected(ParseError::truncated);
    const auto data = reader.read_bytes(*length);
    const auto padding = reader.read_bytes((4U - *length % 4U) % 4U);
    if (!data || !padding) return std::unexpected(ParseError::truncated);
    if (*code >= first_optional_option) continue;
    if (*code == 0 || *code > static_cast<std::uint8_t>(OptionCode::filter))
      return std::unexpected(ParseError::unknown_option);
    auto option = read_known_option(static_cast<OptionCode>(*code), *data);
    if (!option) return std::unexpected(ParseError::malformed_option);
    options.push_back(*option);
  }
  return options;
}

struct Header {
  std::uint8_t version = 0;
  std::uint8_t opcode = 0;
  std::uint8_t result = 0;
  std::uint32_t lifetime = 0;
};

std::optional<Header> read_header(ByteReader& reader) {
  const auto version = reader.read_u8();
  const auto opcode = reader.read_u8();
  const auto reserved = reader.read_u8();
  const auto result = reader.read_u8();
  const auto lifetime = reader.read_u32();
  if (!version || !opcode || !reserved || !result || !lifetime) return std::nullopt;
  return Header{*version, *opcode, *result, *lifetime};
}

bool has_bad_length(ByteView datagram) { return datagram.size() > longest_message || datagram.size() % 4 != 0; }
}  // namespace

Bytes write_request(const Request& request) {
  Bytes out;
  ByteWriter writer{out};
  writer.write_u8(version);
  writer.write_u8(static_cast<std::uint8_t>(opcode_of(request.operation)));
  writer.write_zeros(2);
  writer.write_u32(static_cast<std::uint32_t>(request.lifetime.count()));
  write_address(writer, request.client);
  write_operation(writer, request.operation);
  write_options(writer, request.options);
  return out;
}

Bytes write_response(const Response& response) {
  Bytes out;
  ByteWriter writer{out};
  writer.write_u8(version);
  writer.write_u8(response_bit | static_cast<std::uint8_t>(opcode_of(response.operation)));
  writer.write_zeros(1);
  writer.write_u8(static_cast<std::uint8_t>(response.result));
  writer.write_u32(static_cast<std::uint32_t>(response.lifetime.count()));
  writer.write_u32(static_cast<std::uint32_t>(response.epoch.count()));
  writer.write_zeros(12);
  write_operation(writer, response.operation);
  write_options(writer, response.options);
  return out;
}

std::expected<Request, ParseError> parse_request(ByteView datagram) {
  ByteReader reader{datagram};
  const auto header = read_header(reader);
  if (!header) return std::unexpected(ParseError::truncated);
  if (header->version != version) return std::unexpected(ParseError::not_pcp);
  if ((header->opcode & response_bit) != 0) return std::unexpected(ParseError::wrong_direction);
  if (has_bad_length(datagram)) return std::unexpected(ParseError::bad_length);
  const auto client = read_address(reader);
  if (!client) return std::unexpected(ParseError::truncated);
  auto operation = read_operation(reader, header->opcode);
  if (!operation) return std::unexpected(operation.error());
  auto options = read_options(reader);
  if (!options) return std::unexpected(options.error());
  return Request{std::chrono::seconds{header->lifetime}, *client, *operation, std::move(*options)};
}

std::expected<Response, ParseError> parse_response(ByteView datagram) {
  ByteReader reader{datagram};
  const auto header = read_header(reader);
  if (!header) return std::unexpected(ParseError::truncated);
  const auto result = static_cast<ResultCode>(header->result);
  // A server of another version answers in its own (§9); only the result can be relied on then.
  const bool is_other_version = header->version != version;
  if (is_other_version && (header->version == 0 || result != ResultCode::unsupported_version))
    return std::unexpected(ParseError::not_pcp);
  if ((header->opcode & response_bit) == 0) return std::unexpected(ParseError::wrong_direction);
  if (has_bad_length(datagram)) return std::unexpected(ParseError::bad_length);
  if (datagram.size() < header_length) return std::unexpected(ParseError::truncated);
  const auto epoch = reader.read_u32();
  static_cast<void>(reader.read_bytes(12));
  Response response{
      .result = result, .lifetime = std::chrono::seconds{header->lifetime}, .epoch = std::chrono::seconds{*epoch}};
  const bool is_refusal = result != ResultCode::success;
  if (is_refusal && (is_other_version || reader.remaining() == 0)) return response;
  auto operation = read_operation(reader, header->opcode & static_cast<std::uint8_t>(~response_bit));
  if (!operation) {
    if (is_refusal) return response;
    return std::unexpected(operation.error());
  }
  response.operation = *operation;
  auto options = read_options(reader);
  // A refusal gives the options back as they came, those it did not understand included (§8.3).
  if (!options && !is_refusal) return std::unexpected(options.error());
  if (options) response.options = std::move(*options);
  return response;
}

std::uint8_t number_of(Protocol protocol) { return protocol == Protocol::tcp ? 6 : 17; }

std::optional<Protocol> protocol_of(std::uint8_t number) {
  if (number == 6) return Protocol::tcp;
  if (number == 17) return Protocol::udp;
  return std::nullopt;
}
}  // namespace natkit::portmap::pcp
