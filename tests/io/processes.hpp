#pragma once
// Whether other processes live.
#include <sys/types.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace natkit::test {
/// Whether a process of this number runs; one that nobody has reaped yet does not.
inline bool is_alive(pid_t process) {
  std::ifstream status{"/proc/" + std::to_string(process) + "/stat"};
  std::string number, name, state;
  status >> number >> name >> state;
  return !state.empty() && state != "Z";
}

/// Waits for that, two seconds at most; whether it has ended.
inline bool ends_soon(pid_t process) {
  for (int i = 0; i < 200 && is_alive(process); ++i) ::usleep(10'000);
  return !is_alive(process);
}
}  // namespace natkit::test
