#include "natkit/cli/config.hpp"

#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace natkit::cli {
namespace {
std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here writes the environment
  return value == nullptr ? "" : value;
}

/// Leaves to CLI11 only what is meant for this tool. One file serves all tools, so a foreign section is none of our
/// business; an unknown key in our own section stays, for CLI11 to refuse: it is a spelling mistake.
class OwnSection : public CLI::ConfigTOML {
 public:
  OwnSection(const CLI::App& app, std::string section) : app_(app), section_(std::move(section)) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> own;
    std::vector<CLI::ConfigItem> of_commands;
    std::vector<CLI::ConfigItem> shared;
    for (auto& item : CLI::ConfigTOML::from_config(input)) {
      if (item.parents.empty()) {
        for (auto& meant : for_whom(item)) shared.push_back(std::move(meant));
      } else if (item.parents.front() == section_) {
        item.parents.erase(item.parents.begin());
        const bool is_bracket =
            item.name == "++" || item.name == "--";  // how CLI11 marks where sections open and close
        if (item.parents.empty() && !is_bracket) {
          auto meant = for_whom(item);
          if (meant.empty()) meant.push_back(std::move(item));  // for CLI11 to refuse
          std::ranges::move(meant, std::back_inserter(own));
        } else if (!item.parents.empty()) {
          of_commands.push_back(std::move(item));
        }
      }
    }
    // CLI11 keeps the first value it is given: a command's own goes before the tool's, and that before that for all.
    std::ranges::move(own, std::back_inserter(of_commands));
    std::ranges::move(shared, std::back_inserter(of_commands));
    std::erase_if(of_commands, [this](const CLI::ConfigItem& item) { return is_overruled(item); });
    return of_commands;
  }

 private:
  /// Whether the environment sets this option. CLI11 would ask the file first; here the nearer to the user wins: the
  /// command line, then the environment, then the file.
  [[nodiscard]] bool is_overruled(const CLI::ConfigItem& item) const {
    const CLI::App* meant = &app_;
    for (const auto* command : app_.get_subcommands({}))
      if (!item.parents.empty() && command->get_name() == item.parents.front()) meant = command;
    const auto* option = meant->get_option_no_throw("--" + item.name);
    return option != nullptr && !option->get_envname().empty() && !environment(option->get_envname().c_str()).empty();
  }

  /// The item for the tool itself, or for each of its commands that has such an option.
  [[nodiscard]] std::vector<CLI::ConfigItem> for_whom(const CLI::ConfigItem& item) const {
    const auto option = "--" + item.name;
    if (app_.get_option_no_throw(option) != nullptr) return {item};
    std::vector<CLI::ConfigItem> meant;
    for (const auto* command : app_.get_subcommands({})) {
      if (command->get_option_no_throw(option) == nullptr) continue;
      meant.push_back(item);
      meant.back().parents = {command->get_name()};
    }
    return meant;
  }

  const CLI::App& app_;
  std::string section_;
};

/// The first that can be read, else none.
std::string default_file() {
  std::string home = environment("XDG_CONFIG_HOME");
  if (home.empty() && !environment("HOME").empty()) home = environment("HOME") + "/.config";
  std::vector<std::string> places;
  if (!home.empty()) places.push_back(home + "/natkit/config.toml");
  places.emplace_back("/etc/natkit/config.toml");
  for (const auto& place : places)
    if (::access(place.c_str(), R_OK) == 0) return place;
  return {};
}
}  // namespace

void add_config_option(CLI::App& app, const std::string& section) {
  app.allow_config_extras(CLI::config_extras_mode::error);
  app.config_formatter(std::make_shared<OwnSection>(app, section));
  app.set_config("--config", default_file(),
                 "read options from this TOML file, section [" + section +
                     "] (default: $XDG_CONFIG_HOME/natkit/config.toml, else /etc/natkit/config.toml)")
      ->type_name("FILE");
}
}  // namespace natkit::cli
