#include "natkit/cli/help.hpp"

#include <CLI/App.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cctype>
#include <memory>
#include <string>
#include <string_view>

namespace natkit::cli {
namespace {
constexpr std::size_t indent = 26;  // where descriptions begin
constexpr std::size_t line_width = 100;

/// Breaks at spaces; every line but the first is indented.
std::string wrapped(std::string_view text) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    if (column != indent && column + 1 + word.size() > line_width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column != indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return out;
}

std::string entry(const std::string& names, const std::string& description) {
  std::string line = "  " + names;
  line += line.size() + 2 > indent ? "\n" + std::string(indent, ' ') : std::string(indent - line.size(), ' ');
  return line + wrapped(description) + '\n';
}

std::string flag_names(const CLI::Option& option) {
  std::string names = option.get_snames().empty() ? "    " : "-" + option.get_snames().front() + ", ";
  names += option.get_lnames().empty() ? "" : "--" + option.get_lnames().front();
  if (option.get_items_expected_max() > 0) names += " " + option.get_type_name();
  return names;
}

std::string description(const CLI::App& app, const CLI::Option& option) {
  std::string text = option.get_description();
  const bool is_repeatable = option.nonpositional() && option.get_items_expected_max() > 1;
  if (is_repeatable && app.get_config_ptr() != &option) text += " (repeatable)";
  // The configuration file's default is where this machine happens to keep it; its description says it in general.
  if (!option.get_default_str().empty() && app.get_config_ptr() != &option)
    text += " (default: " + option.get_default_str() + ")";
  return text;
}

/// " INTERNAL", " [SERVER...]", and a line for each of them.
struct Positionals {
  std::string usage;
  std::string entries;
};

Positionals positionals_of(const CLI::App& app) {
  Positionals out;
  for (const auto* option : app.get_options({})) {
    if (!option->get_positional()) continue;
    const auto name = option->get_name(true) + (option->get_items_expected_max() > 1 ? "..." : "");
    out.usage += option->get_required() ? " " + name : " [" + name + "]";
    out.entries += entry(name, description(app, *option));
  }
  return out;
}

std::string commands_of(const CLI::App& app) {
  std::string entries;
  for (const auto* command : app.get_subcommands({})) entries += entry(command->get_name(), command->get_description());
  return entries;
}

std::string options_of(const CLI::App& app) {
  std::string out;
  for (const auto& group : app.get_groups()) {
    if (group.empty()) continue;  // CLI11's way to hide an option
    // What every command takes is listed once, with the tool.
    std::string entries;
    for (const auto* option :
         app.get_options([&](const CLI::Option* o) { return o->nonpositional() && o->get_group() == group; }))
      if (app.get_parent() == nullptr || option != app.get_help_ptr())
        entries += entry(flag_names(*option), description(app, *option));
    if (!entries.empty()) out += "\n" + group + ":\n" + entries;
  }
  return out;
}

/// A command's description stands in a list, without capital and full stop; over its own help it is a sentence.
std::string sentence(const CLI::App& app) {
  auto text = app.get_description();
  if (app.get_parent() == nullptr || text.empty()) return text;
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text.ends_with('?') ? text : text + '.';
}

class HelpStyle : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode) const override {
    const auto positionals = positionals_of(*app);
    const auto commands = commands_of(*app);
    const auto usage = commands.empty() ? positionals.usage : std::string{" COMMAND ..."};
    std::string help = sentence(*app) + "\n\nUsage: " + name + " [OPTIONS]" + usage + "\n";
    if (!positionals.entries.empty()) help += "\n" + positionals.entries;
    if (!commands.empty()) help += "\nCommands:\n" + commands;
    help += options_of(*app);
    if (app->get_parent() != nullptr)
      help += "\nOptions that every command takes (--json, --quiet, --verbose ...): " + app->get_parent()->get_name() +
              " --help\n";
    if (!app->get_footer().empty()) help += "\n" + app->get_footer() + "\n";
    return help;
  }
};
}  // namespace

void set_help_style(CLI::App& app) { app.formatter(std::make_shared<HelpStyle>()); }
}  // namespace natkit::cli
