#include "natkit/mesh/member_id.hpp"

#include <algorithm>

#include "natkit/base/bytes.hpp"

namespace natkit::mesh {
namespace {
template <class Id>
std::optional<Id> parse(std::string_view text) {
  Id id;
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != id.bytes.size()) return std::nullopt;
  std::ranges::copy(*bytes, id.bytes.begin());
  return id;
}
}  // namespace

std::string to_text(const MemberId& id) { return to_hex(id.bytes); }
std::string to_text(const SessionId& id) { return to_hex(id.bytes); }
std::optional<MemberId> parse_member_id(std::string_view text) { return parse<MemberId>(text); }
std::optional<SessionId> parse_session_id(std::string_view text) { return parse<SessionId>(text); }
}  // namespace natkit::mesh
