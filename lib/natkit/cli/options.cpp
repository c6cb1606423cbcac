#include <CLI/App.hpp>
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
  app.add_option_function<std::string>(
         "--color", [&options](const std::string& when) { options.color = parse_color(when); },
         "colour the answer: auto, always or never")
      ->check([](const std::string& when) {
        return when == "auto" || when == "always" || when == "never" ? std::string{}
                                                                     : quoted(when) + " is not auto, always or never";
      })
      ->type_name("WHEN")
      ->default_str("auto")
      ->group(common_group);
  add_config_option(app, output.tool());
  app.get_config_ptr()->group(common_group)->configurable(false);
  app.set_version_flag("--version", output.tool() + " " + version, "print the version and exit")
      ->group(common_group)
      ->configurable(false);
  app.set_help_flag("-h,--help", "print this help and exit")->group(common_group)->configurable(false);
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
