#pragma once
/// The parts of a view on the wire (wire.hpp), for the view's signature and for messages.
#include "natkit/mesh/view.hpp"
#include "natkit/mesh/wire.hpp"

namespace natkit::mesh {
inline constexpr std::size_t most_name_bytes = 64;
inline constexpr std::size_t most_certificate_bytes = 2048;  ///< ours have some 350
inline constexpr std::size_t most_signature_bytes = 128;     ///< ECDSA on P-256 in DER has 72 at most
inline constexpr std::size_t most_tags = 16;
inline constexpr std::size_t most_banned = 64;
inline constexpr std::size_t most_departed = 16;
inline constexpr std::size_t most_secret_bytes = 64;

template <class Archive, class Value>
bool fields(Archive& a, Value& version)
  requires std::same_as<std::remove_const_t<Value>, Version>
{
  return a.number(version.epoch) && a.choice(version.title, Title::elected) && a.number(version.sequence);
}

template <class Archive, class Value>
bool fields(Archive& a, Value& s)
  requires std::same_as<std::remove_const_t<Value>, Settings>
{
  const auto tag = [&](auto& each) {
    return a.text(each.first, most_name_bytes) && a.text(each.second, most_name_bytes);
  };
  return a.text(s.name, most_name_bytes) && a.text(s.game, most_name_bytes) && a.list(s.tags, most_tags, tag) &&
         a.number(s.most) && a.choice(s.shape.kind, Shape::Kind::partial) && a.number(s.shape.least) &&
         a.choice(s.policy, Policy::manual) && a.choice(s.partition, Partition::leave) &&
         a.choice(s.standing, Standing::locked) && a.flag(s.is_listed) &&
         a.maybe(s.password, [&](auto& key) { return a.array(key); }) && a.bytes(s.token, most_secret_bytes) &&
         a.bytes(s.knock, most_secret_bytes) && a.maybe(s.branch_of, [&](auto& id) { return a.array(id.bytes); });
}

template <class Archive, class Value>
bool fields(Archive& a, Value& self)
  requires std::same_as<std::remove_const_t<Value>, Introduction>
{
  return a.array(self.id.bytes) && a.number(self.incarnation) && a.text(self.name, most_name_bytes) &&
         a.bytes(self.certificate, most_certificate_bytes) && a.number(self.forwards) &&
         a.choice(self.reach, Reach::open) && a.number(self.nat);
}

template <class Archive, class Value>
bool fields(Archive& a, Value& member)
  requires std::same_as<std::remove_const_t<Value>, Member>
{
  return fields(a, member.self) && a.number(member.number) && a.flag(member.is_voter) && a.flag(member.is_ready);
}

template <class Archive, class Value>
bool fields(Archive& a, Value& departed)
  requires std::same_as<std::remove_const_t<Value>, Departed>
{
  return a.array(departed.id.bytes) && a.number(departed.incarnation) && a.choice(departed.cause, Departure::banned);
}

template <class Archive, class Value>
bool fields(Archive& a, Value& vote)
  requires std::same_as<std::remove_const_t<Value>, Vote>
{
  return a.array(vote.voter.bytes) && a.bytes(vote.signature, most_signature_bytes);
}

template <class Archive, class Value>
bool fields(Archive& a, Value& mandate)
  requires std::same_as<std::remove_const_t<Value>, Mandate>
{
  return fields(a, mandate.base) && a.array(mandate.base_host.bytes) &&
         a.bytes(mandate.base_signature, most_signature_bytes) &&
         a.list(mandate.votes, most_members + 1, [&](auto& vote) { return fields(a, vote); }) &&
         a.bytes(mandate.handover, most_signature_bytes) &&
         a.maybe(mandate.end, [&](auto& cause) { return a.choice(cause, Departure::crashed); }) &&
         a.bytes(mandate.end_signature, most_signature_bytes);
}

/// What the host signs.
template <class Archive, class Value>
bool body_fields(Archive& a, Value& view) {
  const auto id = [&](auto& each) { return a.array(each.bytes); };
  return a.array(view.session.bytes) && fields(a, view.version) && a.array(view.host.bytes) &&
         fields(a, view.settings) && a.list(view.members, most_members, [&](auto& each) { return fields(a, each); }) &&
         a.maybe(view.witness, [&](auto& each) { return fields(a, each); }) &&
         a.list(view.succession, most_members, id) &&
         a.list(view.departed, most_departed, [&](auto& each) { return fields(a, each); }) &&
         a.list(view.banned, most_banned, id) && a.number(view.numbers_given);
}

template <class Archive, class Value>
bool fields(Archive& a, Value& view)
  requires std::same_as<std::remove_const_t<Value>, View>
{
  return body_fields(a, view) && a.bytes(view.signature, most_signature_bytes) &&
         a.maybe(view.mandate, [&](auto& mandate) { return fields(a, mandate); });
}
}  // namespace natkit::mesh
