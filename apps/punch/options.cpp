#include "options.hpp"

#include <CLI/App.hpp>
#include <CLI/Option.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "forwarding.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/io/resolver.hpp"
#include "natkit/stun/message.hpp"

namespace natkit {
namespace {
constexpr std::size_t longest_name = 128;  // rendezvous::Server::Config::Limits

constexpr const char* tool_footer =
    R"(Examples:
  punch pair blue-whale --server rendezvous.example.org
                               on both hosts: whoever types the same word meets, and the path is measured
  punch listen den --server rendezvous.example.org --wait 8h
  punch connect den --server rendezvous.example.org
                               one host waits under a name, the other comes to it
  export NATKIT_SERVER=rendezvous.example.org          so that it need not be typed
  tar c . | punch pair blue-whale --then pipe          and on the other host:
  punch pair blue-whale --then pipe | tar x
  punch pair blue-whale --then forward -L 8080:localhost:80           and on the other host:
  punch pair blue-whale --then forward --permit localhost:80
                               http://localhost:8080 here is the other host's web server
  punch pair blue-whale --then exec -- ./game          the game gets the port: NATKIT_LOCAL, NATKIT_REMOTE
  punch manual --stun stun.example.org                 no server to meet at: copy and paste a line each

Each side finds out by which addresses it can be reached (its own, the one that its NAT shows, one at a
relay), the server tells both of each other in the same instant, and both send at once: a packet that
goes out opens the way for what comes back. The path is encrypted from end to end. With --secret-file
not even the server can read or take part; without it the server is trusted to introduce the right two.

Exit status: 0 done, 1 connected, but not as --expect demands, 2 wrong usage, 3 no server, 4 refused
(full, wrong secret), 5 the peer did not come, did not answer or was lost, 6 no path, 7 another version,
70 a defect of ours, 130 and 143 interrupted. See punch(1).)";

std::string quoted(const std::string& text) { return "'" + text + "'"; }  // `cli::run` makes it printable

std::string check_server(const std::string& text) {
  return parse_host_port(text, stun::default_port) ? std::string{} : quoted(text) + " is not HOST[:PORT]";
}

/// What rendezvousd takes; it would say so too, after a round trip.
std::string check_name(const std::string& text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (!text.empty() && text.size() <= longest_name && std::ranges::none_of(text, is_control)) return {};
  return quoted(text) + " is not a name: 1 to 128 bytes, and no control characters";
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::string check_listen(const std::string& text) {
  return parse_listen_spec(text) ? std::string{}
                                 : quoted(text) + " is not [BIND:]PORT:HOST:HOSTPORT, BIND being an address";
}

std::string check_permit(const std::string& text) {
  return parse_permit(text) ? std::string{} : quoted(text) + " is not HOST:PORT or HOST:*";
}

void add_forward_options(CLI::App& command, Options& o) {
  command
      .add_option("-L,--tcp", o.tcp_forwards,
                  "for `--then forward`: what connects to PORT here goes to HOST:HOSTPORT at the peer")
      ->type_name("[BIND:]PORT:HOST:HOSTPORT")
      ->check(check_listen)
      ->allow_extra_args(false);
  command.add_option("--udp", o.udp_forwards, "the same for UDP")
      ->type_name("[BIND:]PORT:HOST:HOSTPORT")
      ->check(check_listen)
      ->allow_extra_args(false);
  command
      .add_option("--permit", o.permits, "what the peer may reach by this side: HOST:PORT or HOST:*; nothing else is")
      ->type_name("HOST:PORT")
      ->check(check_permit)
      ->allow_extra_args(false);
}

/// For all commands: where to find addresses and relays, and what to do with the connection.
void add_shared_options(CLI::App& command, Options& o, Options::Patience& patience) {
  command.add_option("--stun", o.stun, "one more STUN server to ask for this host's public address")
      ->type_name("SERVER")
      ->check(check_server)
      ->allow_extra_args(false);
  command
      .add_option("--turn", o.turn,
                  "a relay for when there is no direct path: HOST[:PORT], turn:HOST?transport=tcp, turns:HOST")
      ->type_name("URL")
      ->allow_extra_args(false);
  command.add_option("--turn-user", o.turn_user, "the name that --turn asks for")->type_name("NAME");
  command.add_option("--turn-password-file", o.turn_password_file, "the password that goes with it, in a file")
      ->type_name("FILE");
  cli::add_choice(
      command, "--relay", {"auto", "never", "only"},
      [&o](const std::string& word) {
        o.relay = word == "never"  ? Options::Relay::never
                  : word == "only" ? Options::Relay::only
                                   : Options::Relay::automatic;
      },
      "whether a relay may be used, or must: then the peer does not learn this host's addresses");
  cli::add_choice(
      command, "--transport", {"any", "udp", "tcp"},
      [&o](const std::string& word) {
        o.transport = word == "udp"   ? Options::Transport::udp
                      : word == "tcp" ? Options::Transport::tcp
                                      : Options::Transport::any;
      },
      "how this host's own packets travel; any takes tcp where udp does not pass");
  cli::add_choice(
      command, "--map", {"auto", "never"},
      [&o](const std::string& word) { o.map = word == "never" ? Options::Map::never : Options::Map::automatic; },
      "whether the router may be asked for a port, by PCP, NAT-PMP or UPnP");
  command
      .add_option_function<std::string>(
          "--local-port", [&o](const std::string& text) { o.local_port = parse_port(text).value_or(0); },
          "UDP port to send from and to be reached at (default: a free one)")
      ->check([](const std::string& text) {
        return parse_port(text) ? std::string{} : quoted(text) + " is not a port, 1 to 65535";
      })
      ->type_name("PORT");
  cli::add_duration(command, "--timeout", patience.timeout, "longest time to connect once the peer is there");
  cli::add_choice(
      command, "--expect", {"any", "direct", "relayed"},
      [&o](const std::string& word) {
        o.expect = word == "direct"    ? Options::Expect::direct
                   : word == "relayed" ? Options::Expect::relayed
                                       : Options::Expect::nothing;
      },
      "exit with 1 unless the path in use at the end is of this kind");
  cli::add_choice(
      command, "--then", {"report", "pipe", "forward", "exec"},
      [&o](const std::string& word) {
        o.then = word == "pipe"      ? Options::Then::pipe
                 : word == "forward" ? Options::Then::forward
                 : word == "exec"    ? Options::Then::exec
                                     : Options::Then::report;
      },
      "what to do with the connection, the same on both sides: measure it, carry standard input to the peer's "
      "standard output, forward TCP and UDP, or let CMD have the port");
  add_forward_options(command, o);
  cli::add_duration(command, "--for", o.measure, "how long `--then report` measures");
  command.add_option("CMD", o.program, "for `--then exec`: what to run, after --")->configurable(false);
}

void add_command(CLI::App& app, Options& o, const std::string& name, const std::string& argument,
                 rendezvous::Purpose purpose, const std::string& description) {
  auto& command = cli::add_command(app, name, description);
  command.parse_complete_callback([&o, purpose] { o.purpose = purpose; });
  command
      .add_option(argument, o.name,
                  purpose == rendezvous::Purpose::pair ? "any word that both sides agreed on"
                                                       : "the name that is listened under")
      ->required()
      ->check(check_name)
      ->configurable(false);
  command
      .add_option("--server", o.servers,
                  "the rendezvousd to meet at, the same on both sides; of several the first that answers")
      ->type_name("SERVER")
      ->check(check_server)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->envname("NATKIT_SERVER");
  command
      .add_option("--secret-file", o.secret_file, "the secret that both sides share, in a file; - reads standard input")
      ->type_name("FILE")
      ->envname("NATKIT_SECRET_FILE");
  cli::add_duration(command, "--wait", o.by_server.wait, "longest time for the peer to appear");
  command.add_flag("--fresh", o.is_fresh, "do not use what earlier runs have found out about the way to this peer");
  add_shared_options(command, o, o.by_server);
}

void add_manual(CLI::App& app, Options& o) {
  auto& command = cli::add_command(app, "manual", "connect without a server to meet at: two people copy and paste");
  command.parse_complete_callback([&o] { o.by_hand = true; });
  command.add_flag("--sdp", o.sdp, "print and read SDP lines (RFC 8839), which any ICE agent knows")
      ->configurable(false);
  command
      .add_option("--server", o.servers,
                  "a rendezvousd to ask for this host's public address, as with --stun; without any, only addresses of "
                  "the same network are offered")
      ->type_name("SERVER")
      ->check(check_server)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->envname("NATKIT_SERVER");
  cli::add_duration(command, "--wait", o.by_people.wait, "longest time for what the peer printed to be pasted");
  add_shared_options(command, o, o.by_people);
}
}  // namespace

void add_commands(CLI::App& app, Options& o) {
  add_command(app, o, "pair", "ROOM", rendezvous::Purpose::pair, "meet whoever names the same room");
  add_command(app, o, "listen", "NAME", rendezvous::Purpose::listen, "wait under a name for one who connects");
  add_command(app, o, "connect", "NAME", rendezvous::Purpose::connect, "connect to who listens under this name");
  add_manual(app, o);
  app.footer(tool_footer);
}
}  // namespace natkit
