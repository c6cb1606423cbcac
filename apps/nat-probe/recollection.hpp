#pragma once
// What earlier runs on the same network have found out, said again with its age.
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/cli/output.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/probe/report.hpp"
#include "natkit/report/remembered.hpp"
#include "networks_file.hpp"

namespace natkit {
/// Nothing here ever fails a run: whoever asks hears under -v why something could not be read or kept.
class Recollection {
 public:
  enum class Use : std::uint8_t { all, only_store };  ///< the latter: --fresh

  /// Reads the file once, so that nothing changes by itself during a watch because it grows old.
  Recollection(const cli::Output& output, Use use);

  /// Keeps what the run has measured, unless it was cut short, and fills in what it has not.
  [[nodiscard]] std::vector<report::Remembered> complete(probe::Report& report, io::RunEnd end);

 private:
  struct Place {
    Family family{};
    report::NetworkId network{};
  };
  /// Where each family was measured.
  [[nodiscard]] static std::vector<Place> places_of(const probe::Report& report);
  void learn(const std::vector<Place>& places, const probe::Report& measured);

  const cli::Output& output_;
  Use use_;
  std::optional<NetworksFile> file_{};  ///< none: there is no cache folder
  report::NetworkMemories memories_{};
};
}  // namespace natkit
