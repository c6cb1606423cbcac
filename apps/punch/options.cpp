#include "options.hpp"

#include <CLI/App.hpp>
#include <CLI/Option.hpp>

#include "natkit/base/printable.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/io/resolver.hpp"
#include "natkit/stun/message.hpp"

namespace natkit {
namespace {
constexpr const char* tool_footer =
    R"(Examples:
  punch pair blue-whale --server rendezvous.example.org
                               on both hosts: whoever types the same word meets, and the path is measured
  punch listen game --server rendezvous.example.org
  punch connect game --server rendezvous.example.org
                               one host waits under a name, others come to it
  tar c . | punch pair blue-whale --then pipe          and on the other host:
  punch pair blue-whale --then pipe | tar x
  punch pair blue-whale --then exec -- ./game          the game gets the port: NATKIT_LOCAL, NATKIT_REMOTE

Each side finds out by which addresses it can be reached (its own, the one that its NAT shows, one at a
relay), the server tells both of each other in the same instant, and both send at once: a packet that
goes out opens the way for what comes back. The path is encrypted from end to end. With --secret-file
not even the server can read or take part; without it the server is trusted to introduce the right two.

Exit status: 0 done, 1 connected, but not as --expect demands, 2 wrong usage, 3 no server, 4 refused
(full, wrong secret), 5 the peer did not come, did not answer or was lost, 6 no path, 7 another version,
70 a defect of ours, 130 and 143 interrupted. See punch(1).)";

std::string check_server(const std::string& text) {
  return io::parse_host_port(text, stun::default_port) ? std::string{} : "'" + printable(text) + "' is not HOST[:PORT]";
}

/// For all commands: where to find addresses and relays, and what to do with the connection.
void add_shared_options(CLI::App& command, Options& o) {
  command.add_option("--stun", o.stun, "another STUN server to ask for this host's public address")
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
      "what this host's own packets go by; tcp: to a relay only");
  cli::add_count(command, "--local-port", o.local_port, "UDP port to send from and to be reached at");
  cli::add_duration(command, "--timeout", o.timeout, "longest time to connect once the peer is there");
  cli::add_choice(
      command, "--expect", {"any", "direct", "relayed"},
      [&o](const std::string& word) {
        o.expect = word == "direct"    ? Options::Expect::direct
                   : word == "relayed" ? Options::Expect::relayed
                                       : Options::Expect::nothing;
      },
      "exit 1 unless the path is of this kind");
  cli::add_choice(
      command, "--then", {"report", "pipe", "exec"},
      [&o](const std::string& word) {
        o.then = word == "pipe" ? Options::Then::pipe : word == "exec" ? Options::Then::exec : Options::Then::report;
      },
      "what to do with the connection: measure it, carry standard input to the peer's standard output, or let CMD "
      "have the port");
  cli::add_duration(command, "--for", o.measure, "how long `--then report` measures");
  command.add_option("CMD", o.program, "for `--then exec`: what to run, after --")->configurable(false);
}

void add_command(CLI::App& app, Options& o, const std::string& name, const std::string& argument,
                 rendezvous::Purpose purpose, const std::string& description) {
  auto& command = cli::add_command(app, name, description);
  command.parse_complete_callback([&o, purpose] { o.purpose = purpose; });
  command
      .add_option(argument, o.name,
                  purpose == rendezvous::Purpose::pair ? "the word that both sides agreed on"
                                                       : "the name that is listened under")
      ->required()
      ->configurable(false);
  command.add_option("--server", o.servers, "rendezvousd to meet at; several by preference")
      ->type_name("SERVER")
      ->check(check_server)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->required()
      ->envname("NATKIT_SERVER");
  command
      .add_option("--secret-file", o.secret_file, "a secret that both sides know, in a file; - reads standard input")
      ->type_name("FILE")
      ->envname("NATKIT_SECRET_FILE");
  cli::add_duration(command, "--wait", o.wait, "longest time for the peer to appear");
  add_shared_options(command, o);
}

void add_manual(CLI::App& app, Options& o) {
  auto& command = cli::add_command(app, "manual", "connect without a server to meet at: two people copy and paste");
  command.parse_complete_callback([&o] { o.by_hand = true; });
  command.add_flag("--sdp", o.sdp, "print and read SDP lines (RFC 8839), which any ICE agent knows")
      ->configurable(false);
  command.add_option("--server", o.servers, "a rendezvousd to ask for this host's public address, as with --stun")
      ->type_name("SERVER")
      ->check(check_server)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->envname("NATKIT_SERVER");
  add_shared_options(command, o);
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
