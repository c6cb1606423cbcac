#include <fmt/format.h>

#include <algorithm>

#include "commands.hpp"
#include "mapping.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/report/portmap_json.hpp"
#include "natkit/report/portmap_text.hpp"
#include "outside.hpp"

namespace natkit {
namespace {
/// What one run of `add` has come to.
struct Added {
  Plan plan;
  std::vector<report::MappingAnswer> answers{};
  std::optional<Error> error{};  ///< nothing stands then, or it is not open
  cli::Exit exit = cli::Exit::ok;
};

bool all_decided(const portmap::Keeper& keeper) {
  for (std::size_t i = 0; i < keeper.wishes(); ++i)
    if (!keeper.outcome(i).held && !keeper.outcome(i).failed) return false;
  return true;
}
bool any_failed(const portmap::Keeper& keeper) {
  for (std::size_t i = 0; i < keeper.wishes(); ++i)
    if (keeper.outcome(i).failed) return true;
  return false;
}
bool all_held(const portmap::Keeper& keeper) { return all_decided(keeper) && !any_failed(keeper); }

/// Asks the server outside about each mapping. What it cannot say is a remark; what is closed decides the exit status.
Result<io::RunEnd> verify(Session& session, const MappingOptions& o, const std::vector<Endpoint>& server,
                          Added& added) {
  for (auto& answer : added.answers) {
    const auto& external = answer.layers.back().external;
    const auto knocked = knock(session, server,
                               {.protocol = answer.protocol,
                                .external_port = external.port,
                                .internal = {answer.internal},
                                .expected = {external.address}},
                               o.router.timeout);
    if (!knocked) return std::unexpected(knocked.error());
    if (knocked->end != io::RunEnd::finished) return knocked->end;
    const auto* const result = result_for(knocked->results, answer.internal.address.family());
    answer.verified = result == nullptr ? std::nullopt : is_open(*result);
    answer.verdict = result == nullptr ? unknown_error(result, o.verify).detail : verdict_text(*result);
    if (answer.verified == false) {
      added.exit = cli::Exit::no;
      added.error =
          Error{Errc::refused, "port-closed", fmt::format("mapped, but not open from outside: {}", answer.verdict), {}};
    } else if (!answer.verified && added.exit == cli::Exit::ok) {
      const auto unknown = unknown_error(result, o.verify);
      added.exit = cli::exit_for(unknown.code);
      added.error = unknown;
    }
  }
  return io::RunEnd::finished;
}

void print(cli::Output& output, const Added& added, Duration elapsed) {
  if (output.is_json()) {
    output.answer(report::mappings_json(added.answers, elapsed, added.error ? &*added.error : nullptr));
    return;
  }
  std::string text;
  for (const auto& answer : added.answers) {
    if (!text.empty()) text += '\n';
    text += report::mapping_text(answer, report::Keeping::kept);
    for (const auto& warning : report::mapping_warnings(answer)) output.warn(warning);
  }
  output.answer(text);
}

/// What was made a moment ago.
Result<void> take_back(Session& session, portmap::Keeper& keeper) {
  Supervised release{keeper, session.output, {}};
  release.resume();
  keeper.release(io::now());
  if (const auto taken = session.run(release); !taken) return std::unexpected(taken.error());
  return {};
}

cli::Exit map_and_keep(Session& session, const MappingOptions& o, Added added, Instant started) {
  auto& output = session.output;
  std::vector<Endpoint> server;
  if (!o.verify.empty()) {
    auto found = find_server(o.verify, o.router.timeout);  // before anything is opened
    if (!found) return output.fail(found.error());
    server = std::move(*found);
  }
  auto journal = session.open_notebook();
  if (!journal) return output.fail(journal.error());
  for (const auto& warning : added.plan.warnings) output.warn(warning);

  portmap::Keeper keeper{keeper_config(added.plan, o, portmap::Keeper::Goal::once, *journal), *journal->file,
                         session.rng};
  Supervised watched{keeper,
                     output,
                     {.word = "asking the router …",
                      .bound = o.router.timeout,
                      .on_bound =
                          [&](Instant now) {
                            if (!all_held(keeper)) keeper.release(now);
                          },
                      // All or nothing: half of what was asked for helps nobody and would be forgotten.
                      .after =
                          [&](Instant now) {
                            if (all_decided(keeper) && any_failed(keeper)) keeper.release(now);
                          }}};
  const auto end = session.run(watched, [&](Instant now) { keeper.release(now); });
  if (!end) return output.fail(end.error());
  const bool stands = all_held(keeper);
  if (*end != io::RunEnd::finished) return interrupted(output, *end, "what was asked for is taken back");

  for (std::size_t i = 0; i < keeper.wishes(); ++i)
    added.answers.push_back(
        answer_of(added.plan.wishes[i], stands ? keeper.outcome(i) : portmap::Keeper::Outcome{}, io::now() - started));
  if (!stands) {
    added.error = error_of(output, added.plan, keeper, o.router.timeout);
    if (!output.is_json()) return output.fail(*added.error);
    print(output, added, io::now() - started);
    return cli::exit_for(added.error->code);
  }
  if (!server.empty()) {
    const auto verified = verify(session, o, server, added);
    if (!verified) return output.fail(verified.error());
    if (*verified != io::RunEnd::finished) {
      if (const auto taken = take_back(session, keeper); !taken) return output.fail(taken.error());
      return interrupted(output, *verified, "the mapping is taken back");
    }
  }
  print(output, added, io::now() - started);
  // Nobody was told of it, so nobody would ever remove it; that the answer could not be written is said at the end.
  if (output.write_failure() != 0) {
    if (const auto taken = take_back(session, keeper); !taken) return output.fail(taken.error());
    output.warn("the mapping is taken back");
    return added.exit;
  }
  if (added.error && !output.is_json()) static_cast<void>(output.fail(*added.error));
  // The last act: until here a killed run's mapping is gc's to take.
  if (const auto kept = keeper.keep(); !kept) return output.fail(kept.error());
  return added.exit;
}

}  // namespace

cli::Exit run_add(Session& session, const MappingOptions& o) {
  const auto started = io::now();
  if (const auto enough = check_timeout(o.router.timeout); !enough) return session.output.fail(enough.error());
  auto plan = plan_mapping(o);
  if (!plan) return session.output.fail(plan.error());
  return map_and_keep(session, o, {.plan = std::move(*plan)}, started);
}

cli::Exit run_pinhole(Session& session, const PinholeOptions& o) {
  const auto started = io::now();
  if (const auto enough = check_timeout(o.mapping.router.timeout); !enough) return session.output.fail(enough.error());
  auto plan = plan_pinhole(o);
  if (!plan) return session.output.fail(plan.error());
  return map_and_keep(session, o.mapping, {.plan = std::move(*plan)}, started);
}
}  // namespace natkit
