// upnp-map: open ports in the router by PCP, NAT-PMP and UPnP, keep them, list them, and close them again.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>  // App.hpp declares what only these define
#include <algorithm>
#include <span>
#include <string_view>

#include "commands.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/io/igd_task.hpp"
#include "options.hpp"

namespace {
using namespace natkit;

/// What stands after "--" is a program's command line and none of ours: taken off before anything is parsed.
std::span<char*> split_program(std::span<char*> arguments, std::vector<std::string>& program) {
  const auto mark = std::ranges::find(arguments, std::string_view{"--"});
  if (mark == arguments.end()) return arguments;
  program.assign(mark + 1, arguments.end());
  return arguments.first(static_cast<std::size_t>(mark - arguments.begin()));
}

cli::Exit run_command(Session& session, const std::string& command, const Options& o) {
  if (command == "discover") return run_discover(session, o.discover);
  if (command == "status") return run_status(session, o.status);
  if (command == "list") return run_list(session, o.list);
  if (command == "add") return run_add(session, o.add);
  if (command == "hold") return run_hold(session, o.hold, o.program);
  if (command == "pinhole") return run_pinhole(session, o.pinhole);
  if (command == "remove") return run_remove(session, o.remove);
  if (command == "check") return run_check(session, o.check);
  return run_gc(session, o.gc);
}

cli::Exit run_tool(cli::Output& output, const CLI::App& app, const Options& o) {
  const auto command = app.get_subcommands().front()->get_name();
  if (!o.program.empty() && command != "hold")
    return output.fail({Errc::usage, "usage", "only `hold` runs a command", "upnp-map hold PORT -- COMMAND"});
  io::ErrandChildren errands{io::run_igd_call};
  Session session{.output = output, .errands = errands};
  return run_command(session, command, o);
}
}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what is thrown before cli::run is out of memory, and nothing helps then
int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Open ports in the router, keep them open, list them, and close them again.", "upnp-map"};
  cli::Output output{"upnp-map"};
  cli::add_common_options(app, output, NATKIT_VERSION);
  add_commands(app, options);
  const auto own = split_program({argv, static_cast<std::size_t>(argc)}, options.program);
  return cli::run(app, output, static_cast<int>(own.size()), own.data(),
                  [&] { return run_tool(output, app, options); });
}
