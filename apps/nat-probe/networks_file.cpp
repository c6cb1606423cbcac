#include "networks_file.hpp"

#include <fmt/format.h>

#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/report/remembered_json.hpp"

namespace natkit {
NetworksFile::NetworksFile(std::string folder) : file_(std::move(folder), "networks.json") {}

Result<report::NetworkMemories> NetworksFile::read() const {
  const auto text = file_.read(report::most_memories_bytes);
  if (!text) return std::unexpected(text.error());
  if (!*text) return report::NetworkMemories{};
  auto memories = report::parse_memories(**text);
  if (!memories) memories.error().detail = fmt::format("{} {}", printable(file_.path()), memories.error().detail);
  return memories;
}

Result<void> NetworksFile::write(const report::NetworkMemories& memories) const {
  return file_.write(report::to_json(memories));
}
}  // namespace natkit
