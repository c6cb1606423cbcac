// meshctl: a session of many hosts, each linked with each, that outlives its host.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>  // App.hpp declares what only these define

#include "asking.hpp"
#include "conduct.hpp"
#include "listing.hpp"
#include "match.hpp"
#include "natkit/cli/app.hpp"
#include "options.hpp"
#include "reporting.hpp"
#include "taking_part.hpp"

namespace {
using namespace natkit;

cli::Exit run_tool(cli::Output& output, Options& o) {
  if (o.command == Options::Command::join)
    if (const auto taken = take_invite(o); !taken) return output.fail(taken.error());
  switch (o.command) {
    case Options::Command::create:
    case Options::Command::join:
      return take_part(output, o);
    case Options::Command::match:
      return match(output, o);
    case Options::Command::list:
      output.options.shape = report::Shape::answer;
      return list(output, o);
    case Options::Command::block:
      output.options.shape = report::Shape::answer;
      return block(output, o, asker(output, o));
    case Options::Command::report:
      output.options.shape = report::Shape::answer;
      return report_member(output, o, asker(output, o));
    case Options::Command::ask:
      break;
  }
  return ask_process(output, o);
}
}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what is thrown before cli::run is out of memory, and nothing helps then
int main(int argc, char** argv) {
  Options options;
  CLI::App app{"A session of many hosts, each linked with each, that outlives its host.", "meshctl"};
  cli::Output output{"meshctl"};
  output.options.shape = report::Shape::event;
  cli::add_common_options(app, output, NATKIT_VERSION);
  add_commands(app, options);
  return cli::run(app, output, argc, argv, [&] { return run_tool(output, options); });
}
