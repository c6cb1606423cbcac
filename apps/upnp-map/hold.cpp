#include <fmt/format.h>

#include <algorithm>

#include "commands.hpp"
#include "mapping.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/io/routes.hpp"
#include "natkit/report/portmap_json.hpp"
#include "natkit/report/portmap_text.hpp"
#include "outside.hpp"
#include "program.hpp"

namespace natkit {
namespace {
using portmap::Keeper;

/// Looks after each input at what has happened: tells it, starts the program once all stands, ends when that ends.
class Holding {
 public:
  Holding(Session& session, const MappingOptions& options, const Plan& plan, Keeper& keeper,
          std::vector<std::string> command)
      : output_(session.output), options_(options), plan_(plan), keeper_(keeper), command_(std::move(command)) {}

  void look(Instant now) {
    started_ = started_.value_or(now);
    while (const auto event = keeper_.poll_event()) std::visit([&](const auto& one) { tell(now, one); }, *event);
    if (is_ending_) return;
    if (program_.is_running() && program_.has_ended()) return end(now);
    if (!was_held_ && is_held()) begin(now);
  }
  /// The first answer did not come in time.
  void give_up(Instant now) {
    if (was_held_ || is_ending_) return;
    error_ = error_of(output_, plan_, keeper_, options_.router.timeout);
    end(now);
  }
  void stop(Instant now) {
    program_.pass_on_signal();
    end(now);
  }

  [[nodiscard]] bool was_held() const { return was_held_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] std::optional<int> program_status() { return program_.wait_for_status(); }

 private:
  [[nodiscard]] bool is_held() const {
    for (std::size_t i = 0; i < keeper_.wishes(); ++i)
      if (!keeper_.outcome(i).held) return false;
    return true;
  }
  [[nodiscard]] report::MappingAnswer answer(Instant now, std::size_t wish) const {
    return answer_of(plan_.wishes[wish], keeper_.outcome(wish), now - *started_);
  }

  void begin(Instant now) {
    was_held_ = true;
    if (command_.empty()) return;
    const auto external = to_text(keeper_.outcome(0).held->layers.back().external);
    const auto started = program_.start(
        command_, {{"NATKIT_EXTERNAL", external}, {"NATKIT_INTERNAL", to_text(plan_.wishes[0].internal)}});
    if (started) return;
    error_ = started.error();
    end(now);
  }
  void end(Instant now) {
    if (is_ending_) return;
    is_ending_ = true;
    keeper_.release(now);
  }

  void say(Instant now, std::string_view event, std::size_t wish) {
    if (output_.is_json()) return output_.answer(report::event_json(event, answer(now, wish)));
    if (event == "granted") {
      const auto mapping = answer(now, wish);
      output_.answer(report::mapping_text(mapping, report::Keeping::held));
      for (const auto& warning : report::mapping_warnings(mapping)) output_.warn(warning);
    } else if (event == "released") {
      output_.answer(line("released", wish));
    } else {
      output_.explain(cli::Verbosity::steps, line(event, wish));
    }
  }
  [[nodiscard]] std::string line(std::string_view event, std::size_t wish) const {
    const auto& held = keeper_.outcome(wish).held;
    return fmt::format("{:<9}{} {}", event, to_text(plan_.wishes[wish].protocol),
                       held ? to_text(held->layers.back().external) : to_text(plan_.wishes[wish].internal));
  }

  void tell(Instant now, const Keeper::Granted& one) { say(now, "granted", one.wish); }
  void tell(Instant now, const Keeper::Renewed& one) { say(now, "renewed", one.wish); }
  void tell(Instant now, const Keeper::Moved& one) {
    if (output_.is_json()) return output_.answer(report::moved_json(answer(now, one.wish), one.before));
    output_.answer(line("moved", one.wish) + fmt::format(", before {}", to_text(one.before)));
  }
  void tell(Instant now, const Keeper::Lost& one) {
    const Error error{Errc::no_path, "lost", one.why, "it is being made again"};
    trouble(now, "lost", one.wish, error);
  }
  void tell(Instant now, const Keeper::Refused& one) {
    const auto error = error_of(output_, plan_, keeper_, options_.router.timeout);
    // Nothing has ever stood: waiting for a router that says no would only hide it.
    if (!was_held_) {
      error_ = error;
      return end(now);
    }
    trouble(now, "refused", one.wish, error);
  }
  void tell(Instant now, const Keeper::Released& one) {
    if (!keeper_.outcome(one.wish).held) return;  // nothing stood
    say(now, "released", one.wish);
    if (!one.is_clean)
      output_.warn("the router did not confirm the removal; `upnp-map gc` tries again, and the lease ends by itself");
  }
  void trouble(Instant now, std::string_view event, std::size_t wish, const Error& error) {
    if (output_.is_json()) return output_.answer(report::trouble_json(event, answer(now, wish), error));
    output_.warn(fmt::format("{}: {}; trying again", line(event, wish), printable(error.detail)));
  }

  cli::Output& output_;
  const MappingOptions& options_;
  const Plan& plan_;
  Keeper& keeper_;
  std::vector<std::string> command_;
  Program program_;
  std::optional<Instant> started_;
  std::optional<Error> error_;
  bool was_held_ = false;
  bool is_ending_ = false;
};

/// The ways out as they are now; that of our own address first as long as it is there.
std::vector<portmap::Route> routes_now(const IpAddress& internal) {
  auto routes = io::default_routes();
  if (const auto own = route_of(internal, routes)) {
    std::erase(routes, *own);
    routes.insert(routes.begin(), *own);
  }
  return routes;
}

cli::Exit hold(Session& session, const MappingOptions& o, const Plan& plan, const std::vector<std::string>& program) {
  auto& output = session.output;
  auto journal = session.open_notebook();
  if (!journal) return output.fail(journal.error());
  for (const auto& warning : plan.warnings) output.warn(warning);
  Keeper keeper{keeper_config(plan, o, Keeper::Goal::hold, *journal), *journal->file, session.rng};
  Holding holding{session, o, plan, keeper, program};
  Supervised watched{keeper,
                     output,
                     {.word = "asking the router …",
                      .bound = o.router.timeout,
                      .on_bound = [&](Instant now) { holding.give_up(now); },
                      .after = [&](Instant now) { holding.look(now); },
                      .tick = program.empty() ? std::nullopt : std::optional<Duration>{Program::look_every}}};
  const auto end = session.run(
      watched, [&](Instant now) { holding.stop(now); },
      [&](Instant now) { keeper.handle_routes(now, routes_now(plan.routes.front().local)); });
  if (!end) return output.fail(end.error());
  if (*end != io::RunEnd::finished && !holding.was_held())
    return interrupted(output, *end, "what was asked for is taken back");
  if (*end == io::RunEnd::interrupted) return cli::Exit::interrupted;
  if (*end == io::RunEnd::terminated) return cli::Exit::terminated;
  if (holding.error()) return output.fail(*holding.error());
  return static_cast<cli::Exit>(holding.program_status().value_or(0));
}
}  // namespace

cli::Exit run_hold(Session& session, const MappingOptions& o, const std::vector<std::string>& program) {
  auto& output = session.output;
  output.options.shape = report::Shape::event;
  if (const auto enough = check_timeout(o.router.timeout); !enough) return output.fail(enough.error());
  const auto plan = plan_mapping(o);
  if (!plan) return output.fail(plan.error());
  return hold(session, o, *plan, program);
}
}  // namespace natkit
