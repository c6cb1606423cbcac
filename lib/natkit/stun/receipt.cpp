#include "natkit/stun/receipt.hpp"

#include <algorithm>

namespace natkit::stun {
namespace {
constexpr std::size_t attribute_header_bytes = 4;
constexpr std::size_t fingerprint_bytes = 8;

constexpr std::size_t endpoint_bytes(Family family) { return family == Family::ipv4 ? 12 : 24; }
}  // namespace

std::size_t receipt_request_bytes(Family family) {
  const std::size_t endpoint = endpoint_bytes(family);
  // XOR-MAPPED-ADDRESS, RESPONSE-ORIGIN, OTHER-ADDRESS, MAPPED-ADDRESS; and in the receipt its own and a mapped address
  const std::size_t answer = header_bytes + 4 * endpoint + fingerprint_bytes;
  const std::size_t receipt = header_bytes + 2 * endpoint + fingerprint_bytes;
  return answer + receipt;
}

void add_receipt_request(MessageWriter& writer, Family family, Fingerprint fingerprint) {
  const std::size_t tail = fingerprint == Fingerprint::follows ? fingerprint_bytes : 0;
  const std::size_t bare = writer.size() + attribute_header_bytes + tail;
  const std::size_t wanted = receipt_request_bytes(family);
  writer.add(AttributeType::natkit_receipt, Bytes(wanted > bare ? wanted - bare : 0));
}

void add_receipt_request(MessageWriter& writer, std::size_t message_bytes) {
  writer.add(AttributeType::natkit_receipt, Bytes(message_bytes - writer.size() - attribute_header_bytes));
}

std::optional<Endpoint> receipt(const Message& answer) {
  if (answer.message_class() != MessageClass::success) return std::nullopt;
  return answer.endpoint(AttributeType::natkit_receipt);
}

std::optional<AddressCookie> cookie(const Message& answer) {
  const auto value = answer.find(AttributeType::natkit_cookie);
  AddressCookie cookie;
  if (answer.message_class() != MessageClass::success || !value || value->size() != cookie.size()) return std::nullopt;
  std::ranges::copy(*value, cookie.begin());
  return cookie;
}

std::optional<std::uint16_t> second_port(const Message& answer) {
  if (answer.message_class() != MessageClass::success) return std::nullopt;
  return answer.u16(AttributeType::natkit_second_port);
}
}  // namespace natkit::stun
