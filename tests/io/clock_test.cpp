#include "natkit/io/clock.hpp"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "catch.hpp"
#include "machines.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
constexpr auto slept = 100'000s;  // more than a day
enum Verdict : int { as_it_should, not_allowed, clock_stood_still, too_early, too_late };

/// A new time namespace counts a sleep that never was (time_namespaces(7)); only children are born into it.
bool enter_namespace_that_slept() {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWTIME) != 0) return false;
  std::ofstream offsets{"/proc/self/timens_offsets"};
  offsets << "boottime " << slept.count() << " 0\n" << std::flush;
  return offsets.good();
}

Verdict look_and_wait() {
  const auto awake = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
  const auto begin = io::now();
  if (begin.time_since_epoch() < awake + slept - 1s) return clock_stood_still;
  Asker asker{{}, 30ms};
  static_cast<void>(io::run(asker));
  Asker waiting{{{.socket = SocketId{1}, .remote = {loopback(), 9}}}, 30ms};
  static_cast<void>(io::run(waiting));
  if (!waiting.is_late || io::now() - begin < 30ms) return too_early;
  return io::now() - begin < 10s ? as_it_should : too_late;
}

Verdict in_namespace_that_slept() {
  const auto outer = ::fork();
  if (outer == 0) {
    if (!enter_namespace_that_slept()) ::_exit(not_allowed);
    const auto inner = ::fork();
    if (inner == 0) {
      ::alarm(20);  // a wait by another clock would not end
      ::_exit(look_and_wait());
    }
    int status = 0;
    ::waitpid(inner, &status, 0);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : too_late);
  }
  int status = 0;
  ::waitpid(outer, &status, 0);
  return WIFEXITED(status) ? static_cast<Verdict>(WEXITSTATUS(status)) : too_late;
}
}  // namespace

TEST_CASE("The clock counts the time that the machine slept, and waits end by it", "[clock]") {
  const auto verdict = in_namespace_that_slept();
  if (verdict == not_allowed) {
    WARN("this system lets plain users make no time namespaces: not tested");
    return;
  }
  CHECK(verdict == as_it_should);
}

TEST_CASE("The clock never runs backwards", "[clock]") {
  auto last = io::now();
  for (int i = 0; i < 10'000; ++i) {
    const auto next = io::now();
    REQUIRE(next >= last);
    last = next;
  }
}
