// nat-probe: say what the NAT and the firewall in front of this host do with UDP, and what that means for its peers.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>  // App.hpp declares what only these define
#include <CLI/Option.hpp>
#include <optional>
#include <string>
#include <utility>

#include "answer_form.hpp"
#include "answering.hpp"
#include "measuring.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/cli/duration.hpp"
#include "natkit/io/errand_children.hpp"
#include "natkit/io/igd_task.hpp"
#include "natkit/io/resolver.hpp"
#include "natkit/report/probe_json.hpp"
#include "natkit/report/redactor.hpp"
#include "natkit/stun/message.hpp"
#include "options.hpp"
#include "page_file.hpp"
#include "public_servers.hpp"
#include "recollection.hpp"
#include "trace_file.hpp"
#include "watch.hpp"

namespace {
using namespace natkit;

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
  nat-probe --fresh stun.example.org             say nothing that was found out before
  nat-probe --against peer.json                  what will a connection with that host take?
  nat-probe --watch 1m                           and tell when something changes
  nat-probe --html report.html                   also as a page with a picture of the path
  nat-probe --compare                            and what other tools would say

What is sent: some sixty STUN packets over UDP, most of them small, and up to a dozen TCP connections,
to the servers that you name and to addresses that these name as their own. If you name none: to the
public ones listed in nat-probe(1). They learn your public address, as any site does. Your router is
asked whether it maps ports (PCP, NAT-PMP, UPnP); nothing is changed there. Where there is IPv6, your
resolver is asked for ipv4only.arpa, which tells how IPv4 is carried over it.

Exit status: 0 measured (blocked UDP is an answer, too), 1 an --expect is not met, 2 wrong usage,
3 no server answered or was found, 70 a defect of ours, 130 and 143 interrupted. See nat-probe(1).)";

std::string check_server(const std::string& text) {
  return parse_host_port(text, stun::default_port) ? std::string{} : "'" + printable(text) + "' is not HOST[:PORT]";
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
  app.add_flag("--fresh", o.is_fresh,
               "say only what this run measures, and not what --hairpin and --lifetime have found out here before");
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

cli::Exit exit_of(io::RunEnd end) {
  return end == io::RunEnd::interrupted ? cli::Exit::interrupted : cli::Exit::terminated;
}

Error interruption(io::RunEnd end, std::string_view before) {
  return {.code = Errc::usage,
          .reason = "interrupted",
          .detail = fmt::format("ended by {} before {}", end == io::RunEnd::interrupted ? "SIGINT" : "SIGTERM", before),
          .advice = {}};
}

cli::Exit replay(cli::Output& output, Context& context) {
  const auto trace = load_trace(context.options.replay);
  if (!trace) return output.fail(trace.error());
  return show(output, context, judge(context, {.trace = *trace}));
}

cli::Exit watch_network(cli::Output& output, Context& context, const Local& local, io::ErrandChildren& errands) {
  output.options.shape = report::Shape::event;
  return watch(output, context.options.watch, [&]() -> WatchRun {
    const auto measured = measure(context.options, local, errands, output);
    if (!measured) return measured.error();
    if (measured->end != io::RunEnd::finished) return measured->end;
    const auto answer = judge(context, *measured);
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
  const auto measured = measure(o, local, errands, output);
  if (!measured) return output.fail(measured.error());
  const bool was_interrupted = measured->end != io::RunEnd::finished;
  if (was_interrupted && o.lifetime.empty()) {
    static_cast<void>(output.fail(interruption(measured->end, "anything was certain")));
    return exit_of(measured->end);
  }
  auto answer = judge(context, *measured);
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
  // What is recorded is judged again to the same answer, so that one must not say more than was measured.
  const bool says_measured_only = o.is_fresh || !o.record.empty();
  context.recollection.emplace(output, says_measured_only ? Recollection::Use::only_store : Recollection::Use::all);
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
