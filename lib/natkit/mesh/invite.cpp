#include "natkit/mesh/invite.hpp"

#include <algorithm>
#include <array>

#include "natkit/base/base64.hpp"
#include "natkit/crypto/crc32.hpp"
#include "natkit/mesh/place.hpp"
#include "natkit/mesh/view_fields.hpp"
#include "natkit/mesh/wire.hpp"

namespace natkit::mesh {
namespace {
constexpr std::string_view prefix = "natkit:";
constexpr std::uint8_t this_version = 1;
constexpr std::size_t checksum_bytes = 4;

bool fields(WireWriter& a, const IpAddress& address) {
  a.number(static_cast<std::uint8_t>(address.is_v4() ? 4 : 6));
  for (const auto byte : address.bytes()) a.number(byte);
  return true;
}

bool fields(WireReader& a, IpAddress& address) {
  std::uint8_t kind = 0;
  if (!a.number(kind) || (kind != 4 && kind != 6)) return false;
  std::array<std::uint8_t, 4> v4{};
  std::array<std::uint8_t, 16> v6{};
  if (kind == 4 ? !a.array(v4) : !a.array(v6)) return false;
  address = kind == 4 ? *IpAddress::from_bytes(v4) : IpAddress::v6(v6);
  return true;
}

template <class Archive, class Value>
bool invite_fields(Archive& a, Value& invite) {
  const auto endpoint = [&](auto& each) { return fields(a, each.address) && a.number(each.port); };
  const auto entry = [&](auto& each) {
    return a.array(each.member.bytes) && a.list(each.endpoints, most_entry_endpoints, endpoint);
  };
  return a.array(invite.session.bytes) && a.text(invite.name, most_name_bytes) &&
         a.text(invite.game, most_name_bytes) && a.array(invite.knock) && a.list(invite.entries, most_entries, entry);
}

Bytes checksum(ByteView bytes) {
  Bytes sum;
  ByteWriter{sum}.write_u32(crypto::crc32({bytes}));
  return sum;
}

std::string to_base64url(ByteView bytes) {
  auto text = to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

std::optional<Bytes> from_base64url(std::string text) {
  if (text.find_first_of("+/=") != std::string::npos) return std::nullopt;
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  while (text.size() % 4 != 0) text += '=';
  return from_base64(text);
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

bool can_be_used(const Invite& invite) {
  const auto is_entry = [](const Invite::Entry& entry) {
    return !entry.endpoints.empty() && std::ranges::all_of(entry.endpoints, is_place);
  };
  return !invite.entries.empty() && std::ranges::all_of(invite.entries, is_entry);
}
}  // namespace

bool looks_like_invite(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text.starts_with(prefix);
}

std::string write_invite(const Invite& invite) {
  auto bounded = invite;
  bounded.name.resize(std::min(bounded.name.size(), most_name_bytes));
  bounded.game.resize(std::min(bounded.game.size(), most_name_bytes));
  bounded.entries.resize(std::min(bounded.entries.size(), most_entries));
  for (auto& entry : bounded.entries) entry.endpoints.resize(std::min(entry.endpoints.size(), most_entry_endpoints));
  Bytes bytes;
  WireWriter writer{bytes};
  writer.number(this_version);
  invite_fields(writer, std::as_const(bounded));
  const auto sum = checksum(bytes);
  bytes.insert(bytes.end(), sum.begin(), sum.end());
  return std::string{prefix} + to_base64url(bytes);
}

std::expected<Invite, InviteError> parse_invite(std::string_view text) {
  if (!looks_like_invite(text)) return std::unexpected(InviteError::not_an_invite);
  if (text.size() > longest_invite_text) return std::unexpected(InviteError::garbled);
  std::string line;
  std::ranges::copy_if(text, std::back_inserter(line), [](char c) { return !is_blank(c); });
  const auto bytes = from_base64url(line.substr(prefix.size()));
  if (!bytes || bytes->size() <= checksum_bytes) return std::unexpected(InviteError::garbled);
  const auto content = ByteView{*bytes}.first(bytes->size() - checksum_bytes);
  if (!std::ranges::equal(checksum(content), ByteView{*bytes}.last(checksum_bytes)))
    return std::unexpected(InviteError::garbled);
  WireReader reader{content};
  std::uint8_t version = 0;
  if (!reader.number(version)) return std::unexpected(InviteError::garbled);
  if (version != this_version) return std::unexpected(InviteError::other_version);
  Invite invite;
  if (!invite_fields(reader, invite) || !reader.is_at_end() || !can_be_used(invite))
    return std::unexpected(InviteError::garbled);
  return invite;
}
}  // namespace natkit::mesh
