#include "natkit/mesh/message.hpp"

#include <type_traits>
#include <utility>

#include "natkit/mesh/view_fields.hpp"

namespace natkit::mesh {
namespace {
template <class Value, class Message>
concept Is = std::same_as<std::remove_const_t<Value>, Message>;

template <class Archive>
auto id_in(Archive& a) {
  return [&a](auto& id) { return a.array(id.bytes); };
}
template <class Archive>
auto introduction_in(Archive& a) {
  return [&a](auto& who) { return mesh::fields(a, who); };
}

template <class Archive, Is<Heartbeat> M>
bool message_fields(Archive& a, M& m) {
  const auto echo = [&](auto& each) { return a.number(each.epoch) && a.number(each.number); };
  const auto rtt = [&](auto& each) { return a.number(each); };
  const auto condition = [&](auto& each) {
    return a.choice(each.reach, Reach::open) && a.number(each.nat) && a.list(each.hearing, most_members, rtt);
  };
  return fields(a, m.version) && a.number(m.number) && a.maybe(m.echo, echo) && fields(a, m.committed) &&
         a.number(m.voted) && a.number(m.heard) && a.list(m.rtts, most_members, rtt) && a.maybe(m.strain, rtt) &&
         a.list(m.reached, most_joiners, id_in(a)) && a.flag(m.asks) && a.flag(m.acts) && a.number(m.round) &&
         a.maybe(m.condition, condition);
}
template <class Archive, Is<Views> M>
bool message_fields(Archive& a, M& m) {
  return a.list(m.foundings, most_foundings, [&](auto& each) { return fields(a, each); }) && fields(a, m.latest);
}
template <class Archive, Is<Claim> M>
bool message_fields(Archive& a, M& m) {
  return a.number(m.epoch) && fields(a, m.base);
}
template <class Archive, Is<Granted> M>
bool message_fields(Archive& a, M& m) {
  return a.number(m.epoch) && fields(a, m.base) && a.bytes(m.signature, most_signature_bytes);
}
template <class Archive, Is<Farewell> M>
bool message_fields(Archive& a, M& m) {
  return fields(a, m.who) && fields(a, m.version) && a.bytes(m.signature, most_signature_bytes);
}
template <class Archive, Is<JoinRequest> M>
bool message_fields(Archive& a, M& m) {
  if (!a.number(m.version)) return false;
  if (m.version != protocol_version) return a.rest();
  return fields(a, m.self) && a.bytes(m.proof, most_secret_bytes) &&
         a.list(m.reached, most_members + most_joiners, id_in(a));
}
template <class Archive, Is<JoinList> M>
bool message_fields(Archive& a, M& m) {
  return fields(a, m.version) && a.array(m.host.bytes) && a.choice(m.shape.kind, Shape::Kind::partial) &&
         a.number(m.shape.least) && a.list(m.members, most_members, introduction_in(a)) &&
         a.list(m.joiners, most_joiners, introduction_in(a));
}
template <class Archive, Is<JoinReport> M>
bool message_fields(Archive& a, M& m) {
  return fields(a, m.version) && a.list(m.reached, most_members + most_joiners, id_in(a)) &&
         a.list(m.failed, most_members, id_in(a));
}
template <class Archive, Is<JoinRefused> M>
bool message_fields(Archive& a, M& m) {
  return a.choice(m.reason, Refusal::ended) && a.text(m.text, most_text_bytes) &&
         a.list(m.peers, most_members, id_in(a));
}
template <class Archive, Is<Joining> M>
bool message_fields(Archive& a, M& m) {
  return fields(a, m.who);
}
template <class Archive, Is<Passed> M>
bool message_fields(Archive& a, M& m) {
  return a.array(m.from.bytes) && a.array(m.to.bytes) && a.text(m.text, most_payload_bytes);
}
template <class Archive, Is<HandoverOffer> M>
bool message_fields(Archive& a, M& m) {
  return a.number(m.epoch) && fields(a, m.base) && a.bytes(m.state, most_state_bytes);
}
template <class Archive, Is<HandoverReady> M>
bool message_fields(Archive& a, M& m) {
  return a.number(m.epoch) && fields(a, m.base) && a.bytes(m.signature, most_signature_bytes);
}
template <class Archive, Is<Wish> M>
bool message_fields(Archive& a, M& m) {
  return a.choice(m.kind, Wish::Kind::not_ready);
}
template <class Archive, Is<Struck> M>
bool message_fields(Archive& a, M& m) {
  return fields(a, m.version) && fields(a, m.who) && a.bytes(m.signature, most_signature_bytes);
}
template <class Archive, Is<SessionEnded> M>
bool message_fields(Archive& a, M& m) {
  return fields(a, m.version) && a.bytes(m.signature, most_signature_bytes);
}
template <class Archive, Is<Payload> M>
bool message_fields(Archive& a, M& m) {
  return a.number(m.epoch) && a.flag(m.is_from_host) && a.bytes(m.bytes, most_payload_bytes);
}
template <class Archive, Is<StateCopy> M>
bool message_fields(Archive& a, M& m) {
  return a.number(m.epoch) && a.number(m.number) && a.bytes(m.state, most_state_bytes);
}

template <class Archive, Is<Whereabouts> M>
bool message_fields(Archive& a, M& m) {
  return a.array(m.origin.bytes) && a.array(m.session.bytes) && a.number(m.members) && a.flag(m.is_led);
}

/// The type on the wire is the place in the variant.
template <std::size_t Type = 0>
std::optional<Message> read(std::size_t type, WireReader& wire) {
  if constexpr (Type == std::variant_size_v<Message>) {
    return std::nullopt;
  } else {
    if (type != Type) return read<Type + 1>(type, wire);
    std::variant_alternative_t<Type, Message> message;
    if (!message_fields(wire, message) || !wire.is_at_end()) return std::nullopt;
    return Message{std::move(message)};
  }
}
}  // namespace

std::string_view to_text(Refusal refusal) {
  switch (refusal) {
    case Refusal::version_mismatch:
      return "version-mismatch";
    case Refusal::locked:
      return "locked";
    case Refusal::full:
      return "full";
    case Refusal::banned:
      return "banned";
    case Refusal::wrong_password:
      return "wrong-password";
    case Refusal::not_all_reached:
      return "not-all-reached";
    case Refusal::rejected:
      return "rejected";
    case Refusal::no_host:
    case Refusal::host_lost:
      return "host-lost";
    case Refusal::timeout:
      return "timeout";
    case Refusal::ended:
    case Refusal::not_found:
      return "not-found";
    case Refusal::foreign_host:
      return "foreign-host";
  }
  return "";
}

std::uint32_t tag_of(const SessionId& session) {
  std::uint32_t tag = 0;
  for (std::size_t i = 0; i < sizeof tag; ++i) tag = tag << 8U | session.bytes[i];
  return tag;
}

std::expected<Envelope, MessageError> parse_message(ByteView bytes) {
  WireReader wire{bytes};
  std::uint8_t type = 0;
  Envelope envelope;
  if (!wire.number(type) || !wire.number(envelope.session)) return std::unexpected(MessageError::malformed);
  auto message = read(type, wire);
  if (!message) return std::unexpected(MessageError::malformed);
  envelope.message = std::move(*message);
  return envelope;
}

Bytes write_message(const SessionId& session, const Message& message) {
  Bytes out;
  WireWriter wire{out};
  wire.number(static_cast<std::uint8_t>(message.index()));
  wire.number(tag_of(session));
  std::visit([&](const auto& each) { message_fields(wire, each); }, message);
  return out;
}
}  // namespace natkit::mesh
