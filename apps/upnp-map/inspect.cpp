// discover, status, list: what is there. Nothing is made.
#include <fmt/format.h>

#include <algorithm>

#include "commands.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/report/portmap_json.hpp"
#include "natkit/report/portmap_text.hpp"
#include "rows.hpp"

namespace natkit {
namespace {
using report::ListedMapping;

/// A search, and what both lists say.
struct Seen {
  portmap::Findings findings;
  std::vector<ListedMapping> rows{};
  bool has_list = false;  ///< a router showed its own list
};

/// What ended a command early: already told.
template <class T>
using OrExit = std::expected<T, cli::Exit>;

OrExit<Searched> search_routers(Session& session, const RouterOptions& o) {
  auto& output = session.output;
  if (const auto enough = check_timeout(o.timeout); !enough) return std::unexpected(output.fail(enough.error()));
  const auto routes = routes_for(o);
  if (!routes) return std::unexpected(output.fail(routes.error()));
  auto searched = search(session, *routes, o.timeout);
  if (!searched) return std::unexpected(output.fail(searched.error()));
  if (searched->end != io::RunEnd::finished)
    return std::unexpected(interrupted(output, searched->end, "nothing was changed"));
  for (const auto& route : searched->findings.routes)
    for (const auto& objection : route.objections) output.explain(cli::Verbosity::steps, printable(objection));
  return std::move(*searched);
}

OrExit<Seen> see(Session& session, const RouterOptions& o) {
  auto& output = session.output;
  const auto journal = session.open_notebook();
  if (!journal) return std::unexpected(output.fail(journal.error()));
  auto searched = search_routers(session, o);
  if (!searched) return std::unexpected(searched.error());
  Seen seen{.findings = std::move(searched->findings)};
  const auto list = router_list(session, seen.findings, o.timeout);
  if (!list) return std::unexpected(output.fail(list.error()));
  if (list->end != io::RunEnd::finished) return std::unexpected(interrupted(output, list->end, "nothing was changed"));
  seen.has_list = list->is_read;
  seen.rows = merged(list->entries, journal->entries);
  return seen;
}

/// An error is told after the answer, and in JSON within it.
cli::Exit end_with(cli::Output& output, const std::optional<Error>& error) {
  if (!error) return cli::Exit::ok;
  return output.is_json() ? cli::exit_for(error->code) : output.fail(*error);
}
const Error* pointer(const std::optional<Error>& error) { return error ? &*error : nullptr; }

enum class State : std::uint8_t { mapped, possible, lost, impossible };
std::string_view to_text(State state) {
  switch (state) {
    case State::mapped:
      return "mapped";
    case State::possible:
      return "possible";
    case State::lost:
      return "lost";
    case State::impossible:
      break;
  }
  return "impossible";
}

/// UPnP made it, the router shows its list, and it is not there. Other protocols may keep tables of their own.
bool is_lost(const ListedMapping& row, const Seen& seen) {
  return seen.has_list && row.source == ListedMapping::Source::journal && row.via == portmap::Method::upnp;
}

State state_of(const Seen& seen, const std::vector<ListedMapping>& ours) {
  if (std::ranges::any_of(ours, [&](const auto& row) { return is_lost(row, seen); })) return State::lost;
  const auto stands = [](const ListedMapping& row) {
    return row.source == ListedMapping::Source::both || row.lease.has_value();
  };
  if (std::ranges::any_of(ours, stands)) return State::mapped;
  return has_any(seen.findings) ? State::possible : State::impossible;
}

std::string status_sentence(State state, const Seen& seen) {
  switch (state) {
    case State::mapped:
      return "A mapping of ours stands.\n";
    case State::possible:
      return "Nothing of ours is mapped; this router can: `upnp-map add PORT`.\n";
    case State::lost:
      return "A mapping of ours is gone from the router's list: `upnp-map add` makes it again.\n";
    case State::impossible:
      break;
  }
  return seen.findings.routes.empty() ? "" : "No router here maps ports.\n";
}
}  // namespace

cli::Exit run_discover(Session& session, const RouterOptions& o) {
  const auto started = io::now();
  auto& output = session.output;
  const auto searched = search_routers(session, o);
  if (!searched) return searched.error();
  const auto answers = gateway_answers(searched->findings);
  std::optional<Error> error;
  if (!has_any(searched->findings)) error = error_of(output, searched->findings);
  output.answer(output.is_json() ? report::gateways_json(answers, io::now() - started, pointer(error))
                                 : report::gateways_text(answers));
  return end_with(output, error);
}

cli::Exit run_list(Session& session, const RouterOptions& o) {
  const auto started = io::now();
  auto& output = session.output;
  const auto seen = see(session, o);
  if (!seen) return seen.error();
  std::optional<Error> error;
  if (!has_any(seen->findings) && seen->rows.empty()) error = error_of(output, seen->findings);
  if (output.is_json()) {
    output.answer(report::list_json(seen->rows, io::now() - started, pointer(error)));
  } else if (!error) {
    output.answer(report::list_text(seen->rows));
    if (!seen->has_list)
      output.warn("this router has no list to ask for (only UPnP has); shown is what upnp-map itself has made");
  }
  return end_with(output, error);
}

cli::Exit run_status(Session& session, const RouterOptions& o) {
  const auto started = io::now();
  auto& output = session.output;
  const auto seen = see(session, o);
  if (!seen) return seen.error();
  std::vector<ListedMapping> ours;
  for (const auto& row : seen->rows)
    if (row.owner == ListedMapping::Owner::ours) ours.push_back(row);
  const auto state = state_of(*seen, ours);
  std::optional<Error> error;
  if (state == State::impossible) error = error_of(output, seen->findings);
  if (state == State::lost)
    error = Error{Errc::no_path, "mapping-lost", "the router no longer shows a mapping that we made",
                  "`upnp-map add` makes it again; `upnp-map hold` would have noticed"};
  const auto gateways = gateway_answers(seen->findings);
  if (output.is_json()) {
    output.answer(report::status_json(to_text(state), ours, gateways, io::now() - started, pointer(error)));
  } else {
    auto text = status_sentence(state, *seen) + '\n';
    if (!ours.empty()) text += report::list_text(ours) + '\n';
    output.answer(text + report::gateways_text(gateways));
  }
  return end_with(output, error);
}
}  // namespace natkit
