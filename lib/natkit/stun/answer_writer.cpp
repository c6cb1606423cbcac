#include "natkit/stun/answer_writer.hpp"

#include <algorithm>
#include <string_view>

namespace natkit::stun {
namespace {
constexpr std::size_t attribute_header_bytes = 4;
constexpr std::size_t fingerprint_bytes = 8;

constexpr std::size_t attribute_bytes(std::size_t value_size) {
  return attribute_header_bytes + (value_size + 3) / 4 * 4;
}

std::string_view reason(std::uint16_t code) {  // RFC 8489 §14.8
  return code == 420 ? "Unknown Attribute" : "Bad Request";
}
}  // namespace

AnswerWriter::AnswerWriter(MessageClass message_class, const Message& request, const Budget& budget)
    : writer_(message_class, request.method(), request.transaction_id(), request.cookie()),
      budget_(budget),
      with_fingerprint_(request.find(AttributeType::fingerprint).has_value()),
      tail_(with_fingerprint_ ? fingerprint_bytes : 0) {}

bool AnswerWriter::has_room_for(std::size_t value_size, Payment payment) const {
  const std::size_t bound = payment == Payment::covered ? budget_.covered : budget_.limit;
  return writer_.size() + attribute_bytes(value_size) + tail_ <= bound;
}

AnswerWriter& AnswerWriter::must(AttributeType type, const Endpoint& endpoint) {
  writer_.add_endpoint(type, endpoint);
  return *this;
}

AnswerWriter& AnswerWriter::must_error(std::uint16_t code, const AttributeTypes& unknown) {
  const std::size_t list = unknown.is_empty() ? 0 : attribute_bytes(unknown.all().size() * 2);
  const auto text = reason(code);
  const bool fits = has_room_for(4 + text.size() + list, Payment::allowance);
  writer_.add_error(code, fits ? text : std::string_view{});
  if (!unknown.is_empty()) writer_.add_unknown_attributes(unknown);
  return *this;
}

AnswerWriter& AnswerWriter::welcome(AttributeType type, const Endpoint& endpoint, Payment payment) {
  if (has_room_for(4 + endpoint.address.bytes().size(), payment)) writer_.add_endpoint(type, endpoint);
  return *this;
}

AnswerWriter& AnswerWriter::welcome(AttributeType type, ByteView value, Payment payment) {
  if (has_room_for(value.size(), payment)) writer_.add(type, value);
  return *this;
}

AnswerWriter& AnswerWriter::expect_padding() {
  tail_ += attribute_header_bytes;
  return *this;
}

AnswerWriter& AnswerWriter::must_padding(std::size_t wanted) {
  const std::size_t used = writer_.size() + tail_;  // the tail counts PADDING's own header
  const std::size_t room = used < budget_.limit ? budget_.limit - used : 0;
  writer_.add(AttributeType::padding, Bytes(std::min(wanted, room) / 4 * 4));
  return *this;
}

std::optional<Bytes> AnswerWriter::finish() {
  if (with_fingerprint_) writer_.add_fingerprint();
  if (writer_.size() > budget_.limit) return std::nullopt;
  return writer_.finish();
}
}  // namespace natkit::stun
