#pragma once
/// A file of the cache folder: what earlier runs have found out, which anybody may delete, spoil or forbid.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/result.hpp"

namespace natkit::cli {
/// Mode 0600, in a folder of mode 0700 where it is made here. Two runs that write at the same time write one after the
/// other, as a whole; what the earlier one has added in between may be lost, as caches may. No failure of it is one of
/// the run.
class CacheFile {
 public:
  /// `name` within `folder`, mostly `cache_folder()`.
  CacheFile(std::string folder, std::string_view name);

  /// Nothing where there is no such file. At most one byte more than `most_bytes`, which shows that it is too large.
  [[nodiscard]] Result<std::optional<std::string>> read(std::size_t most_bytes) const;
  [[nodiscard]] Result<void> write(std::string_view text) const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string folder_;
  std::string path_;
};
}  // namespace natkit::cli
