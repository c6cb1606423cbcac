#include "natkit/link/introduction.hpp"

namespace natkit::link {
Error to_error(const Gathering::SocketFailed& failed) {
  return {.code = Errc::usage,
          .reason = "port-not-available",
          .detail = "cannot open UDP " + to_text(failed.local) + ": " + failed.why,
          .advice = "leave --local-port out, or end the program that has this port"};
}
}  // namespace natkit::link
