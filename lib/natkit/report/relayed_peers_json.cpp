#include "natkit/report/relayed_peers_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "natkit/base/bytes.hpp"
#include "natkit/report/json.hpp"

namespace natkit::report {
namespace {
constexpr std::string_view kin = "natkit/peers/";  // of any version
constexpr std::string_view schema = "natkit/peers/1";
constexpr std::uint64_t last_second = 253'402'300'799;  // of the year 9999

// std::map inside: an object with very many keys must not cost quadratic time.
using Parsed = nlohmann::json;

std::unexpected<Error> refusal(std::string what) {
  return std::unexpected(Error{Errc::usage, "bad-memory", std::move(what), ""});
}
std::unexpected<Error> impossible(const char* key) { return refusal(fmt::format("has an impossible '{}'", key)); }

/// Null where it is absent.
const Parsed& member(const Parsed& object, const char* key) {
  static const Parsed null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

/// Whether it was one.
template <class Id>
[[nodiscard]] bool read_id(const Parsed& value, Id& id) {
  const auto bytes = value.is_string() ? from_hex(value.get<std::string>()) : std::nullopt;
  if (!bytes || bytes->size() != id.size()) return false;
  std::ranges::copy(*bytes, id.begin());
  return true;
}

Result<RelayedPeer> read_peer(const Parsed& object) {
  RelayedPeer peer;
  if (!read_id(member(object, "meeting"), peer.meeting)) return impossible("meeting");
  if (!read_id(member(object, "peer"), peer.peer)) return impossible("peer");
  const auto& at = member(object, "at_s");
  // Only what stands there whole and without a sign is stored as unsigned.
  if (!at.is_number_unsigned() || at.get<std::uint64_t>() > last_second) return impossible("at_s");
  peer.at = std::chrono::sys_seconds{std::chrono::seconds{at.get<std::uint64_t>()}};
  return peer;
}
}  // namespace

std::string to_json(const RelayedPeers& peers) {
  Json list = Json::array();
  for (const auto& one : peers)
    list.push_back(
        {{"meeting", to_hex(one.meeting)}, {"peer", to_hex(one.peer)}, {"at_s", one.at.time_since_epoch().count()}});
  return dump({{"schema", schema}, {"peers", std::move(list)}}) + "\n";
}

Result<RelayedPeers> parse_relayed_peers(std::string_view text) {
  if (text.size() > most_relayed_peers_bytes) return refusal("is too large");
  const auto root = Parsed::parse(text, nullptr, /*allow_exceptions=*/false);
  if (root.is_discarded()) return refusal("is not JSON, or cut short");
  const auto& kind = member(root, "schema");
  const auto found = kind.is_string() ? kind.get<std::string>() : std::string{};
  if (found != schema) return refusal(found.starts_with(kin) ? "was written by another version" : "is of another kind");
  const auto& list = member(root, "peers");
  if (!list.is_array() || list.size() > most_relayed_peers)
    return refusal(fmt::format("has no list of at most {} peers", most_relayed_peers));
  RelayedPeers peers;
  for (const auto& object : list) {
    auto peer = read_peer(object);
    if (!peer) return std::unexpected(peer.error());
    // One that is written twice would be forgotten only half.
    static_cast<void>(note_direct(peers, peer->peer));
    peers.push_back(*peer);
  }
  return peers;
}
}  // namespace natkit::report
