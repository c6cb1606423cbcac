#include "natkit/report/mesh_fitness.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace natkit::report {
namespace {
constexpr std::string_view unknown = "unknown";

template <class Value, class Write>
std::string or_unknown(const std::optional<Value>& value, Write write) {
  return value ? write(*value) : std::string{unknown};
}

std::string age_text(Duration age) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h", seconds / 3600);
}

/// What was measured, and what it counts.
std::string cell(const std::string& value, const MeshFitness::Part& part) {
  return value == unknown ? value : fmt::format("{} {:.2f}", value, part.points);
}

std::string volume_text(std::string_view kind, const MeshVolume& volume) {
  return fmt::format("{} {} out, {} in", kind, bytes_text(volume.sent), bytes_text(volume.received));
}
}  // namespace

std::string fitness_table(const std::vector<std::string>& names, const std::vector<MeshFitness>& members) {
  std::size_t widest = 11;
  for (const auto& name : names) widest = std::max(widest, name.size());
  constexpr auto* row = "{:<{}}  {:>5}  {:<9}  {:<8}  {:<13}  {:<12}  {:<11}  {:<9}  {}\n";
  auto out = fmt::format(fmt::runtime(row), "fit to host", widest, "score", "reach", "heard by", "rtt", "loss", "here",
                         "failed", "load");
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto& known = members[i];
    out += fmt::format(
        fmt::runtime(row), names[i], widest, fmt::format("{:.2f}", known.score),
        known.reach.empty() ? std::string{unknown} : cell(known.reach, known.for_reach),
        or_unknown(known.heard_by, [](unsigned count) { return std::to_string(count); }),
        cell(or_unknown(known.mean_rtt, [](Duration rtt) { return fmt::format("{:.1f} ms", to_ms(rtt)); }),
             known.for_rtt),
        cell(or_unknown(known.loss, [](double loss) { return fmt::format("{:.1f} %", 100 * loss); }), known.for_loss),
        cell(or_unknown(known.age, age_text), known.for_age),
        cell(or_unknown(known.failures, [](double failures) { return fmt::format("{:.1f}", failures); }),
             known.for_failures),
        cell(or_unknown(known.strain, [](unsigned strain) { return fmt::format("{} %", strain); }), known.for_strain));
  }
  return out;
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  const auto size = static_cast<double>(bytes);
  if (bytes < 1'000'000) return fmt::format("{:.1f} kB", size / 1e3);
  if (bytes < 1'000'000'000) return fmt::format("{:.1f} MB", size / 1e6);
  return fmt::format("{:.1f} GB", size / 1e9);
}

std::string to_text(const MeshTraffic& traffic) {
  return volume_text("direct", traffic.direct) + "; " + volume_text("routed", traffic.routed) + "; " +
         volume_text("relayed", traffic.relayed);
}
}  // namespace natkit::report
