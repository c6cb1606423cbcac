#pragma once
// What the command line and the configuration ask of nat-probe.
#include <string>
#include <vector>

#include "answer_form.hpp"
#include "natkit/probe/planner.hpp"
#include "watch.hpp"

namespace natkit {
struct Options {
  std::vector<std::string> named_servers;    // as arguments
  std::vector<std::string> default_servers;  // --server: from the configuration or the environment
  bool only_ipv4 = false;
  bool only_ipv6 = false;
  bool wants_hairpin = false;
  std::string lifetime;  // empty: not asked for
  probe::Timing timing;  // defaults live with the protocol; --help prints them from here
  std::vector<std::string> local_addresses;
  std::vector<std::string> expectations;
  std::string record;
  std::string replay;
  std::string against;
  bool is_fresh = false;
  bool is_redacted = false;
  WatchPlan watch;
  std::string html;
  AnswerForm form;
};
}  // namespace natkit
