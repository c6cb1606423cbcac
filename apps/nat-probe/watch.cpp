#include "watch.hpp"

#include <span>
#include <utility>
#include <vector>

#include "natkit/io/clock.hpp"
#include "natkit/report/changes.hpp"

namespace natkit {
namespace {
/// A machine that only waits: so the driver wakes it, or a signal ends it, as any other.
class Pause {
 public:
  explicit Pause(Instant due) : due_(due) {}
  static void start(Instant /*now*/) {}
  static void handle_datagram(Instant /*now*/, const Datagram& /*in*/) {}
  void handle_timeout(Instant now) {
    if (due_ && *due_ <= now) due_.reset();
  }
  [[nodiscard]] static std::optional<Datagram> poll_transmit() { return std::nullopt; }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return due_; }

 private:
  std::optional<Instant> due_;
};

cli::Exit exit_of(io::RunEnd end) {
  return end == io::RunEnd::interrupted ? cli::Exit::interrupted : cli::Exit::terminated;
}

/// Tells the runs of one watch, each as it comes.
class Teller {
 public:
  explicit Teller(cli::Output& output) : output_(output) {}

  cli::Exit tell(Watched run) {
    const bool is_first = !answers_.has_answer();
    const auto changes = answers_.enter(run.json, run.error);
    if (is_first)
      output_.answer(output_.is_json() ? report::report_event(run.json, io::unix_now()) : run.text);
    else
      tell_changes(changes);
    if (is_first && run.error && !output_.is_json()) output_.log("error: " + run.error->detail);
    return run.error ? cli::Exit::no : cli::Exit::ok;
  }

  cli::Exit tell(const Error& error) {
    const auto changes = answers_.enter_failure(error);
    tell_changes(changes);
    if (!changes.empty()) output_.warn(error.detail);
    return cli::exit_for(error.code);
  }

 private:
  void tell_changes(std::span<const report::Change> changes) {
    if (changes.empty()) return;
    const auto at = io::unix_now();
    if (output_.is_json()) return output_.answer(report::changed_event(changes, at));
    for (const auto& change : changes) output_.answer(report::to_text(change, at));
  }

  cli::Output& output_;
  report::WatchedAnswers answers_;
};
}  // namespace

cli::Exit watch(cli::Output& output, const WatchPlan& plan, const std::function<WatchRun()>& run_once) {
  Teller teller{output};
  for (std::size_t runs = 1;; ++runs) {
    const auto due = io::now() + plan.every;
    auto run = run_once();
    if (const auto* end = std::get_if<io::RunEnd>(&run)) return exit_of(*end);
    const auto exit = std::holds_alternative<Error>(run) ? teller.tell(std::get<Error>(run))
                                                         : teller.tell(std::move(std::get<Watched>(run)));
    if (runs == plan.runs || output.write_failure() != 0) return exit;
    if (io::now() >= due) continue;
    Pause pause{due};
    const auto waited = io::run(pause);
    if (!waited) return output.fail(waited.error());
    if (*waited != io::RunEnd::finished) return exit_of(*waited);
  }
}
}  // namespace natkit
