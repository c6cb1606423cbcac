#include <fmt/format.h>

#include <algorithm>

#include "natkit/base/printable.hpp"
#include "session.hpp"

// What other commands ask of this process, and what is typed into it.
namespace natkit {
namespace {
using report::MeshEvents;
using report::MeshWords;

Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

Error not_host(const std::string& host) {
  return {Errc::refused, "not-host", "only the host may do that, and this host does not lead now",
          fmt::format("{} leads: ask there", printable(host))};
}
}  // namespace

report::MeshInvite facts_of(const mesh::Node::Invited& made) {
  report::MeshInvite facts{.text = mesh::write_invite(made.invite), .scope = std::string{to_text(made.scope)}};
  for (const auto& [member, endpoints] : made.invite.entries) facts.entries.emplace_back(to_text(member), endpoints);
  return facts;
}

void Session::handle_pipe_accepted(Instant, PipeId, PipeId pipe, const Endpoint&) {
  askers_[pipe];
  pipes_.push_back(PipeRead{pipe, control::longest_line});
}

void Session::handle_pipe_read(Instant now, PipeId pipe, ByteView piece) {
  if (pipe == standard_streams) {
    if (piece.empty()) return;  // nothing more will be typed; others go on talking
    line_ += as_text(piece);
    while (line_.find('\n') != std::string::npos) {
      const auto end = line_.find('\n');
      if (end > mesh::most_payload_bytes)
        output_.warn("a line of more than 16384 bytes was not sent");
      else if (end > 0)
        node_.send(now, {}, bytes_of(std::string_view{line_}.substr(0, end)));
      line_.erase(0, end + 1);
    }
    if (line_.size() > control::longest_line) line_.clear();
    pipes_.push_back(PipeRead{standard_streams, control::longest_line});
    return look(now);
  }
  const auto found = askers_.find(pipe);
  if (found == askers_.end()) return;
  if (piece.empty()) {
    pipes_.push_back(PipeClose{pipe});
    askers_.erase(found);
    return;
  }
  found->second.line += as_text(piece);
  if (found->second.line.size() > control::longest_line) {
    pipes_.push_back(PipeClose{pipe});
    askers_.erase(found);
    return;
  }
  if (found->second.line.find('\n') == std::string::npos || found->second.is_answered)
    pipes_.push_back(PipeRead{pipe, control::longest_line});
  else
    hear_line(now, pipe, found->second);
}

void Session::handle_pipe_written(Instant, PipeId pipe) {
  const auto found = askers_.find(pipe);
  if (found == askers_.end()) return;
  if (found->second.watches) return;
  pipes_.push_back(PipeEnd{pipe});
  pipes_.push_back(PipeClose{pipe});
  askers_.erase(found);
}

void Session::handle_pipe_failure(Instant, PipeId pipe, std::string_view why) {
  askers_.erase(pipe);
  if (pipe == PipeId{1}) output_.warn("other commands cannot reach this process: " + printable(std::string{why}));
}

std::string Session::watched(Instant now, const Asker& asker) const {
  return asker.wants_json ? MeshEvents::status(status(now)) + '\n' : MeshWords::status(status(now)) + '\n';
}

void Session::reply(PipeId pipe, std::string text) {
  askers_[pipe].is_answered = true;
  pipes_.push_back(PipeWrite{pipe, bytes_of(text)});
}

void Session::hear_line(Instant now, PipeId pipe, Asker& asker) {
  const auto words = control::parse_line(std::string_view{asker.line}.substr(0, asker.line.find('\n')));
  if (words.front() == "watch") {
    asker.watches = true;
    asker.is_answered = true;
    asker.wants_json = words.size() > 1 && words[1] == "json";
    next_watch_ = now + std::chrono::seconds{1};
    pipes_.push_back(PipeRead{pipe, control::longest_line});
    pipes_.push_back(PipeWrite{pipe, bytes_of(control::write_success(watched(now, asker)))});
    return;
  }
  reply(pipe, answer(now, words));
  look(now);
}

std::optional<mesh::MemberId> Session::member_named(const std::string& name) const {
  const auto& view = node_.member().view();
  if (!view) return std::nullopt;
  std::optional<mesh::MemberId> found;
  for (const auto& member : view->members) {
    const bool is_meant = member.self.name == name || (name.size() >= 4 && to_text(member.self.id).starts_with(name));
    if (!is_meant) continue;
    if (found) return std::nullopt;  // two of that name
    found = member.self.id;
  }
  return found;
}

/// "SESSION EPOCH MEMBER EVIDENCE NAME", for what is to be said of somebody, who may have left.
std::string Session::about(const std::string& name) const {
  std::optional<mesh::MemberId> found;
  std::size_t count = 0;
  for (const auto& [id, known] : names_) {
    const bool is_meant = known == name || (name.size() >= 4 && to_text(id).starts_with(name));
    if (is_meant) found = id;
    count += is_meant ? 1U : 0U;
  }
  const auto& view = node_.member().view();
  if (count != 1 || !view)
    return control::write_failure({Errc::nobody_there, "no-such-member",
                                   "there was no one member called " + printable(name),
                                   "the beginning of an id will do"});
  const auto evidence = evidence_about(*found);
  return control::write_success(fmt::format("{} {} {} {} {}", to_text(view->session), view->version.epoch,
                                            to_text(*found), evidence ? to_hex(*evidence) : "-",
                                            printable(names_.at(*found))));
}

/// COMMAND FORMAT ARGUMENTS…
std::string Session::answer(Instant now, const control::Words& words) {
  if (words.size() < 2) return control::write_failure({Errc::usage, "usage", "no such command", {}});
  const auto& command = words.front();
  const bool is_json = words[1] == "json";
  if (command == "status" || command == "members")
    return control::write_success(words[1] == "svg"      ? report::mesh_svg(status(now))
                                  : is_json              ? MeshEvents::status(status(now)) + '\n'
                                  : command == "members" ? MeshWords::members(status(now))
                                                         : MeshWords::status(status(now)));
  if (command == "about")
    return words.size() > 2 ? about(words[2]) : control::write_failure({Errc::usage, "usage", {}, {}});
  if (!node_.member().is_member())
    return control::write_failure({Errc::peer, "not-joined", "this host is not a member yet", "wait until it is"});
  if (command == "invite") return answer_invite(words[1]);
  const auto failed = answer_to(now, command, words);
  if (!failed.empty()) return failed;
  return control::write_success(is_json ? MeshEvents::done(command) + '\n' : std::string{});
}

std::string Session::answer_invite(const std::string& format) const {
  const auto made = node_.invite();
  if (!made)
    return control::write_failure(
        {Errc::nobody_there, "no-address", "this host knows no address that others could knock at", "is it online?"});
  const auto facts = facts_of(*made);
  return control::write_success(format == "json"   ? MeshEvents::invite(facts) + '\n'
                                : format == "note" ? MeshWords::invite_note(facts.scope)
                                                   : facts.text + '\n');
}

/// Empty: done.
std::string Session::answer_to(Instant now, const std::string& command, const control::Words& words) {
  const auto argument = [&](std::size_t at) { return words.size() > at ? words[at] : std::string{}; };
  const auto host = name_of(node_.member().view()->host);
  const auto no_member = [&](const std::string& name) {
    return control::write_failure({Errc::nobody_there, "no-such-member",
                                   fmt::format("there is no one member called {}", printable(name)),
                                   "`meshctl members` lists them; the beginning of an id will do"});
  };
  const auto check = [&](const std::expected<void, mesh::Participant::CommandError>& done) {
    return done ? std::string{} : control::write_failure(not_host(host));
  };
  if (command == "send") {
    if (argument(2).empty()) {
      node_.send(now, {}, bytes_of(argument(3)));
      return {};
    }
    const auto to = member_named(argument(2));
    if (!to) return no_member(argument(2));
    node_.send(now, to, bytes_of(argument(3)));
    return {};
  }
  if (command == "kick") {
    const auto who = member_named(argument(2));
    if (!who) return no_member(argument(2));
    return check(node_.strike_out(now, *who, argument(3) == "ban" ? mesh::Departure::banned : mesh::Departure::kicked));
  }
  if (command == "lock") return check(node_.set_standing(now, mesh::Standing::locked));
  if (command == "unlock") return check(node_.set_standing(now, mesh::Standing::open));
  if (command == "end") return check(node_.end(now));
  if (command == "ready") {
    node_.set_ready(now, mesh::Wish::Kind::ready);
    return {};
  }
  if (command == "handover") {
    if (!node_.member().acts(now)) return control::write_failure(not_host(host));
    const auto heir = argument(2).empty() ? std::nullopt : member_named(argument(2));
    if (!argument(2).empty() && !heir) return no_member(argument(2));
    hand_over(now, heir);
    return {};
  }
  if (command == "leave") {
    leave(now);
    return {};
  }
  return control::write_failure({Errc::usage, "usage", "no such command: " + printable(command), {}});
}
}  // namespace natkit
