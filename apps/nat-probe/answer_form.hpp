#pragma once
// In which form the answer is given: --compare and --prometheus.

namespace CLI {  // NOLINT(readability-identifier-naming): not our name
class App;
}  // namespace CLI

namespace natkit {
struct AnswerForm {
  bool is_compared = false;  ///< with what other tools would say
  bool is_metrics = false;   ///< for Prometheus, instead of the text
};
/// After --against and --watch, which have a form of their own.
void add_form_options(CLI::App& app, AnswerForm& form);
/// Once --json is there, which --prometheus cannot be combined with.
void exclude_other_formats(CLI::App& app);
}  // namespace natkit
