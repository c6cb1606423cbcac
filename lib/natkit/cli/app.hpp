#pragma once
/// What every tool's main consists of: the shared options, options with our own value types, and `run`.
///
///   int main(int argc, char** argv) {
///     CLI::App app{"Say what it does.", "tool"};
///     cli::Output output{"tool"};
///     cli::add_common_options(app, output, NATKIT_VERSION);
///     …
///     return cli::run(app, output, argc, argv, [&] { return do_it(output, options); });
///   }
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/time.hpp"
#include "natkit/cli/exit.hpp"
#include "natkit/cli/output.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): not our name
class App;
class Option;
}  // namespace CLI

namespace natkit::cli {
/// --json, -q/--quiet, -v/--verbose, --color, --config, --version, --help. The configuration file is TOML with a
/// section per tool, named after it; keys outside sections are for every tool, those it does not know are passed over.
/// A tool with commands adds them afterwards: a key of its section is for every command that has such an option, unless
/// the command's own section ([tool.command]) says otherwise.
void add_common_options(CLI::App& app, Output& output, const std::string& version);

/// A command of a tool that has several, each with options of its own; the common options stand before or after it.
/// `run`'s body finds the one that was given by `app.got_subcommand`; without any the run ends with wrong usage.
[[nodiscard]] CLI::App& add_command(CLI::App& app, const std::string& name, const std::string& description);

/// "300ms", "2s", "1m"; --help prints what `value` holds now as the default.
CLI::Option* add_duration(CLI::App& app, const std::string& name, Duration& value, const std::string& description);

/// One of `choices`, of which the first is the default; `set` is called with the one that was chosen.
CLI::Option* add_choice(CLI::App& app, const std::string& name, const std::vector<std::string>& choices,
                        const std::function<void(const std::string&)>& set, const std::string& description);

/// A whole number from 1 to 10^9; --help prints what `value` holds now as the default.
CLI::Option* add_count(CLI::App& app, const std::string& name, std::size_t& value, const std::string& description);

/// ADDR[:PORT], repeatable; addresses only, no names.
CLI::Option* add_endpoints(CLI::App& app, const std::string& name, std::vector<Endpoint>& values,
                           std::uint16_t default_port, const std::string& description);

/// Parses, runs `body` and gives main its exit status: 2 with `error:` and `hint:` lines on wrong usage, 70 when an
/// exception escapes from `body`. An answer that could not be written (full disk, broken pipe) turns 0 into 2.
/// `interrupted` and `terminated` raise the signal again, so that a shell or an init system sees what ended the tool.
[[nodiscard]] int run(CLI::App& app, Output& output, int argc, const char* const* argv,
                      const std::function<Exit()>& body);
}  // namespace natkit::cli
