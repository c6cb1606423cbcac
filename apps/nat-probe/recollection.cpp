#include "recollection.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "natkit/cli/state_folder.hpp"
#include "natkit/cli/surroundings.hpp"
#include "natkit/io/clock.hpp"

namespace natkit {
namespace {
const std::optional<probe::FamilyReport>& of(const probe::Report& report, Family family) {
  return family == Family::ipv4 ? report.ipv4 : report.ipv6;
}
}  // namespace

Recollection::Recollection(const cli::Output& output, Use use) : output_(output), use_(use) {
  const auto folder = cli::cache_folder();
  if (!folder) return;
  file_.emplace(*folder);
  auto memories = file_->read();
  if (!memories) {
    output_.explain(cli::Verbosity::steps, "nothing is remembered of networks: " + memories.error().detail);
    return;
  }
  memories_ = std::move(*memories);
  report::forget_old(memories_, io::unix_now());
}

std::vector<Recollection::Place> Recollection::places_of(const probe::Report& report) {
  std::vector<Place> places;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto& facts = of(report, family);
    if (!facts || !facts->local) continue;
    if (const auto network = cli::network_before(facts->local->address)) places.push_back({family, *network});
  }
  return places;
}

std::vector<report::Remembered> Recollection::complete(probe::Report& report, io::RunEnd end) {
  if (!file_) return {};
  const auto places = places_of(report);
  if (end == io::RunEnd::finished) learn(places, report);
  std::vector<report::Remembered> remembered;
  if (use_ == Use::only_store) return remembered;
  for (const auto& [family, network] : places)
    std::ranges::move(report::recall(memories_, network, family, report, io::unix_now()),
                      std::back_inserter(remembered));
  return remembered;
}

void Recollection::learn(const std::vector<Place>& places, const probe::Report& measured) {
  const auto now = io::unix_now();
  const auto learn_in = [&](report::NetworkMemories& memories) {
    auto learned = report::Learned::nothing;
    for (const auto& [family, network] : places)
      learned = std::max(learned, report::learn(memories, network, *of(measured, family), now));
    return learned;
  };
  if (learn_in(memories_) == report::Learned::nothing) return;
  // Other runs may have written since this one has read.
  auto kept = file_->read().value_or(report::NetworkMemories{});
  report::forget_old(kept, now);
  static_cast<void>(learn_in(kept));
  if (const auto written = file_->write(kept); !written)
    output_.explain(cli::Verbosity::steps, "what was measured is not remembered: " + written.error().detail);
}
}  // namespace natkit
