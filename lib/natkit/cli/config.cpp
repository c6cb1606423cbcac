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
/// Leaves to CLI11 only what is meant for this tool. One file serves all tools, so a foreign section is none of our
/// business; an unknown key in our own section stays, for CLI11 to refuse: it is a spelling mistake.
class OwnSection : public CLI::ConfigTOML {
 public:
  OwnSection(const CLI::App& app, std::string section) : app_(app), section_(std::move(section)) {}

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> own;
    std::vector<CLI::ConfigItem> shared;
    for (auto& item : CLI::ConfigTOML::from_config(input)) {
      if (item.parents.empty()) {
        if (app_.get_option_no_throw("--" + item.name) != nullptr) shared.push_back(std::move(item));
      } else if (item.parents.front() == section_) {
        item.parents.erase(item.parents.begin());
        const bool is_bracket =
            item.name == "++" || item.name == "--";  // how CLI11 marks where sections open and close
        if (!is_bracket || !item.parents.empty()) own.push_back(std::move(item));
      }
    }
    // CLI11 keeps the first value it is given: the tool's own goes before that for all tools.
    std::ranges::move(shared, std::back_inserter(own));
    return own;
  }

 private:
  const CLI::App& app_;
  std::string section_;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here writes the environment
  return value == nullptr ? "" : value;
}

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
