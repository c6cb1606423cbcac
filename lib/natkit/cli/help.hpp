#pragma once
// Private to the room: how --help looks. Our own, so that it is the same with every version of CLI11.
namespace CLI {  // NOLINT(readability-identifier-naming): not our name
class App;
}

namespace natkit::cli {
void set_help_style(CLI::App& app);
}  // namespace natkit::cli
