#include <CLI/App.hpp>
#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "natkit/base/printable.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/cli/config.hpp"
#include "natkit/cli/duration.hpp"
#include "natkit/cli/help.hpp"

namespace natkit::cli {
namespace {
constexpr const char* common_group = "Common options";

Color parse_color(const std::string& text) {
  if (text == "always") return Color::always;
  return text == "never" ? Color::never : Color::automatic;
}

std::optional<std::size_t> parse_count(std::string_view text) {
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count < 1 || count > 1'000'000'000)
    return std::nullopt;
  return count;
}

std::string quoted(const std::string& text) { return "'" + printable(text) + "'"; }
}  // namespace

void add_common_options(CLI::App& app, Output& output, const std::string& version) {
  set_help_style(app);
  auto& options = output.options;
  app.add_flag_function(
         "--json", [&options](std::int64_t) { options.format = Format::json; }, "answer in JSON")
      ->group(common_group);
  auto* quiet = app.add_flag_function(
      "-q,--quiet", [&options](std::int64_t) { options.verbosity = Verbosity::quiet; }, "nothing but the answer");
  auto* verbose = app.add_flag_function(
      "-v,--verbose",
      [&options](std::int64_t count) { options.verbosity = count > 1 ? Verbosity::details : Verbosity::steps; },
      "explain each step on standard error; twice: in detail");
  quiet->group(common_group);
  verbose->group(common_group)->excludes(quiet);
  add_choice(
      app, "--color", {"auto", "always", "never"},
      [&options](const std::string& when) { options.color = parse_color(when); }, "colour the answer")
      ->group(common_group);
  add_config_option(app, output.tool());
  app.get_config_ptr()->group(common_group)->configurable(false);
  app.set_version_flag("--version", output.tool() + " " + version, "print the version and exit")
      ->group(common_group)
      ->configurable(false);
  app.set_help_flag("-h,--help", "print this help and exit")->group(common_group)->configurable(false);
}

CLI::App& add_command(CLI::App& app, const std::string& name, const std::string& description) {
  app.require_subcommand(0, 1);  // `run` tells in its own words when there is none
  auto* command = app.add_subcommand(name, description);
  command->fallthrough();
  return *command;
}

CLI::Option* add_duration(CLI::App& app, const std::string& name, Duration& value, const std::string& description) {
  return app
      .add_option_function<std::string>(
          name, [&value](const std::string& text) { value = parse_duration(text).value_or(value); }, description)
      ->check([](const std::string& text) {
        return parse_duration(text) ? std::string{} : quoted(text) + " is not a duration such as 300ms, 2s or 1m";
      })
      ->type_name("DURATION")
      ->default_str(to_text(value));
}

CLI::Option* add_choice(CLI::App& app, const std::string& name, const std::vector<std::string>& choices,
                        const std::function<void(const std::string&)>& set, const std::string& description) {
  return app.add_option_function<std::string>(name, set, description)
      ->check([choices](const std::string& text) {
        return std::ranges::find(choices, text) != choices.end()
                   ? std::string{}
                   : quoted(text) + " is not one of " + CLI::detail::join(choices, ", ");
      })
      ->type_name(CLI::detail::join(choices, "|"))
      ->default_str(choices.front());
}

CLI::Option* add_count(CLI::App& app, const std::string& name, std::size_t& value, const std::string& description) {
  return app
      .add_option_function<std::string>(
          name, [&value](const std::string& text) { value = parse_count(text).value_or(value); }, description)
      ->check([](const std::string& text) {
        return parse_count(text) ? std::string{} : quoted(text) + " is not a whole number from 1 to 1000000000";
      })
      ->type_name("N")
      ->default_str(std::to_string(value));
}

CLI::Option* add_endpoints(CLI::App& app, const std::string& name, std::vector<Endpoint>& values,
                           std::uint16_t default_port, const std::string& description) {
  return app
      .add_option_function<std::vector<std::string>>(
          name,
          [&values, default_port](const std::vector<std::string>& texts) {
            values.clear();
            for (const auto& text : texts)
              if (const auto endpoint = parse_endpoint(text, default_port)) values.push_back(*endpoint);
          },
          description)
      ->check([](const std::string& text) {
        return parse_endpoint(text, 1) ? std::string{}
                                       : quoted(text) +
                                             " is not an address such as 192.0.2.1, 192.0.2.1:3478 or "
                                             "[2001:db8::1]:3478";
      })
      ->type_name("ADDR[:PORT]")
      ->expected(1, -1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}
}  // namespace natkit::cli
