// rendezvousd: the public server that tells hosts how the internet sees them, lets them meet, and relays where they
// cannot.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <optional>

#include "conduct_options.hpp"
#include "directory_options.hpp"
#include "front_door.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/cli/identity_file.hpp"
#include "natkit/crypto/secure_rng.hpp"
#include "natkit/crypto/signature.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/io/listen_plan.hpp"
#include "natkit/io/native_socket.hpp"
#include "natkit/mesh/certificate_signatures.hpp"
#include "natkit/mesh/witnesses.hpp"
#include "natkit/stun/service.hpp"
#include "natkit/turn/relay.hpp"
#include "offer_options.hpp"
#include "relay_options.hpp"
#include "service_log.hpp"
#include "signalling_options.hpp"
#include "tls_options.hpp"

namespace {
using namespace natkit;
using rendezvousd::RelayOptions;
using rendezvousd::ServiceLog;

// What a relayed client may leave unread: half a second of video. Beyond it datagrams are lost, as on any narrow line.
constexpr std::size_t unsent_relayed_bytes = 262'144;

struct Options {
  io::ListenWish wish;
  stun::Responder::Config responder;
  std::size_t max_rate = static_cast<std::size_t>(stun::Responder::Config{}.requests_per_address.per_second);
  std::size_t max_excess = static_cast<std::size_t>(stun::Responder::Config{}.allowance_per_address.per_second);
  std::size_t max_excess_for_all = static_cast<std::size_t>(stun::Responder::Config{}.allowance_for_all.per_second);
  std::optional<stun::ReachabilityChecker::Config> checker{std::in_place};
  std::size_t max_checks = stun::ReachabilityChecker::Config{}.most_at_once;
  RelayOptions relay;
  rendezvousd::TlsOptions tls;
  rendezvousd::SignallingOptions signalling;
  rendezvousd::DirectoryOptions directory;
  rendezvousd::ConductOptions conduct;
  io::RunOptions run{.framing = io::TcpFraming::turn};
};

void add_options(CLI::App& app, Options& o, cli::Output& output) {
  cli::add_endpoints(app, "--listen", o.wish.listen, stun::default_port,
                     "serve on this address, UDP and TCP; port 0 is a free one (default: all addresses, port 3478)");
  cli::add_endpoints(app, "--alternate", o.wish.alternates, 0,
                     "second address and port of the same family, which the tests of RFC 5780 need (default: another "
                     "listening address that the same clients reach, and the next port)");
  cli::add_choice(
      app, "--log", {"text", "json"},
      [&output](const std::string& format) {
        if (format == "json") output.options.format = cli::Format::json;
      },
      "how to write the ready line and the log; json is the same as --json");
  cli::add_choice(
      app, "--reachability", {"on", "off"},
      [&o](const std::string& wish) {
        if (wish == "off") o.checker.reset();
      },
      "tell hosts that prove their address whether a port of that address is open from outside");
  rendezvousd::add_signalling_options(app, o.signalling);
  rendezvousd::add_directory_options(app, o.directory);
  rendezvousd::add_conduct_options(app, o.conduct);
  rendezvousd::add_tls_options(app, o.tls);
  rendezvousd::add_relay_options(app, o.relay);
  constexpr const char* limits = "Limits";
  cli::add_count(app, "--max-rate", o.max_rate, "requests a second that one address is answered; twice as many at once")
      ->group(limits);
  cli::add_count(app, "--max-excess", o.max_excess,
                 "bytes a second by which answers to one address that proved nothing may exceed its requests; 16 times "
                 "as many at once")
      ->group(limits);
  cli::add_count(app, "--max-excess-for-all", o.max_excess_for_all, "the same for all addresses together")
      ->group(limits);
  cli::add_count(app, "--max-addresses", o.responder.most_addresses, "addresses to keep count of")->group(limits);
  cli::add_count(app, "--max-connections", o.run.tcp.connections, "TCP connections, beside those of clients")
      ->group(limits);
  cli::add_count(app, "--max-connections-per-address", o.run.tcp.connections_per_address,
                 "TCP connections of one address, beside those of clients")
      ->group(limits);
  cli::add_count(app, "--max-checks", o.max_checks, "ports tried at a time, for all addresses together")->group(limits);
  rendezvousd::add_signalling_limits(app, o.signalling, limits);
  rendezvousd::add_directory_limits(app, o.directory, limits);
  rendezvousd::add_relay_limits(app, o.relay, limits);
  cli::add_common_options(app, output, NATKIT_VERSION);
  app.footer(
      "Examples:\n"
      "  rendezvousd                                         serve on all addresses of this machine\n"
      "  rendezvousd --listen 192.0.2.1 --alternate 192.0.2.2\n"
      "                                                      both addresses, ports 3478 and 3479\n"
      "  rendezvousd --relay on                              relay as well, for clients that register here\n"
      "  rendezvousd --auth-secret-file secret               and for names that others make from that secret\n"
      "  rendezvousd --http 0.0.0.0:8080                     list sessions over HTTP too, with metrics\n"
      "  rendezvousd --listen 127.0.0.1:0 --listen 127.0.0.2:0 --log json\n"
      "                                                      for a test: free ports, named in the ready line\n"
      "\n"
      "Prints one line that begins with `ready` once it serves. SIGTERM and SIGINT end it after what has\n"
      "arrived is answered.\n"
      "Exit status: 2 wrong usage or an address that cannot be used, 70 internal error, 130 or 143 ended by\n"
      "SIGINT or SIGTERM. See rendezvousd(1).");
}

/// All addresses; IPv6 as well where the machine has it.
void use_defaults(io::ListenWish& wish) {
  if (!wish.listen.empty()) return;
  for (const auto family : {Family::ipv4, Family::ipv6})
    wish.listen.push_back({IpAddress::any(family), stun::default_port});
}

void explain_alternates(ServiceLog& log, const stun::Responder::Config& config, const stun::Responder& responder) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const auto& listener = config.listeners[i];
    if (listener.protocol != Protocol::udp) continue;
    const auto& both = responder.alternates(i).both;
    log.step(fmt::format("{} answers for itself{}", to_text(listener.endpoint),
                         both ? " and from " + to_text(config.listeners[*both].endpoint) : " only"));
  }
}

/// Says for each family what a lone address cannot do.
void warn_of_gaps(ServiceLog& log, const stun::Responder::Config& config, const stun::Responder& responder) {
  const bool only_loopback =
      std::ranges::all_of(config.listeners, [](const auto& l) { return l.endpoint.address.is_loopback(); });
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    std::string lone;
    bool is_complete = false;
    for (std::size_t i = 0; i < config.listeners.size(); ++i) {
      const auto& listener = config.listeners[i];
      if (listener.protocol != Protocol::udp || listener.endpoint.address.family() != family) continue;
      if (listener.endpoint.address.is_loopback() && !only_loopback) continue;
      is_complete = is_complete || responder.alternates(i).is_complete();
      if (lone.empty()) lone = to_text(listener.endpoint.address);
    }
    if (lone.empty() || is_complete) continue;
    log.warning(
        fmt::format("{}: RFC 5780 filtering and mapping tests need a second address beside {}: --alternate names "
                    "one; serving plain STUN",
                    to_text(family), lone));
  }
}

void set_limits(Options& o) {
  const auto rate = static_cast<double>(o.max_rate);
  const auto excess = static_cast<double>(o.max_excess);
  const auto excess_for_all = static_cast<double>(o.max_excess_for_all);
  o.responder.requests_per_address = {.burst = 2 * rate, .per_second = rate};
  o.responder.allowance_per_address = {.burst = 16 * excess, .per_second = excess};
  o.responder.allowance_for_all = {.burst = excess_for_all, .per_second = excess_for_all};
  if (o.checker) o.checker->most_at_once = o.max_checks;
}

/// Alternates are planned in front, so that the responder prefers them; people and scripts expect to see first what
/// they listen on.
std::vector<TransportAddress> in_order_of_wish(const io::ListenWish& wish, std::span<const io::Listener> bound) {
  std::vector<TransportAddress> listening;
  std::vector<TransportAddress> alternates;
  for (const auto& listener : bound) {
    const bool is_alternate = std::ranges::any_of(
        wish.alternates, [&](const Endpoint& alternate) { return alternate.address == listener.endpoint.address; });
    (is_alternate ? alternates : listening).push_back({listener.protocol, listener.endpoint});
  }
  listening.insert(listening.end(), alternates.begin(), alternates.end());
  return listening;
}

/// A relay that nobody out there can reach is of use in a lab only.
void explain_relay(ServiceLog& log, const turn::Relay::Config& config) {
  for (const auto& [local, announced] : config.addresses) {
    log.step(fmt::format("relaying from {} ports {}-{}{}", to_text(announced), config.first_port, config.last_port,
                         local == announced ? "" : ", bound to " + to_text(local)));
    if (announced.is_private() || announced.is_shared())
      log.warning(
          fmt::format("relaying from {}, which only hosts of its own network reach: behind a 1:1 NAT, "
                      "--relay-address PUBLIC/{} names the public address",
                      to_text(announced), to_text(local)));
  }
}

void sum_up_relay(ServiceLog& log, const turn::Relay& relay) {
  const auto& counters = relay.counters();
  log.info(
      fmt::format("{} relayed addresses given out, {} requests refused; {} datagrams to peers, {} to clients, {} "
                  "bytes; {} without permission, {} over the rate",
                  counters.allocations, counters.refused, counters.to_peers, counters.to_clients,
                  counters.relayed_bytes, counters.not_permitted, counters.over_rate));
}

void sum_up(ServiceLog& log, io::RunEnd end, const stun::Service& service) {
  const auto& counters = service.responder().counters();
  log.info(fmt::format("ended by {}: {} answered, {} refused, {} over the rate, {} over the budget, {} not for us",
                       end == io::RunEnd::interrupted ? "SIGINT" : "SIGTERM", counters.answered, counters.refused,
                       counters.rate_limited, counters.over_budget,
                       counters.not_stun + counters.not_a_request + counters.bad_fingerprint + counters.forbidden_peer +
                           counters.unknown_socket));
  if (service.checker() == nullptr || service.checker()->counters().started == 0) return;
  const auto& checks = service.checker()->counters();
  log.info(fmt::format("{} ports tried: {} open, {} refused, {} silent, {} could not be; {} questions too many",
                       checks.started, checks.open, checks.refused, checks.silent, checks.unsent,
                       checks.busy + checks.rate_limited));
}

void reload_bans(ServiceLog& log, rendezvous::Server& meeting, const Options& o) {
  if (o.conduct.ban_file.empty()) return;
  auto bans = rendezvousd::read_bans(o.conduct.ban_file);
  if (!bans) return log.warning(bans.error().detail + "; the old bans stay");
  log.info(fmt::format("SIGHUP: {} banned", bans->size()));
  meeting.replace_bans(io::now(), std::move(*bans));
}

/// Secrets, bans and certificate may have been replaced, and the clock set.
void reload(ServiceLog& log, turn::Relay* relay, rendezvous::Server* meeting, Options& o) {
  auto certificate = rendezvousd::read_tls(o.tls);
  if (certificate)
    o.run.tls = std::move(*certificate);
  else
    log.warning(certificate.error().detail + "; the old certificate stays");
  if (relay != nullptr) relay->tell_time(io::now(), io::unix_now());
  if (meeting != nullptr) {
    meeting->offer().tell_time(io::now(), io::unix_now());
    meeting->renew_offers();
    reload_bans(log, *meeting, o);
  }
  if (o.relay.secret_file.empty())
    return log.info("SIGHUP: certificate read again; addresses and limits change with a restart");
  auto secrets = rendezvousd::read_secrets(o.relay.secret_file);
  if (!secrets) return log.warning(secrets.error().detail + "; the old secrets stay");
  log.info(fmt::format("SIGHUP: {} {} and certificate read again; addresses and limits change with a restart",
                       secrets->size(), secrets->size() == 1 ? "secret" : "secrets"));
  if (meeting != nullptr) meeting->offer().replace_secret(secrets->front());
  if (relay != nullptr) relay->gate().replace_secrets(std::move(*secrets));
}

void prepare_run(Options& o, turn::Relay* relay, rendezvous::Server* meeting) {
  o.run.needs_connection = [relay, meeting](SocketId listener, const Endpoint& local, const Endpoint& remote) {
    return (relay != nullptr && relay->needs_connection(listener, local, remote)) ||
           (meeting != nullptr && meeting->needs_connection(listener, local, remote));
  };
  if (meeting != nullptr) {
    o.run.on_stop = [meeting](Instant) { meeting->announce_end(); };
    meeting->offer().tell_time(io::now(), io::unix_now());
  }
  if (relay == nullptr) return;
  io::raise_descriptor_limit();
  o.run.most_sockets += 2 * o.relay.config.most_allocations;  // one of each family
  o.run.tcp.unsent_bytes = unsent_relayed_bytes;
  relay->tell_time(io::now(), io::unix_now());
}

/// Where clients meet, and what they are told to use besides.
Result<std::optional<rendezvous::Server::Config>> plan_meeting(Options& o, const std::vector<TransportAddress>& bound,
                                                               const turn::Relay::Config* relay) {
  using Presence = rendezvousd::OwnServices::Presence;
  if (!o.signalling.is_wished) return std::optional<rendezvous::Server::Config>{};
  rendezvousd::OwnServices own{.tls = o.run.tls ? Presence::yes : Presence::no,
                               .relay = relay != nullptr ? Presence::yes : Presence::no};
  for (const auto& address : bound)
    if (address.protocol == Protocol::tcp) own.listening.push_back(address.endpoint);
  auto offer = rendezvousd::plan_offer(own, o.relay.elsewhere);
  if (!offer) return std::unexpected(std::move(offer.error()));
  if (relay != nullptr) offer->secret = relay->gate.secrets.front();
  if (!o.relay.elsewhere.empty() && !o.relay.secret_file.empty()) {
    auto secrets = rendezvousd::read_secrets(o.relay.secret_file);
    if (!secrets) return std::unexpected(std::move(secrets.error()));
    offer->secret_elsewhere = secrets->front();
  }
  auto config = rendezvousd::plan_signalling(o.signalling, o.run);
  config.offer = std::move(*offer);
  return std::optional{std::move(config)};
}

void explain_offer(ServiceLog& log, const Options& o, const rendezvous::Offer::Config& offer) {
  if (!offer.elsewhere.empty() && offer.secret_elsewhere.empty())
    log.warning("--turn without --auth-secret-file: clients are told of that relay, and of no name to use it by");
  if (o.relay.secret_file.empty() && !offer.secret.empty())
    log.step("the relay's secret was made for this run; only clients that register here are given names");
}

cli::Exit serve(Options& o, cli::Output& output) {
  use_defaults(o.wish);
  set_limits(o);
  const auto interfaces = io::interface_addresses();
  auto certificate = rendezvousd::read_tls(o.tls);
  if (!certificate) return output.fail(certificate.error());
  o.run.tls = std::move(*certificate);
  const auto plan = io::plan_listeners(o.wish, interfaces);
  if (!plan) return output.fail(plan.error());
  std::vector<io::Listener> wanted;
  for (const auto& planned : *plan) wanted.push_back(planned.listener);
  auto listeners = io::Listeners::bind(std::move(wanted));
  if (!listeners) return output.fail(listeners.error());

  for (std::size_t i = 0; i < plan->size(); ++i) {
    const auto& listener = listeners->bound()[i];
    o.responder.listeners.push_back({listener.socket, listener.endpoint, listener.protocol, (*plan)[i].group});
  }
  std::vector<IpAddress> here;
  here.reserve(interfaces.size());
  for (const auto& interface : interfaces) here.push_back(interface.address);
  std::vector<IpAddress> listening;
  listening.reserve(listeners->bound().size());
  for (const auto& listener : listeners->bound()) listening.push_back(listener.endpoint.address);
  crypto::SecureRng rng;
  const auto planned = rendezvousd::plan_relay(o.relay, here, listening,
                                               o.signalling.is_wished ? rendezvousd::make_secret(rng) : std::string{});
  if (!planned) return output.fail(planned.error());
  const auto bound = in_order_of_wish(o.wish, listeners->bound());
  const auto signer = cli::identity_in(o.conduct.identity_file);
  if (!signer) return output.fail(signer.error());
  auto bans = rendezvousd::read_bans(o.conduct.ban_file);
  if (!bans) return output.fail(bans.error());
  auto meeting_plan = plan_meeting(o, bound, *planned ? &**planned : nullptr);
  if (!meeting_plan) return output.fail(meeting_plan.error());

  stun::Service service{o.responder, o.checker, rng};
  std::optional<turn::Relay> relay;
  if (*planned) relay.emplace(**planned, rng);
  rendezvous::MemoryStore names;
  rendezvous::Directory directory{o.directory.directory};
  const auto identity = crypto::Identity::make();  // as a witness; a server that was started anew is another one
  const mesh::CertificateSignatures signatures{identity};
  mesh::Witnesses witnesses{
      {.id = {identity.fingerprint().digest}, .certificate = crypto::certificate_of(identity)}, signatures, rng};
  rendezvous::Matchmaker matchmaker{{}, rng};
  rendezvous::Reports reports{{}};
  if (*meeting_plan) {
    (*meeting_plan)->directory = &directory;
    (*meeting_plan)->matchmaker = &matchmaker;
    (*meeting_plan)->reports = &reports;
    (*meeting_plan)->witness = &witnesses;
    (*meeting_plan)->identity = *signer;
    (*meeting_plan)->bans = std::move(*bans);
  }
  std::optional<rendezvous::Server> meeting;
  if (*meeting_plan) meeting.emplace(**meeting_plan, names, rng);
  rendezvousd::FrontDoor door{service, relay ? &*relay : nullptr, meeting ? &*meeting : nullptr};
  const auto http = rendezvousd::plan_http(o.directory, directory,
                                           {.matchmaker = meeting ? &matchmaker : nullptr,
                                            .reports = meeting ? &reports : nullptr,
                                            .service = &service,
                                            .directory = &directory,
                                            .relay = relay ? &*relay : nullptr,
                                            .meeting = meeting ? &*meeting : nullptr},
                                           rng);
  if (!http) return output.fail(http.error());
  o.run.guest = http->get();
  prepare_run(o, relay ? &*relay : nullptr, meeting ? &*meeting : nullptr);
  ServiceLog log{output};
  explain_alternates(log, o.responder, service.responder());
  warn_of_gaps(log, o.responder, service.responder());
  if (meeting) explain_offer(log, o, (*meeting_plan)->offer);
  std::vector<IpAddress> relayed;
  if (relay) {
    explain_relay(log, **planned);
    for (const auto& address : (*planned)->addresses) relayed.push_back(address.announced);
  }
  std::vector<Endpoint> served;
  if (*http) served = (*http)->bound();
  o.run.on_start = [&log, relayed, bound, served] { log.ready(bound, relayed, served); };
  o.run.on_hangup = [&] { reload(log, relay ? &*relay : nullptr, meeting ? &*meeting : nullptr, o); };
  const auto end = io::run(door, std::move(*listeners), o.run);
  if (!end) return output.fail(end.error());
  sum_up(log, *end, service);
  if (relay) sum_up_relay(log, *relay);
  if (meeting) rendezvousd::sum_up_signalling(log, *meeting);
  rendezvousd::sum_up_directory(log, directory);
  return *end == io::RunEnd::interrupted ? cli::Exit::interrupted : cli::Exit::terminated;
}
}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what is thrown before cli::run is out of memory, and nothing helps then
int main(int argc, char** argv) {
  Options options;
  CLI::App app{
      "Serve STUN (RFC 8489), NAT behaviour discovery (RFC 5780), a TURN relay (RFC 8656) and a place to meet.",
      "rendezvousd"};
  cli::Output output{"rendezvousd"};
  output.options.shape = report::Shape::event;
  add_options(app, options, output);
  return cli::run(app, output, argc, argv, [&] { return serve(options, output); });
}
