#pragma once
// Many independent runs, each of one seed, on several processors. What a run finds follows from its seed alone.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace natkit::test {
/// `work(seed)` for `count` seeds from `first` on; it is called from several threads.
template <class Work>
void for_each_seed(std::uint64_t first, std::uint64_t count, unsigned jobs, Work work) {
  std::atomic<std::uint64_t> next{first};
  std::vector<std::jthread> threads;
  for (unsigned job = 0; job < std::max(jobs, 1U); ++job)
    threads.emplace_back([&] {
      for (auto seed = next++; seed < first + count; seed = next++) work(seed);
    });
}
}  // namespace natkit::test
