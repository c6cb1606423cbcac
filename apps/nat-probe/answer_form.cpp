#include "answer_form.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>  // App.hpp declares what only these define
#include <CLI/Option.hpp>

namespace natkit {
void add_form_options(CLI::App& app, AnswerForm& form) {
  auto* compared = app.add_flag("--compare", form.is_compared,
                                "also say what stunclient, tailscale netcheck and pystun3 would report here, and why "
                                "that differs");
  auto* metrics = app.add_flag("--prometheus", form.is_metrics, "answer with metrics in the text format of Prometheus")
                      ->excludes(compared);
  for (const auto* other : {"--against", "--watch"}) metrics->excludes(app.get_option(other));
}

void exclude_other_formats(CLI::App& app) { app.get_option("--prometheus")->excludes(app.get_option("--json")); }
}  // namespace natkit
