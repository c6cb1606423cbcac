#pragma once
/// How fit a member is to host, and what went by which kind of path: parts of a session's status (mesh_events.hpp).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/time.hpp"

namespace natkit::report {
/// Bytes of UDP payload.
struct MeshVolume {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};
/// By kind of path. What went through a member went by the link with that one too, and is in both.
struct MeshTraffic {
  MeshVolume direct{};
  MeshVolume routed{};
  MeshVolume relayed{};
};

/// The parts of a member's score. What was not measured is empty, and counts as half.
struct MeshFitness {
  struct Part {
    double points = 0.5;  ///< 0, bad, to 1
    double weight = 1;
  };
  std::string reach{};                 ///< by strangers: "open", "easy", "hard"; empty: unknown
  std::optional<bool> can_host{};      ///< whether strangers get through to it
  std::optional<unsigned> heard_by{};  ///< members
  std::optional<Duration> mean_rtt{};
  std::optional<double> loss{};  ///< 0 to 1
  std::optional<Duration> age{};
  std::optional<double> failures{};  ///< as host, decaying
  std::optional<unsigned> strain{};  ///< 0 to 100
  Part for_reach{}, for_rtt{}, for_loss{}, for_age{}, for_failures{}, for_strain{};
  double score = 0.5;  ///< the weighted mean of the parts
};

/// One line a member, under a header; `names` beside them.
[[nodiscard]] std::string fitness_table(const std::vector<std::string>& names, const std::vector<MeshFitness>& members);
/// "direct 1.2 kB out, 3.4 kB in; …" or "none"
[[nodiscard]] std::string to_text(const MeshTraffic& traffic);
/// "512 B", "1.2 kB"
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
}  // namespace natkit::report
