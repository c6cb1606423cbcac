#include "natkit/cli/exit.hpp"

namespace natkit::cli {
Exit exit_for(Errc code) {
  switch (code) {
    case Errc::usage:
      return Exit::usage;
    case Errc::nobody_there:
      return Exit::nobody_there;
    case Errc::refused:
      return Exit::refused;
    case Errc::peer:
      return Exit::peer;
    case Errc::no_path:
      return Exit::no_path;
    case Errc::protocol:
      return Exit::protocol;
    case Errc::defect:
      break;
  }
  return Exit::defect;
}
}  // namespace natkit::cli
