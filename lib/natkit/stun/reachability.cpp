#include "natkit/stun/reachability.hpp"

#include <algorithm>

namespace natkit::stun {
namespace {
constexpr std::size_t attribute_header_bytes = 4;
constexpr std::size_t question_bytes = 12;
constexpr std::size_t report_bytes = 4;
constexpr std::uint8_t tcp_number = 6;   // IANA, protocol numbers
constexpr std::uint8_t udp_number = 17;  // likewise

constexpr std::size_t endpoint_bytes(Family family) { return family == Family::ipv4 ? 12 : 24; }

Bytes value_of(const ReachQuestion& question) {
  Bytes value;
  ByteWriter writer{value};
  writer.write_u8(question.protocol == Protocol::tcp ? tcp_number : udp_number);
  writer.write_u8(static_cast<std::uint8_t>(question.origin));
  writer.write_u16(question.port);
  writer.write_bytes(question.token);
  return value;
}
}  // namespace

std::string_view to_text(ReachState state) {
  switch (state) {
    case ReachState::under_way:
      return "under way";
    case ReachState::sent:
      return "sent";
    case ReachState::answered:
      return "answered";
    case ReachState::connected:
      return "connected";
    case ReachState::refused:
      return "refused";
    case ReachState::timed_out:
      return "timed out";
    case ReachState::unsent:
      return "not sent";
    case ReachState::busy:
      return "busy";
    case ReachState::forbidden:
      return "forbidden";
  }
  return "unknown";
}

std::size_t reach_request_bytes(Family family) {
  // XOR-MAPPED-ADDRESS, NATKIT-RECEIPT, NATKIT-REACH-REPORT. A probe has 36 bytes.
  return header_bytes + 2 * endpoint_bytes(family) + attribute_header_bytes + report_bytes;
}

Bytes write_reach_request(const TransactionId& id, Family family, const ReachQuestion& question,
                          const std::optional<AddressCookie>& cookie) {
  MessageWriter writer{MessageClass::request, Method::binding, id};
  if (cookie) writer.add(AttributeType::natkit_cookie, *cookie);
  auto value = value_of(question);
  const auto bare = writer.size() + attribute_header_bytes + value.size();
  const auto wanted = reach_request_bytes(family);
  if (wanted > bare) value.resize(value.size() + wanted - bare);
  return writer.add(AttributeType::natkit_reach, value).finish();
}

Bytes write_reach_probe(const TransactionId& id, const ReachQuestion& question) {
  MessageWriter writer{MessageClass::request, Method::binding, id};
  return writer.add(AttributeType::natkit_reach, value_of(question)).finish();
}

Bytes write_reach_answer(const TransactionId& id, const ReachReport& report) {
  MessageWriter writer{MessageClass::success, Method::binding, id};
  writer.add_endpoint(AttributeType::xor_mapped_address, report.seen);
  const auto tries = static_cast<std::uint8_t>(std::min(report.tries, 255U));
  const std::array<std::uint8_t, report_bytes> value{static_cast<std::uint8_t>(report.state), tries, 0, 0};
  writer.add(AttributeType::natkit_reach_report, value);
  if (report.origin) writer.add_endpoint(AttributeType::natkit_receipt, *report.origin);
  return writer.finish();
}

std::optional<ReachQuestion> parse_reach(const Message& message) {
  const auto value = message.find(AttributeType::natkit_reach);
  if (message.message_class() != MessageClass::request || !value || value->size() < question_bytes) return std::nullopt;
  ByteReader reader{*value};
  const auto number = *reader.read_u8();
  if (number != udp_number && number != tcp_number) return std::nullopt;
  ReachQuestion question{.protocol = number == tcp_number ? Protocol::tcp : Protocol::udp};
  if (*reader.read_u8() == static_cast<std::uint8_t>(ReachOrigin::same_address))
    question.origin = ReachOrigin::same_address;
  question.port = *reader.read_u16();
  std::ranges::copy(*reader.read_bytes(question.token.size()), question.token.begin());
  return question;
}

std::optional<ReachReport> parse_reach_report(const Message& answer) {
  const auto value = answer.find(AttributeType::natkit_reach_report);
  const auto seen = answer.endpoint(AttributeType::xor_mapped_address);
  if (answer.message_class() != MessageClass::success || !value || value->size() < report_bytes || !seen) return {};
  if ((*value)[0] > static_cast<std::uint8_t>(ReachState::forbidden)) return std::nullopt;
  return ReachReport{.state = static_cast<ReachState>((*value)[0]),
                     .tries = (*value)[1],
                     .seen = *seen,
                     .origin = answer.endpoint(AttributeType::natkit_receipt)};
}
}  // namespace natkit::stun
