#include "natkit/report/meanings.hpp"

namespace natkit::report {
using enum Behavior;

std::string_view meaning_of_mapping(Behavior mapping) {
  switch (mapping) {
    case endpoint_independent:
      return "one public port serves every destination; hole punching can work";
    case address_dependent:
      return "another public port for each host";
    case address_and_port_dependent:
      break;
  }
  return "another public port for each destination";
}

std::string_view meaning_of_filtering(Behavior filtering) {
  switch (filtering) {
    case endpoint_independent:
      return "anyone may send in";
    case address_dependent:
      return "only hosts that were sent to may send in";
    case address_and_port_dependent:
      break;
  }
  return "only the very host and port that was sent to may send in";
}
}  // namespace natkit::report
