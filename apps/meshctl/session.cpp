#include "session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "natkit/base/note_earlier.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/base/take_front.hpp"
#include "natkit/io/machine_load.hpp"
#include "natkit/mesh/transcript.hpp"
#include "reporting.hpp"

namespace natkit {
namespace {
using report::MeshEvents;
using report::MeshWords;

constexpr PipeId control_pipe{1};
constexpr Duration watch_interval = std::chrono::seconds{1};
constexpr Duration answer_patience = std::chrono::seconds{1};  ///< for the last answers to be read
constexpr Duration hook_patience = std::chrono::seconds{5};
constexpr Duration strain_interval = std::chrono::seconds{3};
constexpr std::size_t longest_text = 4096;  ///< a line of chat
/// The router is asked once this host is a member, since writing that down may take a disk's time, and has found out
/// whether it needs a port; or after so long.
constexpr Duration port_after = std::chrono::seconds{1};

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
    case foreign_host:
      return {"another one than the host that the match named leads there",
              "somebody else has taken its place: match again, and report who that was"};
    case timeout:
      return {"nobody of " + name + " answered in time", "a longer --timeout, or see `nat-probe` on both sides"};
  }
  return {};
}
}  // namespace

Session::Session(mesh::Node& node, mesh::OwnReach& reach, cli::Output& output, const Options& options,
                 std::function<void(const std::string&)> stands)
    : node_(node), reach_(reach), output_(output), options_(options), stands_(std::move(stands)) {}

void Session::found(mesh::Settings settings, std::string password, std::optional<mesh::SessionId> id) {
  founding_ = {std::move(settings), std::move(password), id};
}

void Session::start(Instant now) {
  now_ = now;
  pipes_.push_back(PipeListenAt{.pipe = control_pipe, .path = control::socket_path(options_.session)});
  if (options_.chat) pipes_.push_back(PipeRead{standard_streams, longest_text});
  next_strain_ = now;
  port_from_ = now + port_after;
  node_.start(now);
  if (founding_) node_.found(now, founding_->settings, founding_->password, founding_->id);
  if (goal_) {
    node_.join(now, *goal_);
    output_.progress("looking for the others …");
  }
  reach_.start(now);
  look(now);
}

void Session::handle_datagram(Instant now, const Datagram& in) {
  if (mesh::OwnReach::owns(in.socket))
    reach_.handle_datagram(now, in);
  else
    node_.handle_datagram(now, in);
  look(now);
}

void Session::handle_timeout(Instant now) {
  mind_strain(now);
  node_.handle_timeout(now);
  reach_.handle_timeout(now);
  keep_exporting(now);
  mind_policy(now);
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

void Session::mind_strain(Instant now) {
  if (const auto due = poll_timeout()) strain_.woken(*due, now);
  if (!next_strain_ || now < *next_strain_) return;
  next_strain_ = now + strain_interval;
  node_.set_strain(strain_.take(now, io::run_queue_per_processor()));
}

void Session::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  node_.handle_connected(now, socket, remote);
  look(now);
}

void Session::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  if (mesh::OwnReach::owns(lost.socket))
    reach_.handle_send_failure(now, lost, why);
  else
    node_.handle_send_failure(now, lost, why);
  look(now);
}

void Session::handle_path_error(Instant now, const PathError& error) {
  if (mesh::OwnReach::owns(error.socket))
    reach_.handle_path_error(now, error);
  else
    node_.handle_path_error(now, error);
  look(now);
}

void Session::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  if (!mesh::OwnReach::owns(socket)) node_.handle_socket_opened(now, socket, local);
  look(now);
}

void Session::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  if (!mesh::OwnReach::owns(socket)) node_.handle_socket_failure(now, socket, why);  // else it is silent
  look(now);
}

void Session::handle_errand_reply(Instant now, const ErrandReply& reply) {
  reach_.handle_errand_reply(now, reply);
  look(now);
}

std::optional<SocketChange> Session::poll_socket() {
  if (auto out = node_.poll_socket()) return out;
  return reach_.poll_socket();
}

std::optional<Datagram> Session::poll_transmit() {
  if (auto out = node_.poll_transmit()) return out;
  return reach_.poll_transmit();
}

std::optional<PipeChange> Session::poll_pipe() { return take_front(pipes_); }
std::optional<Hook> Session::poll_hook() { return take_front(hooks_); }

std::optional<Instant> Session::poll_timeout() const {
  auto due = node_.poll_timeout();
  if (const auto at = reach_.poll_timeout(); at && (!due || *at < *due)) due = at;
  const auto last = askers_.empty() ? std::nullopt : last_answers_by_;
  note_earlier(due, last);
  if (is_over_) return due;
  for (const auto at : {next_watch_, next_export_, next_strain_, next_policy_}) note_earlier(due, at);
  return due;
}

void Session::stop(Instant now) {
  leave(now);
  look(now);
}

// --- what is told --------------------------------------------------------------------------------------------------

void Session::look(Instant now) {
  now_ = now;
  mind_reach(now);
  for (;;) {
    while (auto event = node_.poll_event()) events_.push_back(std::move(*event));
    if (events_.empty() || is_waiting_for_server()) break;
    tell(now, *take_front(events_));
  }
  note_view();
  mind_policy(now);
  tell_invite();
}

/// A session that is to be found at a server does not stand before that one knows of it. Until then nothing is told of
/// it and no command run for it; and if it comes to nothing, only that is told.
bool Session::is_waiting_for_server() {
  if (!founding_ || options_.as_rendezvous || is_found_) return false;
  const auto holds = [&]<class T>(std::type_identity<T>) {
    return std::ranges::any_of(events_, [](const auto& each) { return std::holds_alternative<T>(each); });
  };
  const bool is_over = holds(std::type_identity<mesh::Over>{});
  if (is_over)
    std::erase_if(events_, [](const auto& each) {
      return !std::holds_alternative<mesh::Over>(each) && !std::holds_alternative<mesh::Trouble>(each);
    });
  is_found_ = is_over || holds(std::type_identity<mesh::AtServer>{});
  return !is_found_;
}

void Session::say(const std::string& event, const std::string& words) {
  output_.answer(output_.is_json() ? event : words);
}

std::string Session::name_of(const mesh::MemberId& id) const {
  const auto found = names_.find(id);
  const auto text = to_text(id).substr(0, 8);
  return found == names_.end() || found->second.empty() ? text : found->second;
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
    if (left->cause != Departure::kicked && left->cause != Departure::banned)
      report_abort(now, left->member.self.id, to_text(left->cause));
    say(MeshEvents::member_left(to_text(left->member.self.id), left->member.self.name, to_text(left->cause)),
        MeshWords::member_left(name_of(left->member.self.id), to_text(left->cause)));
  } else if (const auto* changed = std::get_if<HostChanged>(&event)) {
    say(MeshEvents::host_changed(changed->before ? to_text(*changed->before) : std::string{}, to_text(changed->now),
                                 changed->epoch, to_text(changed->cause)),
        MeshWords::host_changed(changed->before ? name_of(*changed->before) : std::string{}, name_of(changed->now),
                                changed->epoch, to_text(changed->cause)));
  } else if (const auto* leads = std::get_if<BecameHost>(&event)) {
    begin_to_lead(leads->epoch);
  } else if (std::holds_alternative<Paused>(event)) {
    is_paused_ = true;
    say(MeshEvents::paused(), "paused: most of the others cannot be heard, so nobody leads here");
  } else if (std::holds_alternative<Resumed>(event)) {
    is_paused_ = false;
    say(MeshEvents::resumed(), "it goes on");
  } else if (const auto* struck = std::get_if<StruckOut>(&event)) {
    hear_removed(struck->cause);
  } else if (const auto* forked = std::get_if<Forked>(&event)) {
    say(MeshEvents::forked(to_text(forked->session), to_text(forked->origin)),
        "cut off from most of the others: those that are left go on by themselves");
  } else if (const auto* merged = std::get_if<Merged>(&event)) {
    say(MeshEvents::merged(to_text(merged->from)), "back among the others");
  } else if (std::holds_alternative<Ended>(event)) {
    say(MeshEvents::ended(), "the session has ended");
  } else if (const auto* received = std::get_if<Received>(&event)) {
    hear_text(*received);
  } else if (const auto* asked = std::get_if<AdmissionAsked>(&event)) {
    hear_admission_asked(now, *asked);
  } else if (const auto* offered = std::get_if<StateOffered>(&event)) {
    run_hook(Purpose::importing, options_.import_command, node_.member().id(), offered->state, {});
  } else if (const auto* left_behind = std::get_if<StateInherited>(&event)) {
    hear_inherited(*left_behind);
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
  } else if (const auto* entered = std::get_if<Entered>(&event)) {
    const bool is_by_knock = entered->by == Entered::By::knock;
    const auto way = node_.path_to(entered->member);
    const auto path = facts(way ? way->path : std::nullopt);
    if (output_.is_json())
      say(MeshEvents::entered(to_text(entered->member), is_by_knock ? "knock" : "server", path), {});
    output_.explain(cli::Verbosity::steps,
                    fmt::format("{} answered {}", path ? to_text(path->remote) : name_of(entered->member),
                                is_by_knock ? "the knock" : "by the server"));
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
  if (!options_.as_rendezvous) stands_(MeshWords::joined(known));
}

/// Once the addresses are known; again when the session can be reached by more than was said.
void Session::tell_invite() {
  if (!options_.as_rendezvous || !has_joined_ || is_over_ || !node_.hub().gathering().is_done()) return;
  const auto made = node_.invite();
  if (made && (!invited_from_ || *invited_from_ < made->scope)) {
    invited_from_ = made->scope;
    const auto facts = facts_of(*made);
    say(MeshEvents::invite(facts), "others join by: meshctl join " + facts.text);
    if (const auto note = MeshWords::invite_note(facts.scope); !note.empty()) output_.warn(note);
  }
  if (std::exchange(has_told_invite_, true)) return;
  if (!made) output_.warn("there is no invite: this host has no address that others could knock at");
  stands_(MeshWords::joined(status(now_)));
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
  std::vector<report::MeshPair> pairs;
  std::string names;
  for (std::size_t i = 0; i < refused.peers.size(); ++i) {
    const auto& peer = refused.peers[i];
    const auto need = i < refused.needs.size() ? refused.needs[i] : mesh::Need::unknown;
    peers.push_back(to_text(peer));
    pairs.push_back({to_text(node_.member().id()), peers.back(), std::string{mesh::to_text(need)}, {}});
    names += (names.empty() ? " (" : ", ") + printable(name_of(peer));
    if (const auto words = report::need_text(mesh::to_text(need)); !words.empty()) names += ": " + words;
  }
  const auto reason = mesh::to_text(refused.reason);
  if (output_.is_json()) say(MeshEvents::rejected(reason, refused.text, peers, pairs), {});
  auto [detail, advice] = words_for(refused.reason, options_.session);
  if (options_.invite && refused.reason == mesh::Refusal::timeout)
    advice = "the members that the invite names may be gone, or their NATs let no stranger in: ask for a new one";
  if (!names.empty()) detail += names + ')';
  if (!refused.text.empty()) detail += ": " + printable(refused.text);
  failure_ = output_.fail({code_of(refused.reason), std::string{reason}, detail, advice});
}

/// A host dies, members come and go: what was seen of somebody while it was there is what counts.
void Session::note_view() {
  const auto& view = node_.member().view();
  if (!view || view == seen_) return;
  seen_ = view;
  const auto seen = mesh::transcript_of(*view);
  for (const auto& member : view->members) seen_with_[member.self.id] = seen;
}

std::optional<crypto::Sha256Digest> Session::evidence_about(const mesh::MemberId& who) const {
  const auto found = seen_with_.find(who);
  return found == seen_with_.end() ? std::nullopt : std::optional{found->second};
}

/// Both sides say so, each for itself: the server compares.
void Session::report_abort(Instant now, const mesh::MemberId& who, std::string_view cause) {
  const auto& view = node_.member().view();
  if (!signer_ || !view || !players_.contains(who)) return;
  node_.report(now, signed_report({.session = to_text(view->session),
                                   .epoch = view->version.epoch,
                                   .member = to_text(who),
                                   .reason = rendezvous::Report::Reason::aborted,
                                   .text = std::string{cause},
                                   .evidence = evidence_about(who)},
                                  *signer_));
}

void Session::hear_admission_asked(Instant now, const mesh::AdmissionAsked& asked) {
  if (!players_.empty() && !players_.contains(asked.who.id))
    return node_.reject(now, asked.who.id, "not of this match");
  if (options_.admit_command.empty()) return node_.admit(now, asked.who.id);
  run_hook(Purpose::admission, options_.admit_command, asked.who.id, {}, {});
  hooks_.back().environment.emplace_back("NATKIT_NAME", asked.who.name);
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
  reach_.close(now_);
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
  if (!reply.has_succeeded() && running.purpose != Purpose::admission && running.purpose != Purpose::keeping &&
      running.purpose != Purpose::ordering)
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
    case Purpose::keeping:
      hear_export(now, reply);
      break;
    case Purpose::inheriting:
      hear_state_taken_in();
      break;
    case Purpose::ordering:
      hear_policy(reply);
      break;
    case Purpose::hosting:
      break;
  }
  look(now);
}
}  // namespace natkit
