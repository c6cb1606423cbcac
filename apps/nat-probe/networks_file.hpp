#pragma once
// Where lies what earlier runs have found out: networks.json in the cache folder.
#include <string>

#include "natkit/base/result.hpp"
#include "natkit/report/remembered.hpp"

namespace natkit {
/// Mode 0600, in a folder of mode 0700 where it is made here. Two runs that write at the same time write one after the
/// other, as a whole; what the earlier one has added in between may be lost, as caches may.
class NetworksFile {
 public:
  explicit NetworksFile(std::string folder);

  /// Nothing where there is no such file. Else errors say why it is of no use; it will be replaced all the same.
  [[nodiscard]] Result<report::NetworkMemories> read() const;
  [[nodiscard]] Result<void> write(const report::NetworkMemories& memories) const;

 private:
  std::string folder_;
  std::string path_;
};
}  // namespace natkit
