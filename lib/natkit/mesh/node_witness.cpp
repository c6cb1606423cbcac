#include "natkit/base/base64.hpp"
#include "natkit/mesh/node.hpp"
#include "natkit/mesh/witness_message.hpp"

/// The meeting place as a voter (witness.hpp): what the member machine says to it goes over the server's connection,
/// signed; what it answers is heard like a member's word.
namespace natkit::mesh {
/// Who it is, and whether it knows this session.
void Node::ask_for_witness(Instant now) {
  if (client_ && is_registered_ && member_.is_member() && !is_closing_) send_to_witness(now, {});
}

void Node::say_to_witness(Instant now, const Bytes& message) {
  send_to_witness(
      now, write_question(
               {.from = member_.id(), .message = message, .signature = signatures_.sign(question_text(message))}));
}

void Node::send_to_witness(Instant now, const Bytes& question) {
  const auto& view = member_.view();
  if (view) client_->send_witness(now, witness_key(view->session, view->settings.token), to_base64(question));
}

void Node::hear_witness(Instant now, const rendezvous::WitnessSaid& said) {
  const auto& view = member_.view();
  if (!view || said.session != witness_key(view->session, view->settings.token)) return;
  const auto bytes = from_base64(said.text);
  const auto answer = bytes ? parse_answer(*bytes) : std::unexpected(MessageError::malformed);
  if (!answer) return;
  if (const auto* self = std::get_if<Introduction>(&*answer)) {
    witness_ = self->id;
    member_.offer_witness(now, *self, server_rtt_);
  } else if (witness_) {
    member_.handle_message(now, *witness_, std::get<Bytes>(*answer));
  }
}

void Node::lose_witness(Instant now) {
  witness_.reset();
  member_.lose_witness(now);
}
}  // namespace natkit::mesh
