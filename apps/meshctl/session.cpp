#include "session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/base/take_front.hpp"

namespace natkit {
namespace {
using report::MeshEvents;
using report::MeshWords;

constexpr PipeId control_pipe{1};
constexpr Duration watch_interval = std::chrono::seconds{1};
constexpr Duration answer_patience = std::chrono::seconds{1};  ///< for the last answers to be read
constexpr Duration hook_patience = std::chrono::seconds{5};
constexpr std::size_t longest_text = 4096;  ///< a line of chat

report::PathKind kind_of(const ice::Path& path) {
  using report::PathKind;
  if (path.is_routed()) return PathKind::routed;
  if (path.is_relayed()) return PathKind::relayed;
  if (path.local_kind == ice::Kind::mapped || path.remote_kind == ice::Kind::mapped) return PathKind::mapped;
  return path.local_kind == ice::Kind::host && path.remote_kind == ice::Kind::host ? PathKind::host
                                                                                   : PathKind::reflexive;
}

std::string without_line_end(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  return std::string{text};
}

std::string_view to_text(mesh::Departure cause) {
  switch (cause) {
    case mesh::Departure::left:
      return "left";
    case mesh::Departure::crashed:
      return "crashed";
    case mesh::Departure::lost:
      return "lost";
    case mesh::Departure::kicked:
      return "kicked";
    case mesh::Departure::banned:
      return "banned";
  }
  return "";
}

std::string_view to_text(mesh::HostChanged::Cause cause) {
  using enum mesh::HostChanged::Cause;
  switch (cause) {
    case founded:
      return "founded";
    case joined:
      return "joined";
    case handed_over:
      return "handed-over";
    case left:
      return "left";
    case crashed:
      return "crashed";
    case lost:
      return "lost";
  }
  return "";
}

Errc code_of(mesh::Refusal reason) {
  using enum mesh::Refusal;
  switch (reason) {
    case not_found:
    case ended:
      return Errc::nobody_there;
    case version_mismatch:
      return Errc::protocol;
    case not_all_reached:
      return Errc::no_path;
    case host_lost:
    case no_host:
    case timeout:
      return Errc::peer;
    default:
      return Errc::refused;
  }
}

std::pair<std::string, std::string> words_for(mesh::Refusal reason, const std::string& session) {
  using enum mesh::Refusal;
  const auto name = printable(session);
  switch (reason) {
    case locked:
      return {name + " is locked", "its host may unlock it: `meshctl unlock`"};
    case full:
      return {name + " is full", "wait until somebody leaves, or ask for a larger --max when it is created"};
    case banned:
      return {"this host was banned from " + name, ""};
    case wrong_password:
      return {"the password of " + name + " is another one", "--password-file names the file that holds it"};
    case version_mismatch:
      return {name + " is run by another version of meshctl", "all members need the same one"};
    case not_all_reached:
      return {"not every member of " + name + " could be reached",
              "a member with an open port and --relay-for-others would carry packets for such pairs (--mesh routed)"};
    case rejected:
      return {"the host of " + name + " did not admit this member", ""};
    case host_lost:
    case no_host:
      return {"the host of " + name + " was lost, and nobody took its place in time", "try again"};
    case not_found:
    case ended:
      return {"there is no session " + name + " at this server",
              "check the spelling and --game; `meshctl list` shows the ones that are listed"};
    case timeout:
      return {"nobody of " + name + " answered in time", "a longer --timeout, or see `nat-probe` on both sides"};
  }
  return {};
}
}  // namespace

Session::Session(mesh::Node& node, cli::Output& output, const Options& options,
                 std::function<void(const std::string&)> stands)
    : node_(node), output_(output), options_(options), stands_(std::move(stands)) {}

void Session::found(mesh::Settings settings, std::string password) {
  founding_ = {std::move(settings), std::move(password)};
}

void Session::start(Instant now) {
  now_ = now;
  pipes_.push_back(PipeListenAt{.pipe = control_pipe, .path = control::socket_path(options_.session)});
  if (options_.chat) pipes_.push_back(PipeRead{standard_streams, longest_text});
  node_.start(now);
  if (founding_) node_.found(now, founding_->settings, founding_->password);
  if (goal_) {
    node_.join(now, *goal_);
    output_.progress("looking for the others …");
  }
  look(now);
}

void Session::handle_datagram(Instant now, const Datagram& in) {
  node_.handle_datagram(now, in);
  look(now);
}

void Session::handle_timeout(Instant now) {
  node_.handle_timeout(now);
  if (last_answers_by_ && *last_answers_by_ <= now) askers_.clear();
  if (next_watch_ && *next_watch_ <= now) {
    next_watch_.reset();
    for (auto& [pipe, asker] : askers_)
      if (asker.watches && asker.is_answered) {
        const auto text = watched(now, asker);
        pipes_.push_back(PipeWrite{pipe, Bytes(text.begin(), text.end())});
        next_watch_ = now + watch_interval;
      }
  }
  look(now);
}

void Session::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  node_.handle_connected(now, socket, remote);
  look(now);
}

void Session::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  node_.handle_send_failure(now, lost, why);
  look(now);
}

void Session::handle_path_error(Instant now, const PathError& error) {
  node_.handle_path_error(now, error);
  look(now);
}

void Session::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  node_.handle_socket_opened(now, socket, local);
  look(now);
}

void Session::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  node_.handle_socket_failure(now, socket, why);
  look(now);
}

std::optional<PipeChange> Session::poll_pipe() { return take_front(pipes_); }
std::optional<Hook> Session::poll_hook() { return take_front(hooks_); }

std::optional<Instant> Session::poll_timeout() const {
  auto due = node_.poll_timeout();
  const auto last = askers_.empty() ? std::nullopt : last_answers_by_;
  if (last && (!due || *last < *due)) due = last;
  if (is_over_) return due;
  if (next_watch_ && (!due || *next_watch_ < *due)) due = next_watch_;
  return due;
}

void Session::stop(Instant now) {
  leave(now);
  look(now);
}

// --- what is told --------------------------------------------------------------------------------------------------

void Session::look(Instant now) {
  now_ = now;
  while (const auto event = node_.poll_event()) tell(now, *event);
}

void Session::say(const std::string& event, const std::string& words) {
  output_.answer(output_.is_json() ? event : words);
}

std::string Session::name_of(const mesh::MemberId& id) const {
  const auto found = names_.find(id);
  const auto text = to_text(id).substr(0, 8);
  return found == names_.end() || found->second.empty() ? text : found->second;
}

std::optional<report::PathFacts> Session::facts(const std::optional<ice::Path>& path) const {
  if (!path) return std::nullopt;
  const auto& gathering = node_.hub().gathering();
  auto local = path->mapped;
  if (!local && !path->is_routed()) local = gathering.local(path->socket);
  return report::PathFacts{.kind = kind_of(*path),
                           .transport = path->is_routed() ? Protocol::udp : gathering.transport(path->socket),
                           .local = local,
                           .remote = path->remote,
                           .rtt = path->rtt};
}

report::MeshStatus Session::status(Instant now) const {
  const auto& member = node_.member();
  const auto& view = member.view();
  report::MeshStatus status{.name = options_.session, .state = is_over_ ? "over" : "joining", .server = server_};
  status.carried_bytes = node_.carried_bytes();
  if (!view) return status;
  status.session = to_text(view->session);
  status.name = view->settings.name;
  status.host = to_text(view->host);
  status.epoch = view->version.epoch;
  status.sequence = view->version.sequence;
  status.most = view->settings.most;
  status.is_locked = view->settings.standing == mesh::Standing::locked;
  status.state = is_paused_ ? "paused" : member.acts(now) ? "host" : "member";
  for (const auto& each : view->members) {
    const auto path = node_.path_to(each.self.id);
    const auto rank = std::ranges::find(view->succession, each.self.id);
    report::MeshMember known{.id = to_text(each.self.id),
                             .name = each.self.name,
                             .number = each.number,
                             .is_self = each.self.id == member.id(),
                             .is_host = each.self.id == view->host,
                             .is_voter = each.is_voter,
                             .is_ready = each.is_ready};
    if (rank != view->succession.end() && !known.is_host)
      known.rank = static_cast<unsigned>(rank - view->succession.begin()) + 1;
    if (path) {
      known.path = facts(path->path);
      if (path->via) known.via = to_text(*path->via);
    }
    known.score = mesh::score_of(member.aptitude_of(now, each.self.id), view->members.size()).total;
    status.members.push_back(std::move(known));
  }
  return status;
}

void Session::tell(Instant now, const mesh::NodeEvent& event) {
  using namespace mesh;
  if (const auto* joined = std::get_if<Joined>(&event)) {
    for (const auto& member : joined->view->members) names_[member.self.id] = member.self.name;
    hear_joined();
  } else if (const auto* refused = std::get_if<NotJoined>(&event)) {
    hear_refused(*refused);
  } else if (const auto* came = std::get_if<MemberJoined>(&event)) {
    names_[came->member.self.id] = came->member.self.name;
    const auto& view = node_.member().view();
    say(MeshEvents::member_joined(to_text(came->member.self.id), came->member.self.name),
        MeshWords::member_joined(name_of(came->member.self.id), view ? view->members.size() : 0));
  } else if (const auto* left = std::get_if<MemberLeft>(&event)) {
    say(MeshEvents::member_left(to_text(left->member.self.id), left->member.self.name, to_text(left->cause)),
        MeshWords::member_left(name_of(left->member.self.id), to_text(left->cause)));
  } else if (const auto* changed = std::get_if<HostChanged>(&event)) {
    say(MeshEvents::host_changed(changed->before ? to_text(*changed->before) : std::string{}, to_text(changed->now),
                                 changed->epoch, to_text(changed->cause)),
        MeshWords::host_changed(changed->before ? name_of(*changed->before) : std::string{}, name_of(changed->now),
                                changed->epoch, to_text(changed->cause)));
  } else if (const auto* leads = std::get_if<BecameHost>(&event)) {
    if (output_.is_json()) say(MeshEvents::became_host(leads->epoch), {});
    output_.explain(cli::Verbosity::steps, fmt::format("this host leads and acts in epoch {}", leads->epoch));
    if (!options_.on_host_command.empty())
      run_hook(Purpose::hosting, options_.on_host_command, node_.member().id(), {}, {});
  } else if (std::holds_alternative<Paused>(event)) {
    is_paused_ = true;
    say(MeshEvents::paused(), "paused: most of the others cannot be heard, so nobody leads here");
  } else if (std::holds_alternative<Resumed>(event)) {
    is_paused_ = false;
    say(MeshEvents::resumed(), "it goes on");
  } else if (const auto* struck = std::get_if<StruckOut>(&event)) {
    hear_removed(struck->cause);
  } else if (std::holds_alternative<Ended>(event)) {
    say(MeshEvents::ended(), "the session has ended");
  } else if (const auto* received = std::get_if<Received>(&event)) {
    hear_text(*received);
  } else if (const auto* asked = std::get_if<AdmissionAsked>(&event)) {
    run_hook(Purpose::admission, options_.admit_command, asked->who.id, {}, {});
    if (!hooks_.empty()) hooks_.back().environment.emplace_back("NATKIT_NAME", asked->who.name);
  } else if (const auto* offered = std::get_if<StateOffered>(&event)) {
    run_hook(Purpose::importing, options_.import_command, node_.member().id(), offered->state, {});
  } else if (std::holds_alternative<AllReady>(event)) {
    say(MeshEvents::all_ready(), "all are ready");
  } else if (const auto* link = std::get_if<LinkChanged>(&event)) {
    const auto way = facts(link->path);
    const auto via = link->via ? to_text(*link->via) : std::string{};
    if (output_.is_json()) say(MeshEvents::link(to_text(link->peer), way, via), {});
    output_.explain(cli::Verbosity::steps,
                    MeshWords::link(name_of(link->peer), way, link->via ? name_of(*link->via) : std::string{}));
  } else if (const auto* at = std::get_if<AtServer>(&event)) {
    server_ = at->at.server;
    if (output_.is_json()) say(MeshEvents::registered(at->at.server), {});
    output_.explain(cli::Verbosity::steps, "registered at " + to_text(at->at.server));
  } else if (const auto* trouble = std::get_if<Trouble>(&event)) {
    if (trouble->error.reason == "server-unreachable") server_.reset();
    if (output_.is_json()) say(MeshEvents::trouble(trouble->error), {});
    output_.warn(printable(trouble->error.detail));
  } else if (const auto* over = std::get_if<Over>(&event)) {
    hear_over(*over);
  }
  static_cast<void>(now);
}

void Session::hear_joined() {
  is_paused_ = false;
  const auto known = status(now_);
  say(MeshEvents::joined(known), MeshWords::joined(known));
  if (std::exchange(has_joined_, true)) return;
  stands_(MeshWords::joined(known));
}

void Session::hear_removed(mesh::Departure cause) {
  using mesh::Departure;
  say(MeshEvents::removed(to_text(cause)),
      cause == Departure::lost   ? "the others took this host for lost; joining again"
      : cause == Departure::left ? "cut off from most of the others for too long: left, as --partition leave says"
                                 : "this host was thrown out");
  if (cause == Departure::left)
    failure_ = output_.fail({Errc::peer, "partitioned", "cut off from most of the others for too long", "join again"});
  else if (cause != Departure::lost)
    failure_ = output_.fail({Errc::refused, std::string{to_text(cause)}, "thrown out of the session", {}});
}

void Session::hear_refused(const mesh::NotJoined& refused) {
  std::vector<std::string> peers;
  std::string names;
  for (const auto& peer : refused.peers) {
    peers.push_back(to_text(peer));
    names += (names.empty() ? " (" : ", ") + printable(name_of(peer));
  }
  const auto reason = mesh::to_text(refused.reason);
  if (output_.is_json()) say(MeshEvents::rejected(reason, refused.text, peers), {});
  auto [detail, advice] = words_for(refused.reason, options_.session);
  if (!names.empty()) detail += names + ')';
  if (!refused.text.empty()) detail += ": " + printable(refused.text);
  failure_ = output_.fail({code_of(refused.reason), std::string{reason}, detail, advice});
}

void Session::hear_text(const mesh::Received& received) {
  const auto text = as_text(received.bytes);
  if (output_.is_json())
    say(MeshEvents::message(to_text(received.from), name_of(received.from), text), {});
  else
    output_.answer(fmt::format("{}: {}", printable(name_of(received.from)), printable(text)));
}

void Session::hear_over(const mesh::Over& over) {
  is_over_ = true;
  if (over.error && !failure_) failure_ = output_.fail(*over.error);
  // Who was answered still has to read it.
  std::erase_if(askers_, [&](const auto& each) {
    const bool is_read = !each.second.is_answered || each.second.watches;
    if (is_read) pipes_.push_back(PipeClose{each.first});
    return is_read;
  });
  if (!askers_.empty()) last_answers_by_ = now_ + answer_patience;
  pipes_.push_back(PipeClose{control_pipe});
  if (options_.chat) pipes_.push_back(PipeClose{standard_streams});
}

// --- the user's commands -------------------------------------------------------------------------------------------

void Session::run_hook(Purpose purpose, const std::string& command, const mesh::MemberId& member, Bytes input,
                       std::function<void(Instant, Bytes)> then) {
  const HookId id{++hooks_made_};
  const auto& view = node_.member().view();
  running_[id] = {purpose, member, std::move(then)};
  hooks_.push_back({.id = id,
                    .command = command,
                    .environment = {{"NATKIT_SESSION", options_.session},
                                    {"NATKIT_MEMBER", to_text(member)},
                                    {"NATKIT_EPOCH", std::to_string(view ? view->version.epoch : 0)}},
                    .input = std::move(input),
                    .allowance = hook_patience,
                    .most_output = mesh::most_state_bytes});
}

void Session::handle_hook_reply(Instant now, const HookReply& reply) {
  const auto found = running_.find(reply.id);
  if (found == running_.end()) return;
  const auto running = std::move(found->second);
  running_.erase(found);
  if (!reply.has_succeeded() && running.purpose != Purpose::admission)
    output_.warn("a command failed: " + printable(reply.complaint));
  switch (running.purpose) {
    case Purpose::admission:
      if (reply.has_succeeded())
        node_.admit(now, running.member);
      else
        node_.reject(now, running.member, without_line_end(as_text(reply.output)));
      break;
    case Purpose::importing:
      // Who could not take the state over does not lead: the host asks the next one.
      if (reply.has_succeeded()) node_.take_over(now);
      break;
    case Purpose::exporting:
      if (running.then) running.then(now, reply.has_succeeded() ? reply.output : Bytes{});
      break;
    case Purpose::hosting:
      break;
  }
  look(now);
}

void Session::leave(Instant now) {
  if (std::exchange(is_leaving_, true)) return;
  if (node_.member().acts(now) && !options_.export_command.empty())
    return run_hook(Purpose::exporting, options_.export_command, node_.member().id(), {},
                    [this](Instant then, Bytes state) { node_.leave(then, std::move(state)); });
  node_.leave(now);
}

void Session::hand_over(Instant now, std::optional<mesh::MemberId> heir) {
  const auto give = [this, heir](Instant then, Bytes state) {
    if (!node_.hand_over(then, heir, std::move(state))) output_.warn("nobody could take over");
  };
  if (options_.export_command.empty()) return give(now, {});
  run_hook(Purpose::exporting, options_.export_command, node_.member().id(), {}, give);
}
}  // namespace natkit
