#pragma once
// From a trace to an answer, and in which form it is shown.
#include <optional>
#include <string>
#include <vector>

#include "measuring.hpp"
#include "natkit/base/result.hpp"
#include "natkit/cli/output.hpp"
#include "natkit/cli/whole_file.hpp"
#include "natkit/probe/report.hpp"
#include "natkit/report/against.hpp"
#include "natkit/report/compare.hpp"
#include "natkit/report/expect.hpp"
#include "natkit/report/probe_json.hpp"
#include "natkit/report/redactor.hpp"
#include "natkit/report/remembered.hpp"
#include "options.hpp"
#include "recollection.hpp"

namespace natkit {
/// What holds for all runs of a watch.
struct Context {
  const Options& options;
  report::Redactor& redactor;
  std::optional<probe::Report> peer{};
  std::vector<report::Expectation> expectations{};
  std::optional<cli::WholeFile> page{};
  std::optional<Recollection> recollection{};  ///< none with --replay: it was another time, or another network
};

/// Reads --against.
[[nodiscard]] Result<void> load_peer(Context& context);
/// Reads --expect; a key that cannot be met fails before anything is measured.
[[nodiscard]] Result<void> parse_expectations(Context& context);

/// What makes an answer end with another exit status than 0.
struct Objection {
  cli::Exit exit = cli::Exit::ok;
  Error error{};
  std::vector<std::string> lines{};  ///< for people, instead of the error: one for each expectation that is not met
};

/// A report and what is said of it, as they are shown.
struct Answer {
  probe::Report report{};
  AnswerForm form{};
  std::optional<report::Against> against{};
  std::optional<std::vector<report::Comparison>> compare{};
  std::vector<report::Remembered> remembered{};
  std::optional<Objection> objection{};

  [[nodiscard]] report::Supplement supplement() const {
    return {.against = against,
            .compare = compare,
            .remembered = remembered,
            .error = objection ? std::optional{objection->error} : std::nullopt};
  }
};

[[nodiscard]] Answer judge(Context& context, const Measured& measured);
[[nodiscard]] std::string text_of(const cli::Output& output, const Answer& answer);
/// What the answer rests on, for whoever asked for it.
void explain(const cli::Output& output, const Answer& answer);
/// The whole answer in the form that was asked for, and the page; gives the exit status.
[[nodiscard]] cli::Exit show(cli::Output& output, Context& context, Answer answer);
}  // namespace natkit
