#include "block_list.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "natkit/base/printable.hpp"
#include "natkit/mesh/member_id.hpp"
#include "stored_identity.hpp"

namespace natkit {
namespace {
constexpr std::size_t most_lines = 10000;
constexpr const char* file_name = "blocked";

std::unexpected<Error> failure(const std::string& file, const std::string& why) {
  return std::unexpected(Error{Errc::usage, "blocks-not-writable", printable(file) + " " + why,
                               "make room there, or set XDG_STATE_HOME to a folder that can be written"});
}
}  // namespace

BlockList BlockList::read() {
  BlockList list;
  const auto file = state_path(file_name);
  if (!file) return list;
  std::ifstream in{*file};
  std::string line;
  while (list.blocked_.size() < most_lines && std::getline(in, line)) {
    std::istringstream words{line};
    Blocked each;
    words >> each.member >> std::ws;
    std::getline(words, each.name);
    if (mesh::parse_member_id(each.member)) list.blocked_.push_back(std::move(each));
  }
  return list;
}

std::vector<std::string> BlockList::latest(std::size_t most) const {
  std::vector<std::string> ids;
  for (auto each = blocked_.rbegin(); each != blocked_.rend() && ids.size() < most; ++each) ids.push_back(each->member);
  return ids;
}

bool BlockList::has(const std::string& member) const {
  return std::ranges::any_of(blocked_, [&](const Blocked& each) { return each.member == member; });
}

Result<void> BlockList::add(const Blocked& blocked) {
  std::erase_if(blocked_, [&](const Blocked& each) { return each.member == blocked.member; });
  blocked_.push_back(blocked);
  return write();
}

Result<void> BlockList::remove(const std::string& member) {
  std::erase_if(blocked_, [&](const Blocked& each) { return each.member == member; });
  return write();
}

/// Beside the old one, then in its place: it is there whole at any time.
Result<void> BlockList::write() const {
  const auto file = state_file(file_name);
  if (!file) return std::unexpected(file.error());
  const auto draft = *file + ".new";
  {
    std::ofstream out{draft, std::ios::trunc};
    for (const auto& each : blocked_) out << each.member << ' ' << printable(each.name) << '\n';
    out.close();
    if (!out) return failure(draft, "cannot be written");
  }
  std::error_code error;
  std::filesystem::rename(draft, *file, error);
  if (error) return failure(*file, "cannot be written: " + error.message());
  return {};
}
}  // namespace natkit
