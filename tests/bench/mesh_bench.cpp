// How long a session of eight is without a host, in virtual time: each row is of so many seeds. CPU plays no part here.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "mesh/crowd.hpp"
#include "mesh/handover.hpp"
#include "mesh/parallel.hpp"
#include "natkit/mesh/view.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
constexpr unsigned members = 8;

struct Row {
  const char* name;
  Loss how;
  double loss;
};

class Sample {
 public:
  void add(double value) { values_.push_back(value); }
  /// The smallest value that so much of the sample does not exceed.
  double at(double part) {
    if (values_.empty()) return 0;
    std::ranges::sort(values_);
    const auto place = static_cast<std::size_t>(part * static_cast<double>(values_.size()));
    return values_[std::min(place, values_.size() - 1)];
  }

 private:
  std::vector<double> values_;
};

/// How many of the runs went wrong.
unsigned measure(const Row& row, std::uint64_t seeds, unsigned jobs) {
  std::mutex mutex;
  Sample named, acting, trips;
  unsigned faults = 0, again = 0;
  for_each_seed(1, seeds, jobs, [&](std::uint64_t seed) {
    const auto found = lose_host(seed, members, row.loss, row.how);
    const std::scoped_lock lock{mutex};
    if (!found.fault.empty() || !found.named || !found.acting) {
      ++faults;
      fmt::print(stderr, "{}, {:.0f} % loss, seed {}: {}\n", row.name, 100 * row.loss, seed,
                 found.fault.empty() ? "no new host in 30 s" : found.fault);
      return;
    }
    named.add(to_ms(*found.named));
    acting.add(to_ms(*found.acting));
    trips.add(to_ms(*found.named) / to_ms(found.longest_rtt));
    again += found.epochs > 1 ? 1 : 0;
  });
  fmt::print(
      "{:<15} {:>4.0f} % {:>8.0f} {:>7.0f} {:>8.0f} {:>8.0f} {:>7.0f} {:>8.0f} {:>8.2f} {:>7.2f} {:>8.2f} {:>6}\n",
      row.name, 100 * row.loss, named.at(0.5), named.at(0.99), named.at(1), acting.at(0.5), acting.at(0.99),
      acting.at(1), trips.at(0.5), trips.at(0.99), trips.at(1), again);
  std::fflush(stdout);
  return faults;
}

/// As many as a session may have.
unsigned measure_crowd(unsigned size) {
  const auto crowd = make_crowd(1, size, 1);
  fmt::print(
      "\n{} members, round trips of 30 to {:.0f} ms, no loss, one seed.\n"
      "to get in, one after the other, ms, member",
      size, to_ms(crowd.longest_rtt));
  for (std::size_t number = 2; number <= crowd.joins.size() + 1; number *= 2)
    fmt::print(" {}: {:.0f}{}", number, to_ms(crowd.joins[number - 2]),
               number * 2 <= crowd.joins.size() + 1 ? "," : "");
  const auto ms = [](std::optional<Duration> time) { return time ? fmt::format("{:.0f} ms", to_ms(*time)) : "never"; };
  fmt::print(
      "\nuntil all may vote, from then on: {}\n"
      "idle: each says {:.0f} messages/s, {:.1f} kB/s, to {} others; DTLS, SCTP and UDP not counted\n"
      "host killed: all name one new host after {}, which acts after {}\n",
      ms(crowd.voting), crowd.messages_per_second, crowd.bytes_per_second / 1000, size - 1, ms(crowd.named),
      ms(crowd.acting));
  if (!crowd.fault.empty()) fmt::print(stderr, "{}\n", crowd.fault);
  return crowd.fault.empty() && crowd.named && crowd.acting ? 0 : 1;
}
}  // namespace

int main(int argc, char** argv) {
  int next = 1;
  const bool is_crowd_only = argc > next && argv[next] == std::string_view{"crowd"};
  if (is_crowd_only) return static_cast<int>(measure_crowd(mesh::most_members));
  if (argc > next && argv[next] == std::string_view{"sim"}) ++next;
  const std::uint64_t seeds = argc > next ? std::strtoull(argv[next], nullptr, 10) : 1000;
  if (seeds == 0) {
    fmt::print(stderr, "Usage: scripts/bench mesh [sim [SEEDS] | crowd]\n");
    return 2;
  }
  fmt::print(
      "{} members, round trips of 30 to 150 ms, {} seeds for each row. Until all survivors name one new host, and\n"
      "until it acts, ms; the former in round trips of the longest pair; runs that took more than one election.\n\n"
      "{:<15} {:>6} {:>25} {:>25} {:>25} {:>6}\n"
      "{:<15} {:>6} {:>8} {:>7} {:>8} {:>8} {:>7} {:>8} {:>8} {:>7} {:>8}\n",
      members, seeds, "", "", "named", "acting", "named, round trips", "again", "the host's …", "loss", "p50", "p99",
      "longest", "p50", "p99", "longest", "p50", "p99", "longest");
  unsigned faults = 0;
  for (const auto& row :
       {Row{"process killed", Loss::process_killed, 0}, Row{"process killed", Loss::process_killed, 0.05},
        Row{"power cut", Loss::power_cut, 0}, Row{"power cut", Loss::power_cut, 0.05}, Row{"leaving", Loss::leave, 0},
        Row{"leaving", Loss::leave, 0.05}})
    faults += measure(row, seeds, std::thread::hardware_concurrency());
  faults += measure_crowd(mesh::most_members);
  return faults == 0 ? 0 : 1;
}
