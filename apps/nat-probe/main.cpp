// nat-probe: say what the NAT and the firewall in front of this host do with UDP, and what that means for its peers.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>  // App.hpp declares what only these define
#include <CLI/Option.hpp>
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "answer_form.hpp"
#include "beside_routers.hpp"
#include "input_file.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/cli/duration.hpp"
#include "natkit/crypto/secure_rng.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/io/errand_children.hpp"
#include "natkit/io/igd_task.hpp"
#include "natkit/io/resolver.hpp"
#include "natkit/io/routes.hpp"
#include "natkit/portmap/discovery.hpp"
#include "natkit/probe/classifier.hpp"
#include "natkit/probe/probe.hpp"
#include "natkit/report/against.hpp"
#include "natkit/report/compare.hpp"
#include "natkit/report/expect.hpp"
#include "natkit/report/peer_report.hpp"
#include "natkit/report/probe_json.hpp"
#include "natkit/report/probe_metrics.hpp"
#include "natkit/report/probe_text.hpp"
#include "natkit/report/redactor.hpp"
#include "natkit/report/verdict.hpp"
#include "natkit/stun/message.hpp"
#include "page_file.hpp"
#include "progress.hpp"
#include "public_servers.hpp"
#include "servers.hpp"
#include "trace_file.hpp"
#include "watch.hpp"

namespace {
using namespace natkit;

struct Options {
  std::vector<std::string> named_servers;    // as arguments
  std::vector<std::string> default_servers;  // --server: from the configuration or the environment
  bool only_ipv4 = false;
  bool only_ipv6 = false;
  bool wants_hairpin = false;
  std::string lifetime;  // empty: not asked for
  probe::Timing timing;  // defaults live with the protocol; --help prints them from here
  std::vector<std::string> local_addresses;
  std::vector<std::string> expectations;
  std::string record;
  std::string replay;
  std::string against;
  bool is_redacted = false;
  WatchPlan watch;
  std::string html;
  AnswerForm form;
};

constexpr const char* footer =
    R"(Examples:
  nat-probe                                      what does my router do? asks public servers
  nat-probe stun.example.org                     asks this server only (port 3478)
  nat-probe --json 198.51.100.1 | jq .ipv4.mapping
  nat-probe --expect ipv4.mapping=endpoint-independent --expect udp=ok stun.example.org
  nat-probe --record trace.json                  keep what was seen; attach it to a bug report
  nat-probe --replay trace.json                  judge it again, anywhere, without a network
  nat-probe --redact --record trace.json         ... without telling whose network it was
  nat-probe --lifetime stun.example.org          for how long is a port kept that nobody uses?
  nat-probe --against peer.json                  what will a connection with that host take?
  nat-probe --watch 1m                           and tell when something changes
  nat-probe --html report.html                   also as a page with a picture of the path
  nat-probe --compare                            and what other tools would say

What is sent: some dozens of small STUN packets (UDP, and one TCP connection where UDP stays silent)
to the servers that you name and to addresses that these name as their own. If you name none: to the
public ones listed in nat-probe(1). They learn your public address, as any site does. Your router is
asked whether it maps ports (PCP, NAT-PMP, UPnP); nothing is changed there.

Exit status: 0 measured (blocked UDP is an answer, too), 1 an --expect is not met, 2 wrong usage,
3 no server answered or was found, 70 a defect of ours, 130 and 143 interrupted. See nat-probe(1).)";

std::string check_server(const std::string& text) {
  return io::parse_host_port(text, stun::default_port) ? std::string{} : "'" + printable(text) + "' is not HOST[:PORT]";
}

std::string check_address(const std::string& text) {
  return parse_ip_address(text) ? std::string{} : "'" + printable(text) + "' is not an IP address";
}

/// Too short a pause is wrong usage, and told before anything is sent.
std::string check_watch(const std::string& text) {
  const auto every = cli::parse_duration(text);
  return every && *every < shortest_watch
             ? fmt::format("'{}' is shorter than {}", printable(text), cli::to_text(shortest_watch))
             : std::string{};
}

constexpr Duration usual_lifetime = std::chrono::minutes{5};  ///< RFC 4787 R5 recommends that mappings live so long
constexpr Duration least_lifetime = 2 * probe::finest_lifetime_step;
constexpr Duration most_lifetime = std::chrono::hours{2};

std::string check_lifetime(const std::string& text) {
  const auto longest = cli::parse_duration(text);
  return longest && *longest >= least_lifetime && *longest <= most_lifetime
             ? std::string{}
             : fmt::format("'{}' is not a duration from {} to {}", printable(text), cli::to_text(least_lifetime),
                           cli::to_text(most_lifetime));
}

/// The options that say what becomes of the answer.
void add_answer_options(CLI::App& app, Options& o) {
  app.add_option("--against", o.against,
                 "say what a connection with a peer will take; its nat-probe --json, - reads standard input")
      ->type_name("FILE")
      ->configurable(false);
  app.add_flag("--redact", o.is_redacted, "mask addresses and the servers' names in all that is shown or written");
  auto* watch = cli::add_duration(app, "--watch", o.watch.every, "measure again and again, and tell what has changed")
                    ->default_str("")
                    ->check(check_watch)
                    ->configurable(false);
  for (const auto* other : {"--record", "--replay"}) watch->excludes(app.get_option(other));
  cli::add_count(app, "--count", o.watch.runs, "end --watch after so many runs; without it, it goes on")
      ->default_str("")
      ->configurable(false)
      ->needs(watch);
  app.add_option("--html", o.html, "also write the answer to this file as a page to look at, to print or to pass on")
      ->type_name("FILE")
      ->excludes(watch);
  add_form_options(app, o.form);
}

void add_options(CLI::App& app, Options& o) {
  app.add_option("SERVER", o.named_servers, "STUN server, HOST[:PORT]; a full answer needs one with two addresses")
      ->check(check_server)
      ->configurable(false);
  app.add_option("--server", o.default_servers, "server to ask where no argument names one; for configuration files")
      ->type_name("SERVER")
      ->check(check_server)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->envname("NATKIT_SERVER");
  app.add_flag("-4,--ipv4", o.only_ipv4, "ask over IPv4 only");
  app.add_flag("-6,--ipv6", o.only_ipv6, "ask over IPv6 only")->excludes("--ipv4");
  cli::add_duration(app, "--timeout", o.timing.timeout,
                    "longest time to look names up, and again to measure; what is not known by then stays unknown");
  app.add_option("--local-address", o.local_addresses,
                 "send from this address of this host, and over its family only; once for each family")
      ->type_name("ADDRESS")
      ->check(check_address)
      ->allow_extra_args(false);
  app.add_flag("--hairpin", o.wants_hairpin,
               "also find out whether two hosts behind the NAT reach each other by their public addresses");
  app.add_flag("--lifetime{" + cli::to_text(usual_lifetime) + "}", o.lifetime,
               "also find out how long a mapping lives that is not used, up to so long; --lifetime=1m for a minute")
      ->type_name("[=MAX]")
      ->check(check_lifetime)
      ->default_str("");
  app.add_option("--expect", o.expectations,
                 "exit 1 unless the value at this dotted path of the JSON answer is this one, e.g. "
                 "ipv4.filtering=address-dependent; a set is its members with commas between")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  auto* replay = app.add_option("--replay", o.replay, "judge a recorded trace, asking nobody; - reads standard input")
                     ->type_name("FILE")
                     ->configurable(false);
  app.add_option("--record", o.record, "write all that was sent and seen to this file, for --replay")
      ->type_name("FILE")
      ->excludes(replay);
  add_answer_options(app, o);
  app.footer(footer);
}

struct Local {
  std::vector<IpAddress> addresses;
  std::vector<Family> families;  ///< to ask over, IPv4 first
};

Result<Local> local_side(const Options& o) {
  if (o.timing.timeout <= Duration::zero())
    return std::unexpected(Error{Errc::usage, "usage", "--timeout leaves no time at all", "the default is 3s"});
  Local local;
  for (const auto& text : o.local_addresses)
    if (const auto address = parse_ip_address(text)) local.addresses.push_back(*address);
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto given = std::ranges::count_if(local.addresses, [&](const auto& a) { return a.family() == family; });
    if (given > 1)
      return std::unexpected(Error{Errc::usage, "usage",
                                   fmt::format("--local-address has two {} addresses", to_text(family)),
                                   "give one for each family; run nat-probe once for each interface"});
    const bool is_excluded = family == Family::ipv4 ? o.only_ipv6 : o.only_ipv4;
    if (!is_excluded && (local.addresses.empty() || given == 1)) local.families.push_back(family);
  }
  if (local.families.empty())
    return std::unexpected(
        Error{Errc::usage, "usage", "--local-address is not of the family that was asked for", "leave -4 or -6 out"});
  return local;
}

/// The trace of a run, or how it ended instead.
struct Measured {
  io::RunEnd end = io::RunEnd::finished;
  probe::Trace trace{};
};

/// The routers on the ways that the questions take. A server on this very host has none before it.
std::vector<portmap::Route> routers_before(const std::vector<probe::Server>& servers, const Local& local) {
  const bool is_outside =
      std::ranges::any_of(servers, [](const auto& server) { return !server.address.address.is_loopback(); });
  if (!is_outside) return {};
  auto routes = io::default_routes();
  std::erase_if(routes, [&](const portmap::Route& route) {
    const bool is_asked = std::ranges::find(local.families, route.local.family()) != local.families.end();
    const bool is_named =
        local.addresses.empty() || std::ranges::find(local.addresses, route.local) != local.addresses.end();
    return !is_asked || !is_named;
  });
  return routes;
}

/// What the run is at.
WithProgress<BesideRouters>::Word word_of_progress(std::size_t servers, const probe::Timing& timing) {
  return [asking = fmt::format("asking {} server address{} …", servers, servers == 1 ? "" : "es"),
          timing](Duration elapsed) {
    if (!timing.longest_lifetime || elapsed < timing.timeout) return asking;
    return fmt::format("letting mappings rest: {:.0f} s of at most {} … (Ctrl-C for what is known by now)",
                       std::chrono::duration<double>(elapsed).count(), cli::to_text(*timing.longest_lifetime));
  };
}

Result<Measured> measure(const Options& o, const Local& local, std::vector<probe::Server> servers,
                         io::ErrandChildren& errands, cli::Output& output) {
  for (const auto& server : servers)
    output.explain(cli::Verbosity::details,
                   fmt::format("asking {} ({})", to_text(server.address), printable(server.name)));
  auto timing = o.timing;
  if (o.wants_hairpin) timing.hairpin = probe::Timing::Hairpin::ask;
  timing.extent = probe::Timing::Extent::full;
  timing.longest_lifetime = cli::parse_duration(o.lifetime);
  const auto word = word_of_progress(servers.size(), timing);
  crypto::SecureRng rng;
  portmap::Discovery routers{{.routes = routers_before(servers, local), .first_socket = BesideRouters::first_socket},
                             rng};
  probe::Probe probe{{.servers = std::move(servers), .timing = timing, .local_addresses = local.addresses}, rng};
  BesideRouters both{probe, routers};
  WithProgress shown{both, output, word};
  const auto end = io::run(shown, {.local_addresses = local.addresses, .errands = &errands});
  if (!end) return std::unexpected(end.error());
  Measured measured{*end, probe.trace()};
  measured.trace.port_mapping = both.port_mappings();
  return measured;
}

cli::Exit exit_of(io::RunEnd end) {
  return end == io::RunEnd::interrupted ? cli::Exit::interrupted : cli::Exit::terminated;
}

Error interruption(io::RunEnd end, std::string_view before) {
  return {.code = Errc::usage,
          .reason = "interrupted",
          .detail = fmt::format("ended by {} before {}", end == io::RunEnd::interrupted ? "SIGINT" : "SIGTERM", before),
          .advice = {}};
}

/// What holds for all runs of a watch.
struct Context {
  const Options& options;
  report::Redactor& redactor;
  std::optional<probe::Report> peer{};
  std::vector<report::Expectation> expectations{};
  std::optional<WholeFile> page{};
};

Result<void> load_peer(Context& context) {
  const auto& path = context.options.against;
  if (path.empty()) return {};
  if (path == "-" && context.options.replay == "-")
    return std::unexpected(Error{Errc::usage, "usage", "--against and --replay cannot both read standard input",
                                 "give one of them as a file"});
  const auto text = read_input(path, report::most_report_bytes);
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

/// What makes an answer end with another exit status than 0.
struct Objection {
  cli::Exit exit = cli::Exit::ok;
  Error error{};
  std::vector<std::string> lines{};  ///< for people, instead of the error: one for each expectation that is not met
};

/// The verdict without its first word, which `error:` stands for.
std::string why_unknown(const report::Verdict& verdict) {
  return printable(std::string_view{verdict.summary}.substr(report::to_text(verdict.grade).size() + 2));
}

/// A report and what is said of it, as they are shown.
struct Answer {
  probe::Report report{};
  AnswerForm form{};
  std::optional<report::Against> against{};
  std::optional<std::vector<report::Comparison>> compare{};
  std::optional<Objection> objection{};

  [[nodiscard]] report::Supplement supplement() const {
    return {
        .against = against, .compare = compare, .error = objection ? std::optional{objection->error} : std::nullopt};
  }
};

std::optional<Objection> object(const Answer& answer, const std::vector<report::Expectation>& expectations) {
  const auto& report = answer.report;
  if (report.udp == probe::UdpState::unknown)
    return Objection{
        cli::Exit::nobody_there,
        {Errc::nobody_there, "server-unreachable", why_unknown(report::verdict_of(report)),
         "check the server's name and port, that it runs, and that this host is online; nat-probe -v says more"}};
  const auto unmet = report::unmet_expectations(report::to_json(report, answer.supplement()), expectations);
  if (!unmet) return Objection{cli::exit_for(unmet.error().code), unmet.error()};
  if (unmet->empty()) return std::nullopt;
  Objection objection{.exit = cli::Exit::no};
  for (const auto& one : *unmet) objection.lines.push_back(printable(report::to_text(one)));
  objection.error = {Errc::usage, "expectation-not-met", fmt::format("{}", fmt::join(objection.lines, "; ")), {}};
  return objection;
}

/// What addresses are counts for the judgment, so they are masked after it.
Answer judge(Context& context, const probe::Trace& trace) {
  Answer answer{.report = probe::classify(trace), .form = context.options.form};
  if (answer.form.is_compared) answer.compare = report::compare(answer.report);
  if (context.peer) answer.against = report::against_of(answer.report, *context.peer);
  answer.objection = object(answer, context.expectations);
  if (!context.options.is_redacted) return answer;
  context.redactor.learn(trace);
  answer.report = context.redactor.redact(std::move(answer.report));
  if (answer.objection) answer.objection->error = context.redactor.redact(std::move(answer.objection->error));
  return answer;
}

std::string text_of(const cli::Output& output, const Answer& answer) {
  if (answer.form.is_metrics) return report::metrics_text(answer.report);
  auto text = report::to_text(answer.report, output.is_colored() ? report::Style::colored : report::Style::plain);
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

cli::Exit replay(cli::Output& output, Context& context) {
  const auto trace = load_trace(context.options.replay);
  if (!trace) return output.fail(trace.error());
  return show(output, context, judge(context, *trace));
}

Result<Measured> ask(cli::Output& output, const Options& o, const Local& local, io::ErrandChildren& errands) {
  auto servers = find_servers({.names = o.named_servers.empty() ? o.default_servers : o.named_servers,
                               .families = local.families,
                               .patience = o.timing.timeout},
                              output);
  if (!servers) return std::unexpected(servers.error());
  return measure(o, local, std::move(*servers), errands, output);
}

cli::Exit watch_network(cli::Output& output, Context& context, const Local& local, io::ErrandChildren& errands) {
  output.options.shape = report::Shape::event;
  return watch(output, context.options.watch, [&]() -> WatchRun {
    const auto measured = ask(output, context.options, local, errands);
    if (!measured) return measured.error();
    if (measured->end != io::RunEnd::finished) return measured->end;
    const auto answer = judge(context, measured->trace);
    explain(output, answer);
    if (answer.objection && answer.objection->exit != cli::Exit::no) return answer.objection->error;
    const auto supplement = answer.supplement();
    return Watched{report::to_json(answer.report, supplement), text_of(output, answer), supplement.error};
  });
}

cli::Exit probe_network(cli::Output& output, Context& context, const Local& local, io::ErrandChildren& errands) {
  const auto& o = context.options;
  std::optional<TraceFile> file;
  if (!o.record.empty()) {
    auto created = TraceFile::create(o.record);
    if (!created) return output.fail(created.error());
    file.emplace(std::move(*created));
  }
  const auto measured = ask(output, o, local, errands);
  if (!measured) return output.fail(measured.error());
  const bool was_interrupted = measured->end != io::RunEnd::finished;
  if (was_interrupted && o.lifetime.empty()) {
    static_cast<void>(output.fail(interruption(measured->end, "anything was certain")));
    return exit_of(measured->end);
  }
  auto answer = judge(context, measured->trace);
  if (was_interrupted)
    answer.objection =
        Objection{exit_of(measured->end), interruption(measured->end, "it was known how long mappings live")};
  if (file) {
    const auto& trace = measured->trace;
    if (const auto written = file->commit(o.is_redacted ? context.redactor.redact(trace) : trace); !written)
      answer.objection = Objection{cli::exit_for(written.error().code), written.error()};
  }
  return show(output, context, std::move(answer));
}

/// The names that will be spoken of before any answer is there.
void mask_remarks(cli::Output& output, const Options& o, report::Redactor& redactor) {
  const auto& names = o.named_servers.empty() ? o.default_servers : o.named_servers;
  for (const auto& name : names) redactor.learn(name);
  if (names.empty())
    for (const auto name : public_servers) redactor.learn(name);
  output.options.mask = [&redactor](std::string_view text) { return redactor.redact(text); };
}

cli::Exit run_probe(cli::Output& output, const Options& o, report::Redactor& redactor) {
  if (o.is_redacted) mask_remarks(output, o, redactor);
  Context context{.options = o, .redactor = redactor};
  if (const auto loaded = load_peer(context); !loaded) return output.fail(loaded.error());
  if (const auto parsed = parse_expectations(context); !parsed) return output.fail(parsed.error());
  auto page = create_page(o.html);
  if (!page) return output.fail(page.error());
  if (*page) context.page.emplace(std::move(**page));
  if (!o.replay.empty()) return replay(output, context);
  const auto local = local_side(o);
  if (!local) return output.fail(local.error());
  io::ErrandChildren errands{io::run_igd_call};  // forked before there are sockets, and threads that look up names
  return o.watch.every > Duration::zero() ? watch_network(output, context, *local, errands)
                                          : probe_network(output, context, *local, errands);
}
}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what is thrown before cli::run is out of memory, and nothing helps then
int main(int argc, char** argv) {
  Options options;
  report::Redactor redactor;
  CLI::App app{
      "Say what the NAT and the firewall in front of this host do with UDP, and what that means for its peers.",
      "nat-probe"};
  cli::Output output{"nat-probe"};
  add_options(app, options);
  cli::add_common_options(app, output, NATKIT_VERSION);
  exclude_other_formats(app);
  return cli::run(app, output, argc, argv, [&] { return run_probe(output, options, redactor); });
}
