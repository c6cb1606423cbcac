#include <fcntl.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <array>
#include <csignal>
#include <iterator>
#include <numeric>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "natkit/base/printable.hpp"
#include "natkit/cli/app.hpp"

namespace natkit::cli {
namespace {
/// A tool started with a standard stream closed would hand its number to the first socket, and print into that.
void occupy_standard_streams() {
  for (const int descriptor : {0, 1, 2}) {
    if (::fcntl(descriptor, F_GETFD) != -1) continue;  // NOLINT(*-vararg): the system's interface
    // The wrong way round on purpose: reading from or writing to it fails, as it would have.
    static_cast<void>(::open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY));  // NOLINT(*-vararg)
  }
}

/// Levenshtein's distance, for texts as short as options are.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0U : 1U);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

/// The one of `names` that was probably meant; empty where none is near.
std::string nearest(std::string_view wrong, const std::vector<std::string>& names) {
  std::string found;
  std::size_t least = 3;  // more than two slips make another word
  for (const auto& name : names) {
    const auto slips = distance(wrong, name);
    if (slips < least) {
      least = slips;
      found = name;
    }
  }
  return found;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options({}))
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

/// What was typed that nothing is known of, and what was probably meant.
void explain_unknown(const CLI::App& app, const CLI::App* command, const std::string& unknown, Error& error) {
  const auto word = unknown.substr(0, unknown.find('='));
  const bool is_option = word.size() > 1 && word.front() == '-';
  const auto commands = command_names(app);
  std::vector<std::string> meant;
  if (is_option) {
    meant = option_names(app);
    if (command != nullptr) std::ranges::move(option_names(*command), std::back_inserter(meant));
    error.detail = "unknown option " + printable(word);
  } else if (command == nullptr && !commands.empty()) {
    meant = commands;
    error.detail = "unknown command " + printable(word);
  } else {
    error.detail = "unexpected argument " + printable(word);
  }
  if (const auto name = nearest(word, meant); !name.empty()) error.advice = "did you mean " + name + "? ";
}

Error usage_error(const CLI::App& app, const CLI::ParseError& error) {
  Error result{.code = Errc::usage, .reason = "usage", .detail = printable(error.what()), .advice = {}};
  const auto chosen = app.get_subcommands();
  const auto* const command = chosen.empty() ? nullptr : chosen.front();
  const bool is_about_extras = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
  if (const auto unknown = app.remaining(true); is_about_extras && !unknown.empty())
    explain_unknown(app, command, unknown.front(), result);
  result.advice +=
      app.get_name() + (command == nullptr ? "" : " " + command->get_name()) + " --help lists what it takes";
  return result;
}

/// Looked up by hand, because CLI11 gives values out only once all of them were read.
bool asks_for_json(std::span<const char* const> arguments) {
  std::string_view before;
  for (const std::string_view argument : arguments) {
    if (argument == "--json" || argument == "--log=json" || (before == "--log" && argument == "json")) return true;
    before = argument;
  }
  return false;
}

Exit parse_and_run(CLI::App& app, Output& output, std::span<const char* const> arguments,
                   const std::function<Exit()>& body) {
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
    if (const auto commands = command_names(app); !commands.empty() && app.get_subcommands().empty())
      return output.fail({.code = Errc::usage,
                          .reason = "usage",
                          .detail = "a command is missing: " + CLI::detail::join(commands, ", "),
                          .advice = app.get_name() + " --help says what each does"});
    return body();
  } catch (const CLI::CallForHelp&) {
    output.answer(app.help());
    return Exit::ok;
  } catch (const CLI::CallForVersion& version) {
    output.answer(version.what());
    return Exit::ok;
  } catch (const CLI::ParseError& error) {
    if (asks_for_json(arguments)) output.options.format = Format::json;
    return output.fail(usage_error(app, error));
  }
}

Exit guarded(CLI::App& app, Output& output, std::span<const char* const> arguments, const std::function<Exit()>& body) {
  std::string what;
  try {
    return parse_and_run(app, output, arguments, body);
  } catch (const std::exception& escaped) {
    what = escaped.what();
  } catch (...) {
    what = "an exception without a name";
  }
  return output.fail({.code = Errc::defect,
                      .reason = "internal-error",
                      .detail = "internal error: " + printable(what),
                      .advice = "this is a defect of " + output.tool() + ": please report it with the command line"});
}

/// Ends the process by the signal that it was told to end by. Comes back where signals are blocked or this is process 1
/// of a container, which cannot be ended that way; then the exit status says the same.
void raise_again(Exit exit) {
  const int number = exit == Exit::interrupted ? SIGINT : SIGTERM;
  static_cast<void>(std::signal(number, SIG_DFL));
  static_cast<void>(std::raise(number));
}
}  // namespace

int run(CLI::App& app, Output& output, int argc, const char* const* argv, const std::function<Exit()>& body) {
  occupy_standard_streams();
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));  // a broken pipe is an error of `write`, told in words
  static_cast<void>(std::signal(SIGCHLD, SIG_DFL));  // ignored, as we may have been started, children end untold
  auto exit = guarded(app, output, {argv, static_cast<std::size_t>(argc)}, body);
  if (const int number = output.write_failure(); number != 0) {
    output.log("error: cannot write the answer to standard output: " + std::generic_category().message(number));
    if (exit == Exit::ok) exit = Exit::usage;
  }
  if (exit == Exit::interrupted || exit == Exit::terminated) raise_again(exit);
  return static_cast<int>(exit);
}
}  // namespace natkit::cli
