#include "natkit/portmap/natpmp.hpp"

namespace natkit::portmap::natpmp {
namespace {
constexpr std::uint8_t response_bit = 128;
enum class Opcode : std::uint8_t { address = 0, map_udp = 1, map_tcp = 2 };
constexpr std::size_t bare_length = 8;

Opcode opcode_of(Protocol protocol) { return protocol == Protocol::tcp ? Opcode::map_tcp : Opcode::map_udp; }
Protocol protocol_of(Opcode opcode) { return opcode == Opcode::map_tcp ? Protocol::tcp : Protocol::udp; }

struct Ports {
  std::uint16_t internal = 0;
  std::uint16_t external = 0;
  std::chrono::seconds lifetime{};
};

std::optional<Ports> read_ports(ByteReader& reader) {
  const auto internal = reader.read_u16();
  const auto external = reader.read_u16();
  const auto lifetime = reader.read_u32();
  if (!internal || !external || !lifetime) return std::nullopt;
  return Ports{*internal, *external, std::chrono::seconds{*lifetime}};
}

void write_ports(ByteWriter& writer, const Ports& ports) {
  writer.write_u16(ports.internal);
  writer.write_u16(ports.external);
  writer.write_u32(static_cast<std::uint32_t>(ports.lifetime.count()));
}
}  // namespace

Bytes write_request(const Request& request) {
  Bytes out;
  ByteWriter writer{out};
  writer.write_u8(0);
  const auto* mapping = std::get_if<MappingRequest>(&request);
  writer.write_u8(static_cast<std::uint8_t>(mapping ? opcode_of(mapping->protocol) : Opcode::address));
  if (!mapping) return out;
  writer.write_zeros(2);
  write_ports(writer, {mapping->internal_port, mapping->external_port, mapping->lifetime});
  return out;
}

Bytes write_response(const Response& response) {
  Bytes out;
  ByteWriter writer{out};
  const auto* mapping = std::get_if<MappingResponse>(&response.body);
  const auto* bare = std::get_if<BareResponse>(&response.body);
  const auto opcode = bare      ? bare->opcode
                      : mapping ? static_cast<std::uint8_t>(opcode_of(mapping->protocol))
                                : static_cast<std::uint8_t>(Opcode::address);
  writer.write_u8(0);
  writer.write_u8(response_bit | opcode);
  writer.write_u16(static_cast<std::uint16_t>(response.result));
  writer.write_u32(static_cast<std::uint32_t>(response.epoch.count()));
  if (mapping) write_ports(writer, {mapping->internal_port, mapping->external_port, mapping->lifetime});
  if (const auto* address = std::get_if<AddressResponse>(&response.body)) writer.write_bytes(address->external.bytes());
  return out;
}

std::expected<Request, ParseError> parse_request(ByteView datagram) {
  ByteReader reader{datagram};
  const auto version = reader.read_u8();
  const auto opcode = reader.read_u8();
  if (!version || !opcode) return std::unexpected(ParseError::truncated);
  if (*version != 0) return std::unexpected(ParseError::not_natpmp);
  if (*opcode >= response_bit) return std::unexpected(ParseError::wrong_direction);
  if (*opcode > static_cast<std::uint8_t>(Opcode::map_tcp)) return std::unexpected(ParseError::unknown_opcode);
  if (*opcode == static_cast<std::uint8_t>(Opcode::address)) return AddressRequest{};
  const auto reserved = reader.read_u16();
  const auto ports = reserved ? read_ports(reader) : std::nullopt;
  if (!ports) return std::unexpected(ParseError::truncated);
  return MappingRequest{protocol_of(static_cast<Opcode>(*opcode)), ports->internal, ports->external, ports->lifetime};
}

std::expected<Response, ParseError> parse_response(ByteView datagram) {
  ByteReader reader{datagram};
  const auto version = reader.read_u8();
  const auto opcode = reader.read_u8();
  const auto result = reader.read_u16();
  if (!version || !opcode) return std::unexpected(ParseError::truncated);
  if (*version != 0) return std::unexpected(ParseError::not_natpmp);
  if (*opcode < response_bit) return std::unexpected(ParseError::wrong_direction);
  if (!result) return std::unexpected(ParseError::truncated);
  Response response{.result = static_cast<ResultCode>(*result)};
  const auto asked = static_cast<std::uint8_t>(*opcode - response_bit);
  const auto epoch = reader.read_u32();
  if (!epoch) return std::unexpected(ParseError::truncated);
  response.epoch = std::chrono::seconds{*epoch};

  const bool is_refusal = response.result != ResultCode::success;
  if (asked > static_cast<std::uint8_t>(Opcode::map_tcp)) {
    if (!is_refusal) return std::unexpected(ParseError::unknown_opcode);
    response.body = BareResponse{asked};
  } else if (is_refusal && datagram.size() == bare_length) {
    response.body = BareResponse{asked};
  } else if (asked == static_cast<std::uint8_t>(Opcode::address)) {
    const auto address = reader.read_bytes(4);
    if (!address) return std::unexpected(ParseError::truncated);
    response.body = AddressResponse{*IpAddress::from_bytes(*address)};
  } else {
    const auto ports = read_ports(reader);
    if (!ports) return std::unexpected(ParseError::truncated);
    response.body =
        MappingResponse{protocol_of(static_cast<Opcode>(asked)), ports->internal, ports->external, ports->lifetime};
  }
  return response;
}
}  // namespace natkit::portmap::natpmp
