#include "conversation.hpp"

#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "carry.hpp"
#include "forward.hpp"
#include "hand_over.hpp"
#include "measure.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/io/routes.hpp"
#include "natkit/report/punch_events.hpp"

namespace natkit {
namespace {
using report::PathKind;
using report::PunchEvents;
using report::PunchWords;

PathKind kind_of(const ice::Path& path) {
  using ice::Kind;
  if (path.is_relayed()) return PathKind::relayed;
  if (path.is_routed()) return PathKind::routed;
  if (path.local_kind == Kind::mapped || path.remote_kind == Kind::mapped) return PathKind::mapped;
  // An address that the peer sees as this host's own is no NAT's.
  return path.local_kind == Kind::host && path.remote_kind == Kind::host ? PathKind::host : PathKind::reflexive;
}

Errc code_of(link::EndReason reason) {
  switch (reason) {
    case link::EndReason::no_common_address_family:
    case link::EndReason::punch_failed:
      return Errc::no_path;
    case link::EndReason::authentication_failed:
      return Errc::refused;
    case link::EndReason::protocol_error:
      return Errc::protocol;
    default:
      return Errc::peer;
  }
}

std::string advice_for(link::EndReason reason, Options::Relay relay) {
  if (reason == link::EndReason::punch_failed)
    return relay == Options::Relay::never
               ? "allow a relay (--relay auto), or open a port on either side: `upnp-map status` says how"
               : "name a relay (--turn), or open a port on either side: `upnp-map status` says how";
  if (reason == link::EndReason::no_common_address_family)
    return "one side has only IPv4, the other only IPv6: a relay with both bridges them (--turn)";
  if (reason == link::EndReason::authentication_failed)
    return "both sides need the same secret and a server that introduces the right two";
  return "start it again on both sides";
}

constexpr std::string_view task_mark = "then=";

std::string_view to_text(Options::Then then) {
  switch (then) {
    case Options::Then::report:
      return "report";
    case Options::Then::pipe:
      return "pipe";
    case Options::Then::forward:
      return "forward";
    case Options::Then::exec:
      return "exec";
  }
  return "";
}

std::unique_ptr<Task> task_for(const Options& options, Bytes first) {
  switch (options.then) {
    case Options::Then::pipe:
      return std::make_unique<Carry>(::isatty(STDIN_FILENO) == 1 ? Carry::Input::terminal : Carry::Input::ends,
                                     std::move(first));
    case Options::Then::forward:
      return std::make_unique<Forward>(options.forwarding);
    case Options::Then::exec:
      return std::make_unique<HandOver>();
    case Options::Then::report:
      break;
  }
  return std::make_unique<Measure>(options.measure);
}
}  // namespace

Conversation::Conversation(link::Introduction& introduction, std::unique_ptr<portmap::HeldPort> mapping,
                           KnownPeers* known_peers, cli::Output& output, const Options& options)
    : introduction_(introduction),
      mapping_(std::move(mapping)),
      known_peers_(known_peers),
      output_(output),
      options_(options),
      task_(task_for(options, {})) {
  if (!options.by_hand) return;
  may_map_ = true;
  pasted_.emplace();
}

void Conversation::say(const std::string& event, const std::string& words) {
  if (output_.is_json())
    output_.answer(event);
  else if (options_.then == Options::Then::pipe)
    output_.explain(cli::Verbosity::normal, words);
  else
    output_.answer(words);
}

report::PathFacts Conversation::facts(const ice::Path& path) const {
  auto local = path.mapped;
  if (!local) local = introduction_.hub().gathering().local(path.socket);
  return {.kind = kind_of(path),
          .transport = introduction_.hub().gathering().transport(path.socket),
          .local = local,
          .remote = path.remote,
          .rtt = path.rtt};
}

bool Conversation::is_as_expected() const {
  if (options_.expect == Options::Expect::nothing || !path_) return true;
  return facts(*path_).is_direct() == (options_.expect == Options::Expect::direct);
}

std::optional<Conversation::Way> Conversation::way() const {
  if (!path_ || !path_->is_direct() || path_->protocol == Protocol::tcp) return std::nullopt;
  const auto local = introduction_.hub().gathering().local(path_->socket);
  if (!local) return std::nullopt;
  return Way{.local = *local, .remote = path_->remote, .mapped = path_->mapped, .role = role_};
}

void Conversation::tell(Instant now, link::Introduction::Event& event) {
  using link::Introduction;
  if (const auto* registered = std::get_if<Introduction::Registered>(&event)) {
    hear_registered(now, registered->at);
  } else if (const auto* candidate = std::get_if<Introduction::CandidateFound>(&event)) {
    hear_candidate(candidate->candidate);
  } else if (const auto* described = std::get_if<Introduction::Described>(&event)) {
    hear_described(now, described->text);
  } else if (const auto* found = std::get_if<Introduction::PeerFound>(&event)) {
    hear_found(now, *found);
  } else if (auto* said = std::get_if<link::Hub::LinkEvent>(&event)) {
    if (link_ == said->link) hear_link(now, said->event);
  } else if (const auto* trouble = std::get_if<Introduction::Trouble>(&event)) {
    if (output_.is_json()) say(PunchEvents::trouble(trouble->error), {});
    output_.warn(printable(trouble->error.detail));
  } else if (const auto* over = std::get_if<Introduction::Over>(&event)) {
    if (!link_) fail(now, over->error);  // otherwise the link lives without the server
  }
}

void Conversation::hear_candidate(const ice::Candidate& candidate) {
  if (candidate.transport == ice::Transport::tcp_active) return;  // nobody is reached where it connects from
  const auto kind = ice::to_text(candidate.kind);
  const auto transport = ice::protocol_of(candidate.transport);
  if (output_.is_json()) say(PunchEvents::candidate(kind, to_text(transport), candidate.endpoint), {});
  output_.explain(cli::Verbosity::steps, PunchWords::candidate(kind, transport, candidate.endpoint));
}

void Conversation::hear_registered(Instant now, const rendezvous::RegisteredAt& at) {
  may_map_ = true;
  seen_as_ = at.seen_as.address;
  if (output_.is_json()) say(PunchEvents::registered(at.server, at.seen_as, at.round_trip), {});
  output_.explain(cli::Verbosity::steps, PunchWords::registered(at.server, at.seen_as, at.round_trip));
  output_.progress("waiting for the peer …");
  if (!known_peers_) return;
  known_peers_->look_up();
  const bool may_relay = options_.relay == Options::Relay::automatic && options_.then != Options::Then::exec;
  if (!may_relay || !known_peers_->is_relay_expected()) return;
  output_.explain(cli::Verbosity::steps, PunchWords::relay_leads());
  introduction_.lead_with_relay(now);
}

/// The user has to carry it, so it is printed even where nothing else is.
void Conversation::hear_described(Instant now, const std::string& text) {
  const auto carried = options_.sdp ? text : to_one_line(text);
  if (output_.is_json()) {
    say(PunchEvents::description(carried), {});
  } else {
    output_.explain(cli::Verbosity::normal,
                    options_.sdp
                        ? "Give this to the other side, and paste here what it was given there, then an empty line:"
                        : "Give this to the other side, and paste here what it was given there:");
    output_.answer(carried);
  }
  read_wish_ = PipeRead{standard_streams};
  paste_until_ = now + options_.patience().wait;
}

void Conversation::hear_pasted(Instant now, const std::string& text) {
  const auto heard = introduction_.hear_description(now, text);
  if (!heard) return output_.warn(heard.error().detail + "; " + heard.error().advice);
  task_ = task_for(options_, pasted_->rest());
  pasted_.reset();
  paste_until_.reset();
  read_wish_.reset();
}

void Conversation::hear_found(Instant now, const link::Introduction::PeerFound& found) {
  if (link_) return;  // one is enough
  link_ = found.link;
  peer_ = found.peer;
  role_ = found.role;
  found_at_ = now;
  stage_ = Stage::connecting;
  introduction_.stop_looking(now);
  const auto* const role = role_ == ice::Role::controlling ? "controlling" : "controlled";
  const report::PeerFacts facts{.name = peer_, .role = role, .address = found.address, .own = seen_as_};
  say(PunchEvents::peer_found(facts), PunchWords::peer_found(facts));
  if (found.address) peer_address_ = found.address->address;
  recall_peer();
  output_.explain(cli::Verbosity::steps, PunchWords::sending());
}

void Conversation::recall_peer() {
  if (!known_peers_ || !peer_address_) return;
  relayed_ago_ = known_peers_->relayed_ago(*peer_address_);
  if (!relayed_ago_ || output_.is_json()) return;
  const bool has_relay =
      std::ranges::any_of(introduction_.hub().gathering().candidates(),
                          [](const ice::LocalCandidate& one) { return one.candidate.kind == ice::Kind::relayed; });
  say({}, PunchWords::remembered(*relayed_ago_, has_relay ? PunchWords::Relay::at_hand : PunchWords::Relay::unknown));
}

/// That a direct path was looked for in vain can be said when it was looked for as long as it is where there is no
/// relay, and while the peer was there. What was not allowed to be tried is not said to have failed.
void Conversation::draw_lesson(Instant now) {
  if (!known_peers_ || !peer_address_ || !path_) return;
  const auto tried_until = found_at_ + ice::natkit_timing().patience;
  const bool was_all_tried = options_.relay == Options::Relay::automatic &&
                             options_.transport == Options::Transport::any && options_.then != Options::Then::exec;
  if (had_direct_path_)
    lesson_ = Lesson{.what = Lesson::What::has_direct_path, .peer = *peer_address_, .at = now};
  else if (was_all_tried && !error_ && tried_until <= now)
    lesson_ = Lesson{.what = Lesson::What::only_relayed, .peer = *peer_address_, .at = tried_until};
}

void Conversation::hear_path(Instant now, const ice::Path& path) {
  path_ = path;
  const auto way = facts(path);
  had_direct_path_ |= way.is_direct();
  if (output_.is_json()) say(PunchEvents::path(way), {});
  say(PunchEvents::connected(way, now - found_at_, relayed_ago_), PunchWords::connected(way, now - found_at_));
  if (link()->has_channel()) return task_->prepare();
  output_.explain(cli::Verbosity::steps, "the peer shows no certificate, so nothing but this path can come of it");
  watch_until_ = now + options_.measure;
}

void Conversation::hear_path_change(const ice::Path& before, const ice::Path& path) {
  path_ = path;
  const auto was = facts(before), is = facts(path);
  had_direct_path_ |= is.is_direct();
  const auto words = PunchWords::upgraded(is);
  // That another socket of ours is used is nobody's concern but a fault finder's.
  const bool is_other_way =
      was.kind != is.kind || was.transport != is.transport || was.remote.address != is.remote.address;
  if (output_.is_json() || is_other_way)
    say(PunchEvents::upgraded(was, is), words);
  else
    output_.explain(cli::Verbosity::details, words);
}

void Conversation::hear_link(Instant now, link::Link::Event& event) {
  using link::Link;
  if (const auto* connected = std::get_if<Link::Connected>(&event)) {
    hear_path(now, connected->path);
  } else if (const auto* changed = std::get_if<Link::PathChanged>(&event)) {
    hear_path_change(changed->before, changed->path);
  } else if (const auto* lost = std::get_if<Link::PathLost>(&event)) {
    say(PunchEvents::lost(facts(lost->path)), PunchWords::lost());
  } else if (std::holds_alternative<Link::Secured>(event)) {
    hear_secured(now);
  } else if (auto* message = std::get_if<channel::Message>(&event)) {
    hear_message(now, std::move(*message));
  } else if (std::holds_alternative<channel::WritableAgain>(event)) {
    if (stage_ == Stage::working) task_->handle_writable(now, *link());
  } else if (const auto* opened = std::get_if<channel::StreamOpened>(&event)) {
    if (stage_ == Stage::working) task_->handle_stream_opened(now, *link(), *opened);
  } else if (const auto* closed = std::get_if<channel::StreamClosed>(&event)) {
    if (stage_ == Stage::working) task_->handle_stream_closed(now, *link(), closed->stream);
  } else if (const auto* ended = std::get_if<Link::Ended>(&event)) {
    hear_end(*ended);
    finish(now);
  }
}

/// Both say what they are going to do with it, so that nobody waits for a thing that the other side does not do.
void Conversation::hear_secured(Instant now) {
  if (output_.is_json()) say(PunchEvents::secured(peer_, now - found_at_), {});
  output_.explain(cli::Verbosity::steps, PunchWords::secured());
  stage_ = Stage::working;
  static_cast<void>(link()->open_agreed_stream(control_stream, {}));
  const auto words = std::string{task_mark}.append(to_text(options_.then));
  static_cast<void>(link()->send(now, control_stream, channel::MessageKind::text, Bytes(words.begin(), words.end())));
  if (task_->needs_peer_ready()) peer_speaks_by_ = now + options_.patience().timeout;
  task_->begin(now, *link());
}

void Conversation::hear_message(Instant now, channel::Message message) {
  if (stage_ != Stage::working) return;
  const std::string_view words{reinterpret_cast<const char*>(message.payload.data()), message.payload.size()};
  if (message.stream == control_stream && words.starts_with(task_mark))
    hear_peers_task(now, words.substr(task_mark.size()));
  else
    task_->hear(now, *link(), std::move(message));
}

void Conversation::hear_peers_task(Instant now, std::string_view task) {
  peer_speaks_by_.reset();
  if (task == to_text(options_.then)) return task_->handle_peer_ready(now, *link());
  fail(now, {.code = Errc::refused,
             .reason = "rejected",
             .detail = "the peer was started with --then " + printable(task) + ", this side with --then " +
                       std::string{to_text(options_.then)},
             .advice = "use the same on both sides"});
}

void Conversation::hear_remark(const Remark& remark) {
  if (remark.weight == Remark::Weight::step) return output_.explain(cli::Verbosity::steps, remark.words);
  if (remark.weight == Remark::Weight::answer || output_.is_json()) say(remark.event, remark.words);
  if (remark.weight == Remark::Weight::warning) output_.warn(remark.words);
}

void Conversation::hear_end(const link::Link::Ended& ended) {
  const bool is_in_order = ended.reason == link::EndReason::closed || ended.reason == link::EndReason::closed_by_peer;
  if (stage_ == Stage::over || (is_in_order && stage_ == Stage::working && task_->may_end())) return;
  const bool has_left = ended.reason == link::EndReason::closed_by_peer;
  error_ = Error{.code = code_of(ended.reason),
                 .reason = has_left ? "connection-to-target-lost" : std::string{link::to_text(ended.reason)},
                 .detail = is_in_order ? "the peer ended before all was done" : ended.detail,
                 .advice = advice_for(ended.reason, options_.relay)};
}

void Conversation::fail(Instant now, Error error) {
  if (!error_) error_ = std::move(error);
  finish(now);
}

/// Tells what came of it, then lets go of everything in order; a port that goes to a program is left without a word.
void Conversation::finish(Instant now) {
  if (std::exchange(stage_, Stage::over) == Stage::over) return;
  watch_until_.reset();
  paste_until_.reset();
  peer_speaks_by_.reset();
  if (!error_ && path_) {
    if (const auto quality = task_->quality())
      say(PunchEvents::quality(facts(*path_), *quality), PunchWords::quality(facts(*path_), *quality));
    if (output_.is_json()) say(PunchEvents::closed("closed", {}), {});
  }
  if (!error_ && options_.then == Options::Then::exec && link_) introduction_.drop(*link_);
  if (error_) failure_ = output_.fail(*error_);  // now: to close in order may take a moment
  close(now);
}

void Conversation::close(Instant now) {
  draw_lesson(now);
  introduction_.close(now);
  if (mapping_) mapping_->close(now);
}

/// Asked for as soon as it is certain that a peer can come; whatever comes of it comes late, and is told to the peer
/// like any other candidate.
void Conversation::look_at_mapping(Instant now) {
  if (!mapping_) return;
  using portmap::HeldPort;
  if (!has_asked_router_ && may_map_ && stage_ != Stage::over)
    if (const auto internal = introduction_.hub().gathering().first_base(Family::ipv4);
        internal && !internal->address.is_loopback()) {
      has_asked_router_ = true;
      // Who names a port wants to be reached at just that one.
      mapping_->ask(now, io::default_routes(), internal->port,
                    options_.local_port != 0 ? HeldPort::At::same : HeldPort::At::another);
    }
  while (const auto event = mapping_->poll_event(now)) {
    if (const auto* refused = std::get_if<HeldPort::Refused>(&*event)) {
      output_.explain(cli::Verbosity::steps, "the router opens no port: " + printable(refused->why));
    } else if (const auto& grant = std::get<HeldPort::Granted>(*event).grant;
               grant.external.address.is_private() || grant.external.address.is_shared()) {
      output_.explain(cli::Verbosity::steps, "the router has opened " + to_text(grant.external) +
                                                 ", which is not public: another NAT stands behind it");
    } else {
      introduction_.add_mapped(now, grant.external);
    }
  }
}

void Conversation::work(Instant now) {
  if (paste_until_ && *paste_until_ <= now)
    return fail(now, {.code = Errc::peer,
                      .reason = "target-not-connected",
                      .detail = "nothing that describes the peer was pasted within the time that was given",
                      .advice = "paste what punch printed at the other side, or wait longer with --wait"});
  if (watch_until_ && *watch_until_ <= now) return finish(now);
  if (peer_speaks_by_ && *peer_speaks_by_ <= now)
    return fail(now, {.code = Errc::peer,
                      .reason = "target-unresponsive",
                      .detail = "the peer is connected, and does not say what it does with the connection",
                      .advice = "use punch with --then " + std::string{to_text(options_.then)} + " on both sides"});
  if (stage_ != Stage::working || !link()) return;
  if (const auto due = task_->poll_timeout(); due && *due <= now) task_->handle_timeout(now, *link());
  while (const auto remark = task_->poll_remark()) hear_remark(*remark);
  if (auto error = task_->error()) return fail(now, std::move(*error));
  if (task_->is_done()) finish(now);
}

void Conversation::look(Instant now) {
  // While standard output is slow the peer's bytes stay where they are, and so slow the peer down. In the end nobody
  // wants them any more, and the peer has to be rid of them before it can take its leave.
  while (stage_ == Stage::over || !task_->is_busy()) {
    auto event = introduction_.poll_event(now);
    if (!event) break;
    tell(now, *event);
  }
  look_at_mapping(now);
  work(now);
  introduction_.flush(now);
}

void Conversation::stop(Instant now) {
  stage_ = Stage::over;
  paste_until_.reset();
  watch_until_.reset();
  peer_speaks_by_.reset();
  close(now);
  look(now);
}

std::optional<PipeChange> Conversation::poll_pipe() {
  if (read_wish_) return PipeChange{*std::exchange(read_wish_, std::nullopt)};
  return is_underway() ? task_->poll_pipe() : std::nullopt;
}

std::optional<SocketChange> Conversation::poll_socket() {
  if (auto out = introduction_.poll_socket()) return out;
  if (mapping_)
    if (auto out = mapping_->poll_socket()) return out;
  return stage_ == Stage::working ? task_->poll_socket() : std::nullopt;
}

std::optional<Datagram> Conversation::poll_transmit() {
  if (auto out = introduction_.poll_transmit()) return out;
  if (mapping_)
    if (auto out = mapping_->poll_transmit()) return out;
  return stage_ == Stage::working ? task_->poll_transmit() : std::nullopt;
}

std::optional<Instant> Conversation::poll_timeout() const {
  auto due = introduction_.poll_timeout();
  const auto note = [&](std::optional<Instant> at) {
    if (at && (!due || *at < *due)) due = at;
  };
  note(watch_until_);
  note(paste_until_);
  note(peer_speaks_by_);
  if (mapping_) note(mapping_->poll_timeout());
  if (stage_ == Stage::working) note(task_->poll_timeout());
  return due;
}

void Conversation::start(Instant now) {
  output_.progress("gathering addresses …");
  introduction_.start(now);
  look(now);
}
void Conversation::handle_datagram(Instant now, const Datagram& in) {
  if (portmap::HeldPort::owns(in.socket))
    mapping_->handle_datagram(now, in);
  else if (!task_->owns(in.socket))
    introduction_.handle_datagram(now, in);
  else if (is_working())
    task_->handle_datagram(now, *link(), in);
  look(now);
}
void Conversation::handle_timeout(Instant now) {
  if (const auto due = introduction_.poll_timeout(); due && *due <= now) introduction_.handle_timeout(now);
  if (mapping_) mapping_->handle_timeout(now);
  look(now);
}
void Conversation::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  introduction_.handle_connected(now, socket, remote);
  look(now);
}
void Conversation::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  // A datagram of the task's is lost, as anywhere on the way.
  if (!portmap::HeldPort::owns(lost.socket) && !task_->owns(lost.socket))
    introduction_.handle_send_failure(now, lost, why);
  look(now);
}
void Conversation::handle_path_error(Instant now, const PathError& error) {
  if (portmap::HeldPort::owns(error.socket))
    mapping_->handle_path_error(now, error);
  else
    introduction_.handle_path_error(now, error);
  look(now);
}
void Conversation::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  if (task_->owns(socket))
    task_->handle_socket_opened(socket, local);
  else if (!portmap::HeldPort::owns(socket))
    introduction_.handle_socket_opened(now, socket, local);
  look(now);
}
void Conversation::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  if (task_->owns(socket))
    task_->handle_socket_failure(socket, why);
  else if (!portmap::HeldPort::owns(socket))
    introduction_.handle_socket_failure(now, socket, why);
  look(now);
}
void Conversation::handle_errand_reply(Instant now, const ErrandReply& reply) {
  if (mapping_) mapping_->handle_errand_reply(now, reply);
  look(now);
}
void Conversation::handle_pipe_read(Instant now, PipeId pipe, ByteView piece) {
  if (pasted_) {
    auto text = piece.empty() ? pasted_->take_at_end() : pasted_->take(piece);
    for (; text && pasted_; text = pasted_ ? pasted_->take({}) : std::nullopt) hear_pasted(now, *text);
    if (pasted_ && piece.empty())
      fail(now, {.code = Errc::usage,
                 .reason = "bad-description",
                 .detail = "standard input ended before a description of the peer came",
                 .advice = "paste what punch printed at the other side"});
    else if (pasted_)
      read_wish_ = PipeRead{standard_streams};
  } else if (is_underway()) {
    task_->handle_read(now, *link(), pipe, piece);
  }
  look(now);
}
void Conversation::handle_pipe_written(Instant now, PipeId pipe) {
  if (link()) task_->handle_written(now, *link(), pipe);
  look(now);
}
void Conversation::handle_pipe_opened(Instant now, PipeId pipe, const Endpoint& local) {
  if (is_working()) task_->handle_pipe_opened(now, *link(), pipe, local);
  look(now);
}
void Conversation::handle_pipe_accepted(Instant now, PipeId listener, PipeId pipe, const Endpoint& remote) {
  if (is_working()) task_->handle_pipe_accepted(now, *link(), listener, pipe, remote);
  look(now);
}
void Conversation::handle_pipe_failure(Instant now, PipeId pipe, std::string_view why) {
  if (pipe != standard_streams) {
    if (is_working()) task_->handle_pipe_failure(now, *link(), pipe, why);
    return look(now);
  }
  fail(now, {.code = Errc::usage,
             .reason = "output-failed",
             .detail = "cannot write to standard output: " + std::string{why},
             .advice = "whoever read it is gone, or the disk is full"});
}
}  // namespace natkit
