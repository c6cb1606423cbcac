#include "natkit/cli/state_folder.hpp"

#include <unistd.h>

#include <cstdlib>

#include "catch.hpp"

using namespace natkit;

TEST_CASE("Control sockets lie where the session's own files do, else in a folder of this user's", "[state_folder]") {
  ::setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
  CHECK(cli::runtime_folder() == "/run/user/7/natkit");
  ::unsetenv("XDG_RUNTIME_DIR");
  CHECK(cli::runtime_folder() == "/tmp/natkit-" + std::to_string(::geteuid()));
}
