#pragma once
/// Whom the operator of a server does not want there: ids of members, one a line.
///
///   # why, since when, by whom: what follows # is for people
///   9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
///
/// A key costs nothing, so a ban takes somebody's name and what is known of it, and not the person.
#include <cstddef>
#include <expected>
#include <set>
#include <string>
#include <string_view>

namespace natkit::rendezvous {
class BanList {
 public:
  struct Fault {
    std::size_t line = 0;  ///< from 1
    std::string why{};
  };
  static constexpr std::size_t most = 100000;  ///< some 10 MB

  [[nodiscard]] static std::expected<BanList, Fault> parse(std::string_view text);
  /// 64 hexadecimal digits, or a fingerprint as clients register with ("sha-256 4A:AD:…"); anything else is nobody.
  [[nodiscard]] bool has(std::string_view id) const;
  [[nodiscard]] std::size_t size() const { return members_.size(); }

 private:
  std::set<std::string, std::less<>> members_;
};
}  // namespace natkit::rendezvous
