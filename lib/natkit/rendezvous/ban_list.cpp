#include "natkit/rendezvous/ban_list.hpp"

#include <algorithm>
#include <optional>

#include "natkit/base/bytes.hpp"
#include "natkit/crypto/fingerprint.hpp"

namespace natkit::rendezvous {
namespace {
constexpr std::size_t digits = 64;

std::string_view trimmed(std::string_view text) {
  constexpr const char* blanks = " \t\r";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// In the form that members' ids have everywhere.
std::optional<std::string> member_of(std::string_view id) {
  if (const auto fingerprint = crypto::parse_fingerprint(id)) return to_hex(fingerprint->digest);
  const auto bytes = id.size() == digits ? from_hex(id) : std::nullopt;
  return bytes ? std::optional{to_hex(*bytes)} : std::nullopt;
}
}  // namespace

std::expected<BanList, BanList::Fault> BanList::parse(std::string_view text) {
  BanList list;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = trimmed(text.substr(0, std::min(end, text.find('#'))));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    auto member = member_of(line);
    if (!member) return std::unexpected(Fault{number, "is not the id of a member: 64 hexadecimal digits"});
    list.members_.insert(std::move(*member));
    if (list.members_.size() > most) return std::unexpected(Fault{number, "is one more than the 100000 that may be"});
  }
  return list;
}

bool BanList::has(std::string_view id) const {
  if (members_.empty()) return false;
  const auto member = member_of(id);
  return member && members_.contains(*member);
}
}  // namespace natkit::rendezvous
