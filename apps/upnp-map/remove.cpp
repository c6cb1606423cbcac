// remove, gc: taking mappings back.
#include <fmt/format.h>

#include <algorithm>

#include "commands.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/portmap/removal.hpp"
#include "natkit/report/portmap_json.hpp"
#include "natkit/report/portmap_text.hpp"
#include "rows.hpp"

namespace natkit {
namespace {
using portmap::JournalEntry;
using portmap::RouterEntry;

/// What came of it, before it is told.
struct Taken {
  std::vector<report::RemovalAnswer> answers;
  std::optional<Error> error;
};

bool is_over(const JournalEntry& entry) {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return entry.lifetime.count() != 0 && std::chrono::seconds{entry.written_at} + entry.lifetime < now;
}

/// Layers stand and fall together: those further in and further out of the entries chosen are chosen too.
void add_layers(std::vector<JournalEntry>& chosen, const std::vector<JournalEntry>& all) {
  for (bool has_grown = true; has_grown;) {
    has_grown = false;
    for (const auto& entry : all) {
      const auto is_linked = [&](const JournalEntry& one) { return one.inner == entry.id || entry.inner == one.id; };
      const auto is_chosen = [&](const JournalEntry& one) { return one.id == entry.id; };
      if (std::ranges::any_of(chosen, is_chosen) || std::ranges::none_of(chosen, is_linked)) continue;
      chosen.push_back(entry);
      has_grown = true;
    }
  }
}

report::RemovalAnswer answer_of(const portmap::Removal::Result& result) {
  report::RemovalAnswer answer{.protocol = result.entry.protocol,
                               .external = result.entry.external,
                               .gateway = result.entry.gateway,
                               .via = result.entry.via};
  using enum portmap::Removal::Result::End;
  switch (result.end) {
    case gone:
      answer.is_gone = true;
      break;
    case refused:
      answer.is_gone = false;
      for (const auto& refusal : result.refusals)
        if (answer.detail.empty() && refusal.cause != portmap::Cause::silent)
          answer.detail = fmt::format("the router {} ({})", refusal.detail, portmap::to_text(refusal.method));
      break;
    case pending:
    case unreachable:
      answer.detail = "the router did not answer; upnp-map gc tries again";
      break;
  }
  return answer;
}

/// Runs the removal and judges it. The exit status is that of the worst.
Result<io::RunEnd> take_back(Session& session, io::JournalFile& journal, std::vector<JournalEntry> entries,
                             std::vector<portmap::Route> routes, Duration timeout, Taken& taken) {
  if (entries.empty()) return io::RunEnd::finished;
  portmap::Removal removal{
      {.entries = std::move(entries), .routes = std::move(routes), .run = journal.run(), .patience = timeout},
      journal,
      session.rng};
  Supervised watched{removal, session.output, {.word = "asking the router …"}};
  const auto end = session.run(watched);
  if (!end) return std::unexpected(end.error());
  for (const auto& result : removal.results()) {
    taken.answers.push_back(answer_of(result));
    const auto& answer = taken.answers.back();
    if (answer.is_gone == true) continue;
    if (answer.is_gone == false)
      taken.error = Error{Errc::refused, "not-removed", answer.detail,
                          "its lease ends by itself; else remove it in the router's settings"};
    else if (!taken.error)
      taken.error = Error{Errc::nobody_there, "silent", fmt::format("{} did not answer", to_text(answer.gateway)),
                          "upnp-map gc tries again later; the lease ends by itself"};
  }
  return end;
}

cli::Exit tell(cli::Output& output, const Taken& taken, Duration elapsed) {
  if (output.is_json())
    output.answer(report::removals_json(taken.answers, elapsed, taken.error ? &*taken.error : nullptr));
  else if (!taken.error || !taken.answers.empty())
    output.answer(report::removals_text(taken.answers));
  if (!taken.error) return cli::Exit::ok;
  return output.is_json() ? cli::exit_for(taken.error->code) : output.fail(*taken.error);
}

bool is_wanted(const MappedPort& wanted, Protocol protocol, std::uint16_t port) {
  return wanted.at.port == port && wanted.protocol.value_or(protocol) == protocol;
}

/// Of the router's own list, what this host owns and nobody wrote down.
std::vector<RouterEntry> unwritten(const std::vector<RouterEntry>& list, const MappedPort& wanted) {
  std::vector<RouterEntry> found;
  for (const auto& one : list)
    if (is_wanted(wanted, one.entry.protocol, one.entry.external_port)) found.push_back(one);
  return found;
}

Error not_ours(const RouterEntry& one) {
  const auto& entry = one.entry;
  const auto whose =
      fmt::format("{} port {} leads to {} (\"{}\") and was not made by this user's upnp-map", to_text(entry.protocol),
                  entry.external_port, to_text(entry.internal), printable(entry.description));
  return is_this_host(entry.internal.address)
             ? Error{Errc::refused, "not-ours", whose,
                     "--force takes it away all the same; another program may need it"}
             : Error{Errc::refused, "not-this-host", whose, "remove it on that host, or in the router's settings"};
}

/// With --force: by a plain DeletePortMapping each.
Result<io::RunEnd> delete_entries(Session& session, const std::vector<RouterEntry>& entries, Duration timeout,
                                  Taken& taken) {
  std::vector<portmap::igd::Call> calls;
  calls.reserve(entries.size());
  for (const auto& one : entries)
    calls.emplace_back(portmap::igd::Delete{
        .service = one.service, .protocol = one.entry.protocol, .external_port = one.entry.external_port});
  portmap::IgdCalls machine{{.calls = calls, .allowance = timeout}};
  Supervised watched{machine, session.output, {.word = "asking the router …"}};
  const auto end = session.run(watched);
  if (!end) return std::unexpected(end.error());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& reply = machine.replies()[i];
    report::RemovalAnswer answer{
        .protocol = entries[i].entry.protocol,
        .external = {entries[i].external.value_or(IpAddress{}), entries[i].entry.external_port},
        .gateway = entries[i].gateway,
        .via = portmap::Method::upnp};
    if (reply) answer.is_gone = reply->has_value();
    if (reply && !*reply) answer.detail = fmt::format("the router {}", portmap::refusal_of(reply->error()).detail);
    if (answer.is_gone != true)
      taken.error =
          Error{Errc::refused, "not-removed", answer.detail.empty() ? "the router did not answer" : answer.detail,
                "remove it in the router's settings"};
    taken.answers.push_back(std::move(answer));
  }
  return *end;
}

/// Nothing is written down of it: the router's own list may know.
cli::Exit remove_unwritten(Session& session, const RemoveOptions& o, const MappedPort& wanted,
                           const std::vector<portmap::Route>& routes, Instant started) {
  auto& output = session.output;
  const auto searched = search(session, routes, o.router.timeout);
  if (!searched) return output.fail(searched.error());
  if (searched->end != io::RunEnd::finished) return interrupted(output, searched->end, "nothing was changed");
  if (!has_any(searched->findings)) return output.fail(error_of(output, searched->findings));
  const auto list = router_list(session, searched->findings, o.router.timeout);
  if (!list) return output.fail(list.error());
  if (list->end != io::RunEnd::finished) return interrupted(output, list->end, "nothing was changed");
  const auto found = unwritten(list->entries, wanted);
  Taken taken;
  for (const auto& one : found)
    if (!o.force || !is_this_host(one.entry.internal.address)) return output.fail(not_ours(one));
  if (!found.empty()) {
    const auto end = delete_entries(session, found, o.router.timeout, taken);
    if (!end) return output.fail(end.error());
    if (*end != io::RunEnd::finished) return interrupted(output, *end, "`upnp-map list` shows what is left");
  }
  return tell(output, taken, io::now() - started);
}
}  // namespace

cli::Exit run_remove(Session& session, const RemoveOptions& o) {
  const auto started = io::now();
  auto& output = session.output;
  if (o.external.empty() != o.all_ours)
    return output.fail(
        {Errc::usage, "usage",
         o.all_ours ? "EXTERNAL and --all-ours exclude each other" : "what to remove? EXTERNAL or --all-ours",
         "upnp-map list shows what there is"});
  if (const auto enough = check_timeout(o.router.timeout); !enough) return output.fail(enough.error());
  const auto routes = routes_for(o.router);
  if (!routes) return output.fail(routes.error());
  auto journal = session.open_notebook();
  if (!journal) return output.fail(journal.error());

  auto wanted = parse_mapped_port(o.external).value_or(MappedPort{});
  if (!wanted.protocol) wanted.protocol = o.protocol;
  const auto& all = journal->entries;
  std::vector<JournalEntry> chosen;
  for (const auto& entry : all) {
    const bool is_named = is_wanted(wanted, entry.protocol, entry.external.port) &&
                          (!wanted.at.address || *wanted.at.address == entry.external.address);
    if (o.all_ours || is_named) chosen.push_back(entry);
  }
  if (chosen.empty() && !o.all_ours) return remove_unwritten(session, o, wanted, *routes, started);
  add_layers(chosen, all);
  const auto held = std::ranges::find_if(chosen, [&](const auto& entry) { return journal->is_held(entry); });
  if (held != chosen.end() && !o.force)
    return output.fail(
        {Errc::refused, "held",
         fmt::format("a running upnp-map holds {} port {}", to_text(held->protocol), held->external.port),
         "end that run: it releases the mapping itself; or take it away with --force"});
  Taken taken;
  const auto end = take_back(session, *journal->file, std::move(chosen), *routes, o.router.timeout, taken);
  if (!end) return output.fail(end.error());
  if (*end != io::RunEnd::finished) return interrupted(output, *end, "upnp-map gc ends what was begun");
  return tell(output, taken, io::now() - started);
}

cli::Exit run_gc(Session& session, const RouterOptions& o) {
  const auto started = io::now();
  auto& output = session.output;
  if (const auto enough = check_timeout(o.timeout); !enough) return output.fail(enough.error());
  auto journal = session.open_notebook();
  if (!journal) return output.fail(journal.error());
  std::vector<JournalEntry> left;
  for (const auto& entry : journal->entries) {
    const bool is_kept = entry.stage == JournalEntry::Stage::kept;
    if (is_kept ? is_over(entry) : !journal->file->is_alive(entry.run)) left.push_back(entry);
  }
  if (left.empty()) return tell(output, {}, io::now() - started);
  const auto routes = routes_for(o);
  if (!routes) return output.fail(routes.error());
  const auto is_elsewhere = [&](const JournalEntry& entry) {
    return std::ranges::find(*routes, entry.route.router, &portmap::Route::router) == routes->end();
  };
  for (const auto& entry : left)
    if (is_elsewhere(entry))
      output.warn(fmt::format("{} port {} was mapped at {}, which is not the router here: left for later",
                              to_text(entry.protocol), entry.external.port, to_text(entry.gateway)));
  std::erase_if(left, is_elsewhere);
  Taken taken;
  const auto end = take_back(session, *journal->file, std::move(left), *routes, o.timeout, taken);
  if (!end) return output.fail(end.error());
  if (*end != io::RunEnd::finished) return interrupted(output, *end, "the next gc goes on");
  return tell(output, taken, io::now() - started);
}
}  // namespace natkit
