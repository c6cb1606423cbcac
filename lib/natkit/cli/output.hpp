#pragma once
/// The only way to standard output and standard error. The answer goes to one, all else to the other; what the user
/// asked to see (--json, --quiet, --verbose, --color) is decided here and nowhere else.
///
/// Every text is UTF-8 and made of our own words; parts that came from outside go through `printable` first.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "natkit/cli/exit.hpp"
#include "natkit/report/error.hpp"

namespace natkit::cli {
enum class Format : std::uint8_t { text, json };
enum class Color : std::uint8_t { automatic, always, never };
enum class Verbosity : std::uint8_t { quiet, normal, steps, details };  ///< -q, none, -v, -vv

struct OutputOptions {
  Format format = Format::text;
  Color color = Color::automatic;
  Verbosity verbosity = Verbosity::normal;
  report::Shape shape = report::Shape::answer;  ///< of what --json writes; the tool says, not the user
  /// What remarks and errors go through before anybody sees them (--redact); empty: they stay as they are. Answers are
  /// shown as they are given.
  std::function<std::string(std::string_view)> mask{};
};

class Output {
 public:
  /// File descriptors, so that a test can listen in.
  struct Streams {
    int answer = 1;
    int remarks = 2;
  };

  explicit Output(std::string tool) : Output(std::move(tool), Streams{}) {}
  Output(std::string tool, Streams streams) : tool_(std::move(tool)), streams_(streams) {}

  OutputOptions options;

  [[nodiscard]] const std::string& tool() const { return tool_; }
  [[nodiscard]] bool is_json() const { return options.format == Format::json; }
  /// Whether the answer may be coloured: asked for, or a terminal that nobody forbade it (NO_COLOR, TERM=dumb);
  /// never with --json or --quiet.
  [[nodiscard]] bool is_colored() const;
  [[nodiscard]] bool is_verbose(Verbosity least) const { return options.verbosity >= least; }

  /// To standard output, as it stands; a line end is added where there is none. A failure is kept for `write_failure`.
  void answer(std::string_view text);
  /// Standard output is for something else from now on: what would go there goes to standard error.
  void yield_answer() { streams_.answer = streams_.remarks; }
  /// To standard error: "warning: …", not with --quiet.
  void warn(std::string_view line) const;
  /// To standard error, with -v (`steps`) or -vv (`details`).
  void explain(Verbosity least, std::string_view line) const;
  /// For whoever waits at a terminal: a word on standard error, which the next output erases. Nothing where standard
  /// error is no terminal, nor with --quiet or --json.
  void progress(std::string_view word);
  /// A line of a log, to standard error, whatever the verbosity.
  void log(std::string_view line) const;
  /// Says what went wrong, as "error:" and "hint:" lines on standard error or as JSON on standard output, and gives the
  /// exit status that belongs to it.
  [[nodiscard]] Exit fail(const Error& error);

  /// `errno` of the first write to standard output that failed, else 0.
  [[nodiscard]] int write_failure() const { return write_failure_; }

 private:
  [[nodiscard]] std::string masked(std::string_view text) const;
  void remark(std::string_view line) const;
  void erase_progress() const;

  std::string tool_;
  Streams streams_;
  int write_failure_ = 0;
  mutable bool is_progress_shown_ = false;  // remarks erase it, and remarks change nothing else
};
}  // namespace natkit::cli
