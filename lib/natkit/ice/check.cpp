#include "natkit/ice/check.hpp"

#include <array>
#include <string>

#include "natkit/stun/integrity.hpp"

namespace natkit::ice {
namespace {
using stun::AttributeType;
using stun::MessageClass;
using stun::MessageWriter;
using stun::Method;

constexpr std::uint32_t version = 1;
constexpr unsigned version_shift = 24;

constexpr std::array known{AttributeType::username, AttributeType::message_integrity,
                           AttributeType::message_integrity_sha256, AttributeType::priority,
                           AttributeType::use_candidate};
}  // namespace

Bytes write_check(const stun::TransactionId& id, const Check& check, const Credentials& local,
                  const Credentials& remote, ByteView cargo) {
  MessageWriter writer{MessageClass::request, Method::binding, id};
  writer.add_text(AttributeType::username, remote.ufrag + ":" + local.ufrag)
      .add_u32(AttributeType::priority, check.priority)
      .add_u64(check.role == Role::controlling ? AttributeType::ice_controlling : AttributeType::ice_controlled,
               check.tie_breaker);
  if (check.nomination) writer.add(AttributeType::use_candidate, {});
  if (check.dialect == Dialect::natkit)
    writer.add_u32(AttributeType::natkit_ice, version << version_shift | check.nomination.value_or(0));
  if (!cargo.empty()) writer.add(AttributeType::natkit_cargo, cargo);
  writer.add_message_integrity(as_bytes(remote.password)).add_fingerprint();
  return writer.finish();
}

std::expected<Check, std::uint16_t> read_check(const stun::Message& request) {
  if (!request.unknown_to(known).is_empty()) return std::unexpected(unknown_attribute);
  const auto priority = request.u32(AttributeType::priority);
  const auto controlling = request.u64(AttributeType::ice_controlling);
  const auto controlled = request.u64(AttributeType::ice_controlled);
  if (!priority || *priority == 0 || controlling.has_value() == controlled.has_value())
    return std::unexpected(bad_request);
  Check check{.role = controlling ? Role::controlling : Role::controlled,
              .tie_breaker = controlling ? *controlling : *controlled,
              .priority = *priority & 0x7fffffffU};
  const auto ours = request.u32(AttributeType::natkit_ice);
  if (ours) check.dialect = Dialect::natkit;
  // A controlled agent has nothing to nominate; RFC 8445 §7.3.1.5 looks at the attribute on the controlled side only.
  if (request.find(AttributeType::use_candidate) && controlling)
    check.nomination = static_cast<std::uint16_t>(ours.value_or(0));
  return check;
}

Bytes write_success(const stun::TransactionId& id, const Endpoint& mapped, std::string_view key, Dialect dialect,
                    ByteView cargo) {
  MessageWriter writer{MessageClass::success, Method::binding, id};
  writer.add_endpoint(AttributeType::xor_mapped_address, mapped);
  if (dialect == Dialect::natkit) writer.add_u32(AttributeType::natkit_ice, version << version_shift);
  if (!cargo.empty()) writer.add(AttributeType::natkit_cargo, cargo);
  return writer.add_message_integrity(as_bytes(key)).add_fingerprint().finish();
}

Bytes write_error(const stun::Message& request, std::uint16_t code, std::string_view key) {
  MessageWriter writer{MessageClass::error, Method::binding, request.transaction_id()};
  writer.add_error(code, code == role_conflict ? "Role Conflict" : code == bad_request ? "Bad Request" : "Unknown");
  if (code == unknown_attribute) writer.add_unknown_attributes(request.unknown_to(known));
  writer.add_message_integrity(as_bytes(key)).add_fingerprint();
  return writer.finish();
}

Bytes write_indication(const stun::TransactionId& id) {
  return MessageWriter{MessageClass::indication, Method::binding, id}.add_fingerprint().finish();
}

bool is_authentic(const stun::Message& message, std::string_view password) {
  return stun::verify_message_integrity(message, as_bytes(password)) == stun::Integrity::right &&
         stun::verify_fingerprint(message) != stun::Integrity::wrong;
}

std::optional<Fragments> fragments(const stun::Message& request) {
  const auto name = request.text(AttributeType::username);
  if (!name) return std::nullopt;
  const auto colon = name->find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return Fragments{.receiver = name->substr(0, colon), .sender = name->substr(colon + 1)};
}

ByteView cargo_of(const stun::Message& message) {
  return message.find(AttributeType::natkit_cargo).value_or(ByteView{});
}

Dialect dialect_of(const stun::Message& message) {
  return message.u32(AttributeType::natkit_ice) ? Dialect::natkit : Dialect::rfc;
}
}  // namespace natkit::ice
