#include "options.hpp"

#include <CLI/App.hpp>
#include <CLI/Option.hpp>
#include <algorithm>
#include <charconv>
#include <string_view>

#include "natkit/base/printable.hpp"
#include "natkit/cli/app.hpp"
#include "natkit/cli/duration.hpp"
#include "natkit/io/resolver.hpp"
#include "natkit/stun/message.hpp"

namespace natkit {
using namespace std::chrono_literals;
namespace {
/// A day: `add` leaves, and nobody renews. Long enough for an evening's game, gone tomorrow if it was forgotten; and
/// the longest that common routers grant (miniupnpd's max_lifetime, RFC 6887 §15 lets the server shorten any).
constexpr Duration lease_of_add = 24h;
/// RFC 6886 §3.3 recommends it. `hold` renews halfway, so it only says how long a crash may leave the port open.
constexpr Duration lease_of_hold = 2h;
/// Routers cut longer texts or refuse the call (portmap quirk 16); the mark that tells ours apart takes 24 of 80.
constexpr std::size_t longest_description = 48;

constexpr const char* tool_footer =
    R"(Examples:
  upnp-map status                       can this router open ports, and does anything of ours stand?
  upnp-map add 7000                     opens UDP port 7000 to this host, for a day
  upnp-map hold 7000 --protocol both    opens it as long as this runs
  upnp-map hold 7000 -- ./game-server   opens it as long as the game runs
  upnp-map list                         what is open, and whose
  upnp-map remove 7000/udp              closes it again

The router is asked by PCP, NAT-PMP and UPnP at once; the first to grant wins. Each mapping is written
down before the router is asked, so that another run can renew and remove it, and `upnp-map gc` takes
away what a killed run left.

Exit status: 0 done, 1 not open (check, --verify), 2 wrong usage, 3 no router or server answered,
4 the router said no, 6 every method was tried and failed, 7 the server cannot check ports,
70 a defect of ours, 130 and 143 interrupted. See upnp-map(1).)";

constexpr const char* add_footer =
    R"(Examples:
  upnp-map add 7000                          public UDP port 7000, or another if that is taken
  upnp-map add 7000 --external any           any public port will do
  upnp-map add 192.168.1.2:7000 --lease 2h   names the address where this host has several
  upnp-map add 7000 --verify rendezvous.example.org

The mapping stays when the command ends, until its lease is over or `upnp-map remove` takes it away;
`upnp-map hold` is for a mapping that ends with the program. The same line again renews.

Exit status: 0 mapped, 1 mapped but not open from outside (--verify), 2 wrong usage, 3 no router,
4 the router said no, 6 every method failed, 130 and 143 interrupted: then nothing stays.)";

constexpr const char* hold_footer =
    R"(Examples:
  upnp-map hold 7000                         until Ctrl-C
  upnp-map hold 7000 -- ./game-server -p 7000
  upnp-map hold 7000 --json | while read -r event; do ...

Renews at the protocol's time and maps again when the router or this host's address changes. The
command after -- starts once the port is open, with NATKIT_EXTERNAL and NATKIT_INTERNAL set; when it
ends the mapping is released and its exit status is ours.

Exit status: that of the command after --, else as of `add`; 130 and 143 after a signal.)";

constexpr const char* remove_footer =
    R"(Examples:
  upnp-map remove 7000/udp
  upnp-map remove 7000 --protocol tcp
  upnp-map remove --all-ours       all that this user's upnp-map has made and that still stands

EXTERNAL is the public port as `upnp-map list` shows it. What another program made for this host is
taken away only with --force, what belongs to another host never.

Exit status: 0 gone (also when it was gone before), 2 wrong usage, 3 no router, 4 not ours, or the
router said no.)";

constexpr const char* check_footer =
    R"(Examples:
  upnp-map check 7000 --server rendezvous.example.org
  upnp-map check 203.0.113.7:7000 --protocol tcp --server rendezvous.example.org

SERVER is a rendezvousd outside of this network; it knocks at this host's own public address and at no
other. For UDP nothing needs to listen: upnp-map answers itself when the port is free, otherwise the
program that has the port must answer, and silence then proves nothing.

Exit status: 0 open, 1 closed, 3 the server did not answer, 6 nobody can say, 7 the server cannot check.)";

constexpr const char* pinhole_footer =
    R"(Examples:
  upnp-map pinhole 2001:db8::2 7000
  upnp-map pinhole 2001:db8::2 7000 --protocol tcp --lease 1h

With IPv6 nothing is translated; the router's firewall lets packets to this address and port in. It is
asked by PCP, then by UPnP (WANIPv6FirewallControl). `upnp-map remove [ADDRESS]:PORT` closes it.)";

constexpr const char* discover_footer =
    R"(Asks every router of a default route by each method, and lists all that answer, with model, external
address and what they refuse. Nothing is mapped.

Exit status: 0 a router can map, 3 no router answered, 4 the router refuses, 6 routers answered, but none can
map now (no connection, another NAT, answers that make no sense).)";
constexpr const char* status_footer =
    R"(Says whether a mapping of ours stands, and asks the router whether it really does. Without one it says
what stands in the way and one thing to do about it.

Exit status: 0 a mapping of ours stands, or one could be made; 3 no router answered, 4 the router
refuses, 6 no router can map now, or a mapping of ours is lost.)";
constexpr const char* list_footer =
    R"(The router's own list (UPnP) together with what we wrote down (PCP and NAT-PMP have no list to ask for).
SOURCE is "router", "journal" or "both"; OWNER is "ours" for what upnp-map made. LEFT is "?" where nobody
has confirmed it.

Exit status: 0 listed, also when nothing is mapped; 3 no router answered.)";
constexpr const char* gc_footer =
    R"(Takes away what runs that were killed have left on routers: mappings asked for, held or half released, and
those of `add` whose time is over. What a living run holds is not touched. Routers that are not here now
(another network) are left for later.

Exit status: 0 nothing is left, 3 a router did not answer, 4 a router refused.)";

std::string quoted(const std::string& text) { return "'" + printable(text) + "'"; }

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::string check_port_at(const std::string& text) {
  return parse_port_at(text) ? std::string{} : quoted(text) + " is not PORT or ADDRESS:PORT, ports from 1 to 65535";
}
std::string check_mapped_port(const std::string& text) {
  return parse_mapped_port(text) ? std::string{} : quoted(text) + " is not PORT, PORT/udp, PORT/tcp or ADDRESS:PORT";
}
std::string check_external(const std::string& text) {
  return text == "any" || parse_port(text) ? std::string{} : quoted(text) + " is not a port from 1 to 65535, nor 'any'";
}
std::string check_address(const std::string& text) {
  return parse_ip_address(text) ? std::string{} : quoted(text) + " is not an IP address";
}
std::string check_server(const std::string& text) {
  return parse_host_port(text, stun::default_port) ? std::string{} : quoted(text) + " is not HOST[:PORT]";
}
std::string check_description(const std::string& text) {
  const bool is_plain = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  return is_plain && text.size() <= longest_description
             ? std::string{}
             : quoted(text) + " is longer than " + std::to_string(longest_description) +
                   " characters, or has others than printable ASCII, which routers refuse";
}

void add_router_options(CLI::App& command, RouterOptions& o) {
  cli::add_duration(command, "--timeout", o.timeout, "longest time to search and to wait for routers");
  command.add_option("--local-address", o.local_address, "ask from this address of this host, so by its network alone")
      ->type_name("ADDRESS")
      ->check(check_address);
}

/// udp, tcp or both.
void add_protocols(CLI::App& command, std::vector<Protocol>& protocols, const std::string& description) {
  cli::add_choice(
      command, "--protocol", {"udp", "tcp", "both"},
      [&protocols](const std::string& text) {
        protocols.clear();
        if (text != "tcp") protocols.push_back(Protocol::udp);
        if (text != "udp") protocols.push_back(Protocol::tcp);
      },
      description);
}

void add_mapping_options(CLI::App& command, MappingOptions& o) {
  add_protocols(command, o.protocols, "which to map; both get the same external port where the router has it free");
  cli::add_duration(command, "--lease", o.lease, "how long to ask for; routers may grant less");
  command.add_option("--description", o.description, "what UPnP routers show in their own list")
      ->type_name("TEXT")
      ->check(check_description)
      ->capture_default_str();
  command
      .add_option_function<std::string>(
          "--via", [&o](const std::string& text) { o.via = portmap::parse_method(text); },
          "ask by this method alone; else all at once, and the first to grant wins")
      ->type_name("pcp|nat-pmp|upnp")
      ->check([](const std::string& text) {
        return portmap::parse_method(text) ? std::string{} : quoted(text) + " is not one of pcp, nat-pmp, upnp";
      });
}

void add_verify(CLI::App& command, MappingOptions& o) {
  command
      .add_option("--verify", o.verify,
                  "have this rendezvousd knock from outside, and exit 1 when the port is not open")
      ->type_name("SERVER")
      ->check(check_server);
}

void add_mapping_command(CLI::App& command, MappingOptions& o) {
  command.add_option("INTERNAL", o.internal, "PORT, or ADDRESS:PORT where this host has several addresses")
      ->check(check_port_at)
      ->required()
      ->configurable(false);
  command
      .add_option("--external", o.external,
                  "public port to ask for, or 'any'; else the same as the internal one, or a free one")
      ->type_name("PORT|any")
      ->check(check_external);
  add_mapping_options(command, o);
  command.add_flag_callback(
      "--through-all", [&o] { o.layers = portmap::Keeper::Layers::all; },
      "also map at the router behind the router, where two NATs stand in the way");
  add_verify(command, o);
  add_router_options(command, o.router);
}

void add_pinhole_command(CLI::App& command, PinholeOptions& o) {
  command.add_option("ADDRESS", o.address, "a global IPv6 address of this host")
      ->check(check_address)
      ->required()
      ->configurable(false);
  command.add_option("PORT", o.port, "the port that a program listens on")
      ->check(
          [](const std::string& text) { return parse_port(text) ? std::string{} : quoted(text) + " is not a port"; })
      ->required()
      ->configurable(false);
  add_mapping_options(command, o.mapping);
  add_verify(command, o.mapping);
  add_router_options(command, o.mapping.router);
}

void add_remove_command(CLI::App& command, RemoveOptions& o) {
  command.add_option("EXTERNAL", o.external, "public PORT[/udp|/tcp] or ADDRESS:PORT[/udp|/tcp]")
      ->check(check_mapped_port)
      ->configurable(false);
  cli::add_choice(
      command, "--protocol", {"both", "udp", "tcp"},
      [&o](const std::string& text) {
        if (text != "both") o.protocol = text == "tcp" ? Protocol::tcp : Protocol::udp;
      },
      "which to remove, where EXTERNAL does not say");
  command.add_flag("--all-ours", o.all_ours, "all that this user's upnp-map has made")->configurable(false);
  command.add_flag("--force", o.force, "also what another program of this host has mapped")->configurable(false);
  add_router_options(command, o.router);
}

void add_check_command(CLI::App& command, CheckOptions& o) {
  command.add_option("EXTERNAL", o.external, "public PORT or ADDRESS:PORT")
      ->check(check_mapped_port)
      ->required()
      ->configurable(false);
  command.add_option("--server", o.server, "the rendezvousd outside that knocks")
      ->type_name("SERVER")
      ->check(check_server)
      ->envname("NATKIT_SERVER");
  add_protocols(command, o.protocols, "which to check");
  cli::add_duration(command, "--timeout", o.timeout, "longest time to look the server up, and again to check");
}

CLI::App& add_plain_command(CLI::App& app, const std::string& name, const std::string& description, RouterOptions& o) {
  auto& command = cli::add_command(app, name, description);
  add_router_options(command, o);
  return command;
}
}  // namespace

void add_commands(CLI::App& app, Options& o) {
  app.footer(tool_footer);
  add_plain_command(app, "discover", "which routers can map ports, by which methods, and what they call themselves",
                    o.discover)
      .footer(discover_footer);
  add_plain_command(app, "status", "does a mapping of ours stand; if not, what is in the way and what to do", o.status)
      .footer(status_footer);
  add_plain_command(app, "list", "all mappings: the router's own list and what we wrote down", o.list)
      .footer(list_footer);

  o.add.lease = lease_of_add;
  auto& add = cli::add_command(app, "add", "map a public port to this host and leave it mapped");
  add_mapping_command(add, o.add);
  add.footer(add_footer);

  auto& remove = cli::add_command(app, "remove", "take a mapping away again");
  add_remove_command(remove, o.remove);
  remove.footer(remove_footer);

  o.hold.lease = lease_of_hold;
  auto& hold = cli::add_command(app, "hold", "map a public port as long as this runs, or as long as a program does");
  add_mapping_command(hold, o.hold);
  hold.footer(hold_footer);

  auto& check = cli::add_command(app, "check", "is a port of this host open from outside?");
  add_check_command(check, o.check);
  check.footer(check_footer);

  o.pinhole.mapping.lease = lease_of_add;
  auto& pinhole = cli::add_command(app, "pinhole", "let packets from outside in to an IPv6 address and port");
  add_pinhole_command(pinhole, o.pinhole);
  pinhole.footer(pinhole_footer);

  add_plain_command(app, "gc", "take away what killed runs have left on routers", o.gc).footer(gc_footer);
}

std::optional<PortAt> parse_port_at(std::string_view text) {
  if (const auto port = parse_port(text)) return PortAt{.address = {}, .port = *port};
  const auto endpoint = parse_endpoint(text);
  if (!endpoint || endpoint->port == 0) return std::nullopt;
  return PortAt{.address = endpoint->address, .port = endpoint->port};
}

std::optional<MappedPort> parse_mapped_port(std::string_view text) {
  std::optional<Protocol> protocol;
  for (const auto known : {Protocol::udp, Protocol::tcp}) {
    const auto suffix = "/" + std::string{to_text(known)};
    if (!text.ends_with(suffix)) continue;
    protocol = known;
    text.remove_suffix(suffix.size());
    break;
  }
  const auto at = parse_port_at(text);
  if (!at) return std::nullopt;
  return MappedPort{.at = *at, .protocol = protocol};
}

std::optional<std::uint16_t> requested_port(const MappingOptions& options) {
  if (options.external.empty()) return std::nullopt;
  if (options.external == "any") return 0;
  return parse_port(options.external);
}
}  // namespace natkit
