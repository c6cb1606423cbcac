#include "answering.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/cli/input_file.hpp"
#include "natkit/probe/classifier.hpp"
#include "natkit/report/peer_report.hpp"
#include "natkit/report/probe_metrics.hpp"
#include "natkit/report/probe_text.hpp"
#include "natkit/report/verdict.hpp"
#include "page_file.hpp"

namespace natkit {
namespace {
/// The verdict without its first word, which `error:` stands for.
std::string why_unknown(const report::Verdict& verdict) {
  return printable(std::string_view{verdict.summary}.substr(report::to_text(verdict.grade).size() + 2));
}

std::optional<Objection> object(const Answer& answer, const std::vector<report::Expectation>& expectations) {
  const auto& report = answer.report;
  if (report.udp == probe::UdpState::unknown) {
    const auto verdict = report::verdict_of(report);
    auto advice = report::is_perhaps_behind_a_portal(report)
                      ? fmt::format("{}", fmt::join(verdict.advice, " "))
                      : "check the server's name and port, that it runs, and that this host is online; nat-probe -v "
                        "says more";
    return Objection{cli::Exit::nobody_there,
                     {Errc::nobody_there, "server-unreachable", why_unknown(verdict), std::move(advice)}};
  }
  const auto unmet = report::unmet_expectations(report::to_json(report, answer.supplement()), expectations);
  if (!unmet) return Objection{cli::exit_for(unmet.error().code), unmet.error()};
  if (unmet->empty()) return std::nullopt;
  Objection objection{.exit = cli::Exit::no};
  for (const auto& one : *unmet) objection.lines.push_back(printable(report::to_text(one)));
  objection.error = {Errc::usage, "expectation-not-met", fmt::format("{}", fmt::join(objection.lines, "; ")), {}};
  return objection;
}
}  // namespace

Result<void> load_peer(Context& context) {
  const auto& path = context.options.against;
  if (path.empty()) return {};
  if (path == "-" && context.options.replay == "-")
    return std::unexpected(Error{Errc::usage, "usage", "--against and --replay cannot both read standard input",
                                 "give one of them as a file"});
  const auto text = cli::read_input(path, report::most_report_bytes);
  if (!text) return std::unexpected(text.error());
  auto peer = report::parse_peer_report(*text);
  if (!peer) {
    peer.error().detail = fmt::format("{}: {}", printable(path), peer.error().detail);
    return std::unexpected(peer.error());
  }
  context.peer = std::move(*peer);
  return {};
}

Result<void> parse_expectations(Context& context) {
  for (const auto& text : context.options.expectations) {
    auto expectation = report::parse_expectation(text);
    if (!expectation) return std::unexpected(expectation.error());
    context.expectations.push_back(std::move(*expectation));
  }
  // A misspelt key is wrong whatever the network says: tell before measuring.
  report::Supplement asked;
  if (context.peer) asked.against.emplace();
  if (context.options.form.is_compared) asked.compare = report::compare(probe::Report{});
  return report::check_keys(report::to_json(probe::Report{}, asked), context.expectations);
}

/// What addresses are counts for the judgment, so they are masked after it.
Answer judge(Context& context, const Measured& measured) {
  Answer answer{.report = probe::classify(measured.trace), .form = context.options.form};
  if (context.recollection) answer.remembered = context.recollection->complete(answer.report, measured.end);
  if (answer.form.is_compared) answer.compare = report::compare(answer.report);
  if (context.peer) answer.against = report::against_of(answer.report, *context.peer);
  answer.objection = object(answer, context.expectations);
  if (!context.options.is_redacted) return answer;
  context.redactor.learn(measured.trace);
  answer.report = context.redactor.redact(std::move(answer.report));
  if (answer.objection) answer.objection->error = context.redactor.redact(std::move(answer.objection->error));
  return answer;
}

std::string text_of(const cli::Output& output, const Answer& answer) {
  if (answer.form.is_metrics) return report::metrics_text(answer.report);
  auto text = report::to_text(answer.report, output.is_colored() ? report::Style::colored : report::Style::plain,
                              answer.remembered);
  if (answer.against) text += report::to_text(*answer.against);
  if (answer.compare) text += report::to_text(*answer.compare);
  return text;
}

void explain(const cli::Output& output, const Answer& answer) {
  for (const auto& line : report::evidence_lines(answer.report)) output.explain(cli::Verbosity::steps, line);
}

cli::Exit show(cli::Output& output, Context& context, Answer answer) {
  if (const auto written = commit_page(context.page, answer.report); !written)
    answer.objection = Objection{cli::exit_for(written.error().code), written.error()};
  const auto& objection = answer.objection;
  explain(output, answer);
  if (output.is_json()) {
    output.answer(report::to_json(answer.report, answer.supplement()));
  } else {
    // Where nobody answered, the error says it all, save to whoever collects metrics.
    if (answer.form.is_metrics || !objection || objection->exit != cli::Exit::nobody_there)
      output.answer(text_of(output, answer));
    if (objection && objection->lines.empty()) static_cast<void>(output.fail(objection->error));
    if (objection)
      for (const auto& line : objection->lines) output.log("error: " + line);
  }
  return objection ? objection->exit : cli::Exit::ok;
}
}  // namespace natkit
