#pragma once
// Where lies what earlier runs have found out: networks.json in the cache folder.
#include <string>

#include "natkit/base/result.hpp"
#include "natkit/cli/cache_file.hpp"
#include "natkit/report/remembered.hpp"

namespace natkit {
class NetworksFile {
 public:
  explicit NetworksFile(std::string folder);

  /// Nothing where there is no such file. Else errors say why it is of no use; it will be replaced all the same.
  [[nodiscard]] Result<report::NetworkMemories> read() const;
  [[nodiscard]] Result<void> write(const report::NetworkMemories& memories) const;

 private:
  cli::CacheFile file_;
};
}  // namespace natkit
