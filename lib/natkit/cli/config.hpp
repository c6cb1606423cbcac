#pragma once
// Private to the room: the configuration file as CLI11 reads it.
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): not our name
class App;
}

namespace natkit::cli {
/// Adds --config and makes `app` read its own section of the file. $XDG_CONFIG_HOME/natkit/config.toml (or
/// ~/.config/…), then /etc/natkit/config.toml, where no file is named.
void add_config_option(CLI::App& app, const std::string& section);
}  // namespace natkit::cli
