#pragma once
/// What members ask the witness (witness.hpp) and what it answers. The meeting place carries both as text and proves
/// nobody's identity, so members sign what they ask; the witness signs what it has to prove to others, its votes.
///
///   question:  sender 32 | message (message.hpp) | the sender's signature; or nothing at all: who are you?
///   answer:    0 | introduction of the witness: it knows nothing of this session
///              1 | message
#include <expected>
#include <string>
#include <variant>

#include "natkit/mesh/message.hpp"
#include "natkit/mesh/signatures.hpp"

namespace natkit::mesh {
struct Question {
  MemberId from{};
  Bytes message{};
  Bytes signature{};  ///< over `question_text`
  bool operator==(const Question&) const = default;
};
[[nodiscard]] Bytes question_text(ByteView message);
[[nodiscard]] Bytes write_question(const Question& question);
[[nodiscard]] std::expected<Question, MessageError> parse_question(ByteView bytes);

using Answer = std::variant<Introduction, Bytes>;
[[nodiscard]] Bytes write_answer(const Answer& answer);
[[nodiscard]] std::expected<Answer, MessageError> parse_answer(ByteView bytes);

/// What the session is called towards the witness: only members can tell, since only they have the row's token.
[[nodiscard]] std::string witness_key(const SessionId& session, ByteView token);
}  // namespace natkit::mesh
