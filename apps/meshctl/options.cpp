#include "options.hpp"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Option.hpp>
#include <algorithm>
#include <charconv>
#include <functional>
#include <map>

#include "natkit/cli/app.hpp"
#include "natkit/cli/duration.hpp"
#include "natkit/io/resolver.hpp"
#include "natkit/mesh/message.hpp"
#include "natkit/mesh/view_fields.hpp"
#include "natkit/rendezvous/matchmaker.hpp"
#include "natkit/rendezvous/reports.hpp"
#include "natkit/stun/message.hpp"

namespace natkit {
namespace {
constexpr const char* tool_footer =
    R"(Examples:
  export NATKIT_SERVER=rendezvous.example.org     the rendezvousd that all members use to find each other
  meshctl create den --name anna                  a session called den; this host leads it
  meshctl join den --name ben                     on other hosts, as many as are wanted
  meshctl create den --as-rendezvous              needs no server: prints an invite
  meshctl join natkit:AQ...                       by an invite; `meshctl invite den` prints one on any member
  meshctl create den --chat                       what is typed goes to all, who print it
  meshctl list --game chess                       the sessions that are listed
  meshctl match --players 4 --game chess          wait for three others who want the same
  meshctl block ben                               never be matched with ben again
  meshctl create den --detach                     go on in the background; then, on the same host:
  meshctl status den                              members, host, paths and round trips
  meshctl handover den ben                        ben leads from now on
  meshctl leave den                               the others go on

Every member is linked with every other one, directly where NATs allow it. When the host leaves or dies
the next one leads within a second or two: the members vote, so that two never lead at once, and
whoever is cut off from most of the others pauses until they are back. The server brings the first two
together and lists the session; once the session stands it goes on without. Whoever has an invite
needs no server where one of the members can be reached from outside.

Exit status: 0 done, 2 wrong usage, 3 no server or no such session, 4 refused (full, locked, banned,
wrong password), 5 the host or the session was lost, 6 not all members could be reached, 7 another
version, 70 a defect of ours, 130 and 143 interrupted. See meshctl(1).)";

std::string quoted(const std::string& text) { return "'" + text + "'"; }  // `cli::run` makes it printable

std::string check_server(const std::string& text) {
  return parse_host_port(text, stun::default_port) ? std::string{} : quoted(text) + " is not HOST[:PORT]";
}

std::string check_name(const std::string& text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '/'; };
  if (!text.empty() && text.size() <= mesh::most_name_bytes && std::ranges::none_of(text, is_control)) return {};
  return quoted(text) + " is not a name: 1 to 64 bytes, no slash and no control characters";
}

std::string check_name_or_invite(const std::string& text) {
  return mesh::looks_like_invite(text) ? std::string{} : check_name(text);
}

std::string check_tag(const std::string& text) {
  return parse_tag(text) ? std::string{} : quoted(text) + " is not KEY=VALUE, each of 1 to 64 bytes";
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// CLI::Range would write its bounds behind the metavariable, where completions read what the option takes.
std::function<std::string(const std::string&)> number_from(std::size_t least, std::size_t most) {
  return [least, most](const std::string& text) {
    const auto number = parse_number<std::size_t>(text);
    if (number && *number >= least && *number <= most) return std::string{};
    return fmt::format("{} is not a number from {} to {}", quoted(text), least, most);
  };
}

std::string check_text(const std::string& text) {
  if (text.size() <= mesh::most_payload_bytes) return {};
  return fmt::format("{} bytes are too many: a line has at most {}", text.size(), mesh::most_payload_bytes);
}

std::optional<mesh::Shape> parse_shape(const std::string& text) {
  using Kind = mesh::Shape::Kind;
  if (text == "full") return mesh::Shape{Kind::full};
  if (text == "routed") return mesh::Shape{Kind::routed};
  if (text == "star") return mesh::Shape{Kind::star};
  if (!text.starts_with("partial:")) return std::nullopt;
  const auto least = parse_number<std::uint8_t>(std::string_view{text}.substr(8));
  if (!least || *least == 0 || *least >= mesh::most_members) return std::nullopt;
  return mesh::Shape{Kind::partial, *least};
}

void add_server(CLI::App& command, Options& o) {
  command.add_option("--server", o.servers, "the rendezvousd where members meet; of several the first that answers")
      ->type_name("SERVER")
      ->check(check_server)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->envname("NATKIT_SERVER");
}

CLI::Option* add_session(CLI::App& command, Options& o) {
  return command.add_option("SESSION", o.session, "the session's name")->check(check_name)->configurable(false);
}

void add_tags(CLI::App& command, Options& o, const std::string& meaning) {
  command.add_option("--game", o.game, "the game that the session is for: names are looked up within it")
      ->type_name("ID")
      ->check(check_name);
  command.add_option("--tag", o.tags, meaning)->type_name("KEY=VALUE")->check(check_tag)->allow_extra_args(false);
}

/// For both who create and who join.
void add_member_options(CLI::App& command, Options& o) {
  add_server(command, o);
  command.add_option("--name", o.name, "what the others call this member (default: the beginning of its id)")
      ->type_name("NAME")
      ->check(check_name);
  command
      .add_option("--password-file", o.password_file,
                  "the session's password, in a file; - reads standard input. It is never told to anybody")
      ->type_name("FILE");
  command
      .add_option("--identity", o.identity_file,
                  "this member's key, in a file; made when it is absent (default: a new one each time)")
      ->type_name("FILE");
  cli::add_duration(command, "--timeout", o.timeout, "longest time for a newcomer to get in");
  command
      .add_option("--relay-for-others", o.forwards,
                  "carry packets for so many pairs that cannot connect directly; encrypted, and this host pays")
      ->type_name("N")
      ->check(number_from(0, 255));
  command
      .add_option_function<std::string>(
          "--local-port",
          [&o](const std::string& text) { o.local_port = parse_number<std::uint16_t>(text).value_or(0); },
          "UDP port to send from and to be reached at (default: a free one)")
      ->check([](const std::string& text) {
        const auto port = parse_number<std::uint16_t>(text);
        return port && *port != 0 ? std::string{} : quoted(text) + " is not a port, 1 to 65535";
      })
      ->type_name("PORT");
  cli::add_choice(
      command, "--map", {"auto", "never"},
      [&o](const std::string& word) { o.map = word == "never" ? Options::Map::never : Options::Map::automatic; },
      "ask the router for a port, so that others reach this member (PCP, NAT-PMP, UPnP); given back at the end");
  command
      .add_option("--export-cmd", o.export_command,
                  "run while this member leads, and before it hands over: what it prints, at most 60000 bytes, is the "
                  "state for "
                  "the next host")
      ->type_name("CMD");
  cli::add_duration(command, "--export-every", o.export_every,
                    "how often --export-cmd is run while this member leads, so that a crash loses no more");
  command
      .add_option(
          "--import-cmd", o.import_command,
          "run before this member takes over, or once it leads after the host has died: the state of the old host is "
          "its input")
      ->type_name("CMD");
  command
      .add_option("--on-host-cmd", o.on_host_command,
                  "run when this member begins to lead, as the founder too; NATKIT_EPOCH counts the hosts")
      ->type_name("CMD");
  command
      .add_option("--admit-cmd", o.admit_command,
                  "run for each joiner while this member leads, with NATKIT_MEMBER and NATKIT_NAME; 0 admits it, else "
                  "what it prints is the reason")
      ->type_name("CMD");
  command
      .add_option("--policy-cmd", o.policy_command,
                  "run while this member leads, with what `status --json` tells as its input: it prints who is to lead "
                  "next, a name or id a line, the best first; within 2 s, else --host-policy decides")
      ->type_name("CMD");
  command.add_flag("--chat", o.chat, "send each line of standard input to all");
  command.add_flag("--detach", o.detach, "go to the background once the session stands")->configurable(false);
  command.add_option("--log-file", o.log_file, "where --detach writes what it would have printed (default: nowhere)")
      ->type_name("FILE");
}

void add_create(CLI::App& app, Options& o) {
  auto& command = cli::add_command(app, "create", "begin a session and lead it");
  command.parse_complete_callback([&o] { o.command = Options::Command::create; });
  add_session(command, o)->required();
  add_member_options(command, o);
  add_tags(command, o, "said in the list, and searched for by others");
  command.add_option("--max", o.most, "most members")
      ->type_name("N")
      ->check(number_from(1, mesh::most_members))
      ->capture_default_str();
  command
      .add_option_function<std::string>(
          "--mesh", [&o](const std::string& text) { o.shape = parse_shape(text).value_or(o.shape); },
          "which pairs must be linked: full (all, each by its own path), routed (all, perhaps through a member; the "
          "default), star (all with the host), partial:K (each with the host and K members at least)")
      ->check([](const std::string& text) {
        return parse_shape(text) ? std::string{} : quoted(text) + " is not full, routed, star or partial:K";
      })
      ->type_name("SHAPE");
  cli::add_choice(
      command, "--host-policy", {"oldest", "reach", "rtt", "score", "manual"},
      [&o](const std::string& word) {
        using mesh::Policy;
        static const std::map<std::string, Policy> policies{{"oldest", Policy::oldest},
                                                            {"reach", Policy::reach},
                                                            {"rtt", Policy::rtt},
                                                            {"score", Policy::score},
                                                            {"manual", Policy::manual}};
        o.policy = policies.at(word);
      },
      "who is next in line to lead");
  cli::add_choice(
      command, "--partition", {"pause", "fork", "leave"},
      [&o](const std::string& word) {
        o.partition = word == "fork"    ? mesh::Partition::fork
                      : word == "leave" ? mesh::Partition::leave
                                        : mesh::Partition::pause;
      },
      "what members do that are cut off from most others");
  command.add_flag("!--unlisted,--listed", o.is_listed,
                   "keep it out of the list: only who knows its name finds it (default: --listed)");
  command.add_flag("--as-rendezvous", o.as_rendezvous,
                   "need no server: print an invite; this host brings those who join by it together");
}

void add_join(CLI::App& app, Options& o) {
  auto& command = cli::add_command(app, "join", "become a member of a session");
  command.parse_complete_callback([&o] { o.command = Options::Command::join; });
  command.add_option("SESSION", o.session, "the session's name, or an invite, which begins with natkit:")
      ->check(check_name_or_invite)
      ->configurable(false)
      ->required();
  add_member_options(command, o);
  command.add_option("--game", o.game, "the game that the session is for")->type_name("ID")->check(check_name);
}

void add_match(CLI::App& app, Options& o) {
  auto& command = cli::add_command(app, "match", "wait for others who want to play, and begin a session with them");
  command.parse_complete_callback([&o] { o.command = Options::Command::match; });
  command.add_option("--players", o.players, "how many in all, this one included")
      ->type_name("N")
      ->check(number_from(2, rendezvous::most_players))
      ->required()
      ->configurable(false);
  add_member_options(command, o);
  add_tags(command, o, "only with others who say the same");
  command.get_option("--identity")
      ->description("this member's key, in a file; made when it is absent (default: one that is kept for all matches)");
  command.remove_option(command.get_option("--timeout"));
  cli::add_duration(command, "--timeout", o.match_timeout, "longest time to wait for enough others");
  command
      .add_option_function<std::string>(
          "--max-rtt", [&o](const std::string& text) { o.longest_trip = cli::parse_duration(text); },
          "only with others to whom the round trip is expected to be no longer")
      ->type_name("DURATION")
      ->check([](const std::string& text) {
        const auto trip = cli::parse_duration(text);
        return trip && *trip > Duration{} ? std::string{} : quoted(text) + " is not a duration such as 80ms";
      });
  command
      .add_option_function<std::string>(
          "--max-strain", [&o](const std::string& text) { o.most_strain = parse_number<std::uint8_t>(text); },
          "only with others whose machine is not known to be busier, in percent")
      ->type_name("N")
      ->check(number_from(0, 100));
}

void add_list(CLI::App& app, Options& o) {
  auto& command = cli::add_command(app, "list", "show the sessions that are listed");
  command.parse_complete_callback([&o] { o.command = Options::Command::list; });
  add_server(command, o);
  add_tags(command, o, "only sessions with this tag");
  cli::add_duration(command, "--timeout", o.timeout, "longest time to wait for the answer");
}

void add_block(CLI::App& app, Options& o) {
  auto& command = cli::add_command(app, "block", "never be matched with somebody, nor shown what it hosts");
  command.parse_complete_callback([&o] { o.command = Options::Command::block; });
  command
      .add_option("MEMBER", o.member,
                  "whom: the 64 digits of its id; or its name or the beginning of its id, where a session of this host "
                  "knows it (default: show who is blocked)")
      ->configurable(false);
  command
      .add_option("--session", o.session, "the session that knows it (default: the only one that has a process here)")
      ->type_name("SESSION")
      ->check(check_name)
      ->configurable(false);
  command.add_flag("--remove", o.remove, "block it no more")->configurable(false);
}

void add_report(CLI::App& app, Options& o) {
  auto& command =
      cli::add_command(app, "report", "tell the server what a member did; signed, and compared with others");
  command.parse_complete_callback([&o] { o.command = Options::Command::report; });
  add_session(command, o)->description("the session's name, or the 32 digits of its id")->required();
  command
      .add_option("MEMBER", o.member,
                  "whom: its name or the beginning of its id, as a process on this host knows it; or the 64 digits of "
                  "its id")
      ->required()
      ->configurable(false);
  cli::add_choice(
      command, "--reason", {"aborted", "cheating", "abuse", "other"},
      [&o](const std::string& word) { o.reason = word; }, "what it did");
  command.get_option("--reason")->required()->configurable(false);
  command.add_option("--text", o.text, "in other words, at most 256 bytes")
      ->type_name("TEXT")
      ->check([](const std::string& text) {
        return text.size() <= rendezvous::longest_report_text
                   ? std::string{}
                   : fmt::format("{} bytes are too many: {} are the most", text.size(),
                                 rendezvous::longest_report_text);
      })
      ->configurable(false);
  add_server(command, o);
  command
      .add_option("--identity", o.identity_file,
                  "the key to sign with, in a file (default: the one that is kept for all matches)")
      ->type_name("FILE");
  cli::add_duration(command, "--timeout", o.timeout, "longest time to wait for the answer");
}

/// What a process that runs in the background, or at another terminal, is asked.
CLI::App& add_question(CLI::App& app, Options& o, const std::string& word, const std::string& description) {
  auto& command = cli::add_command(app, word, description);
  command.parse_complete_callback([&o, word] {
    o.command = Options::Command::ask;
    o.word = word;
  });
  add_session(command, o);
  command.get_option("SESSION")->description("the session's name (default: the only one that has a process here)");
  return command;
}

/// Where another word follows, nobody could tell which of the two a single one is.
void require_session(CLI::App& command) {
  command.get_option("SESSION")->description("the session's name")->required();
}
}  // namespace

Result<void> take_invite(Options& options) {
  if (!mesh::looks_like_invite(options.session)) return {};
  auto invite = mesh::parse_invite(options.session);
  if (!invite && invite.error() == mesh::InviteError::other_version)
    return std::unexpected(
        Error{Errc::protocol, "version-mismatch", "the invite is of a later version", "a newer natkit reads it"});
  // The name becomes that of a file.
  if (!invite || !check_name(invite->name).empty())
    return std::unexpected(Error{Errc::usage, "invite-garbled",
                                 "the invite is garbled: it was not copied whole, or was changed on its way",
                                 "copy it again, from \"natkit:\" to its end"});
  options.session = invite->name;
  options.game = invite->game;
  options.invite = std::move(*invite);
  return {};
}

std::optional<std::pair<std::string, std::string>> parse_tag(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  std::pair tag{text.substr(0, equals), text.substr(equals + 1)};
  if (tag.first.size() > mesh::most_name_bytes || tag.second.empty() || tag.second.size() > mesh::most_name_bytes)
    return std::nullopt;
  return tag;
}

void add_commands(CLI::App& app, Options& o) {
  add_create(app, o);
  add_join(app, o);
  add_match(app, o);
  add_list(app, o);
  add_block(app, o);
  add_report(app, o);
  add_question(app, o, "status", "members, host, paths and round trips of a session on this host")
      .add_option("--svg", o.svg_file, "draw it into this file as well")
      ->type_name("FILE")
      ->configurable(false);
  add_question(app, o, "members", "members of a session on this host, one a line");
  add_question(app, o, "watch", "the status, again each second, until Ctrl-C");
  add_question(app, o, "invite", "print an invite: who has it can join without any server, by `meshctl join INVITE`");
  auto& send = add_question(app, o, "send", "a line of text to all, or to one");
  require_session(send);
  send.add_option("TEXT", o.text, "what to send")->check(check_text)->required()->configurable(false);
  send.add_option("--to", o.member, "one member: its name, or the beginning of its id")->type_name("MEMBER");
  auto& kick = add_question(app, o, "kick", "throw a member out (the host may)");
  require_session(kick);
  kick.add_option("MEMBER", o.member, "its name, or the beginning of its id")->required()->configurable(false);
  kick.add_flag("--ban", o.ban, "do not admit it again: but a run without --identity is somebody else")
      ->configurable(false);
  add_question(app, o, "lock", "let nobody in any more, and leave the list (the host may)");
  add_question(app, o, "unlock", "let others in again (the host may)");
  add_question(app, o, "ready", "say that this member is ready; once all are, all are told");
  auto& handover = add_question(app, o, "handover", "let another member lead (the host may)");
  require_session(handover);
  handover.add_option("MEMBER", o.member, "who: its name, or the beginning of its id (default: the next in line)")
      ->configurable(false);
  add_question(app, o, "leave", "leave the session; the others go on");
  add_question(app, o, "end", "end the session for all (the host may)");
  app.footer(tool_footer);
}
}  // namespace natkit
