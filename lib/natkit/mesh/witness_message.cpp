#include "natkit/mesh/witness_message.hpp"

#include "natkit/crypto/digest.hpp"
#include "natkit/mesh/view_fields.hpp"

namespace natkit::mesh {
namespace {
constexpr std::string_view purpose = "natkit mesh witness";
constexpr std::size_t most_message_bytes = 24576;  ///< a view of 16 members, and how it came about

template <class Archive, class Value>
bool question_fields(Archive& a, Value& q) {
  return a.array(q.from.bytes) && a.bytes(q.message, most_message_bytes) && a.bytes(q.signature, most_signature_bytes);
}
}  // namespace

Bytes question_text(ByteView message) {
  Bytes out;
  ByteWriter writer{out};
  writer.write_bytes(as_bytes(purpose));
  writer.write_u8(0);
  writer.write_bytes(message);
  return out;
}

Bytes write_question(const Question& question) {
  Bytes out;
  WireWriter wire{out};
  question_fields(wire, question);
  return out;
}

std::expected<Question, MessageError> parse_question(ByteView bytes) {
  WireReader wire{bytes};
  Question question;
  if (!question_fields(wire, question) || !wire.is_at_end()) return std::unexpected(MessageError::malformed);
  return question;
}

Bytes write_answer(const Answer& answer) {
  Bytes out;
  WireWriter wire{out};
  wire.number(static_cast<std::uint8_t>(answer.index()));
  if (const auto* self = std::get_if<Introduction>(&answer))
    fields(wire, *self);
  else
    wire.bytes(std::get<Bytes>(answer), most_message_bytes);
  return out;
}

std::expected<Answer, MessageError> parse_answer(ByteView bytes) {
  WireReader wire{bytes};
  std::uint8_t kind = 0;
  Introduction self;
  Bytes message;
  if (wire.number(kind) && kind == 0 && fields(wire, self) && wire.is_at_end()) return self;
  if (kind == 1 && wire.bytes(message, most_message_bytes) && wire.is_at_end()) return message;
  return std::unexpected(MessageError::malformed);
}

std::string witness_key(const SessionId& session, ByteView token) {
  Bytes text{session.bytes.begin(), session.bytes.end()};
  text.insert(text.end(), token.begin(), token.end());
  return to_hex(crypto::sha256(text));
}
}  // namespace natkit::mesh
