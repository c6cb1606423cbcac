#include "natkit/link/forwarder.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "natkit/base/take_front.hpp"

namespace natkit::link {
namespace {
constexpr std::string_view tcp_label = "tcp ", udp_label = "udp ", refused_word = "refused ";
constexpr std::size_t longest_place = 262;  // a name of RFC 1035, a colon and a port, in brackets
constexpr std::size_t longest_reason = 200;
/// Kinds of refusals that are told: a peer that asks for everything there is does not fill a terminal.
constexpr std::size_t most_told = 32;

/// Over UDP nothing tells that nobody listens, so one address has to be picked; "localhost" is ::1 first on many hosts
/// whose servers listen to 127.0.0.1 only.
const Endpoint& udp_target(const std::vector<Endpoint>& targets) {
  const auto v4 = std::ranges::find_if(targets, [](const Endpoint& one) { return one.address.is_v4(); });
  return v4 == targets.end() ? targets.front() : *v4;
}
}  // namespace

Forwarder::Forwarder(Config config) : config_(std::move(config)), flows_(config_.flows) {}

/// Below those that the driver names.
PipeId Forwarder::new_pipe() {
  do pipes_made_ = pipes_made_ % (static_cast<std::uint32_t>(first_accepted_pipe) - 1) + 1;
  while (streams_.contains(PipeId{pipes_made_}) || listeners_.contains(PipeId{pipes_made_}));
  return PipeId{pipes_made_};
}

void Forwarder::begin() {
  if (std::exchange(has_begun_, true)) return;
  for (const auto& listen : config_.listens) {
    for (const auto& at : listen.at) {
      if (listen.protocol == Protocol::udp) {
        udp_listeners_[flows_.listen(at, listen.to)] = at;
        continue;
      }
      const auto pipe = new_pipe();
      listeners_[pipe] = {at, listen.to};
      changes_.emplace_back(PipeListen{pipe, at});
    }
  }
}

/// The more there are, the less each may have under way; one alone as much as the link takes.
std::size_t Forwarder::window() const {
  return std::clamp(config_.most_under_way / std::max<std::size_t>(streams_.size(), 1), ForwardStream::first_window,
                    ForwardStream::most_window);
}

void Forwarder::tell_refused(Refused refused) {
  const auto key = std::tuple{refused.by, refused.protocol, refused.to, refused.why};
  if (told_.size() < most_told && told_.insert(key).second) events_.emplace_back(std::move(refused));
}

void Forwarder::refuse(Instant now, Link& link, channel::StreamId stream, Protocol protocol, std::string to,
                       std::string why) {
  const auto word = std::string{refused_word} + why;
  // Where there is no room for words, that the stream is closed has to tell enough.
  static_cast<void>(link.send(now, stream, channel::MessageKind::text, as_bytes(word)));
  link.close_stream(now, stream);
  tell_refused({Side::here, protocol, std::move(to), std::move(why)});
}

void Forwarder::handle_stream_opened(Instant now, Link& link, const channel::StreamOpened& opened) {
  const std::string_view label{opened.options.label};
  const bool is_udp = label.starts_with(udp_label);
  if (!is_udp && !label.starts_with(tcp_label)) return link.close_stream(now, opened.stream);
  const auto protocol = is_udp ? Protocol::udp : Protocol::tcp;
  const auto text = label.substr(is_udp ? udp_label.size() : tcp_label.size(), longest_place);
  const auto place = parse_place(text);
  if (!place) return refuse(now, link, opened.stream, protocol, std::string{text}, "not HOST:PORT");
  serve(now, link, opened.stream, protocol, *place);
}

void Forwarder::serve(Instant now, Link& link, channel::StreamId stream, Protocol protocol, const Place& place) {
  const auto targets = find_permitted(config_.permits, place);
  if (targets.empty()) return refuse(now, link, stream, protocol, to_text(place), std::string{not_permitted});
  if (protocol == Protocol::udp) {
    flows_.serve(now, link, stream, udp_target(targets));
  } else if (streams_.size() >= config_.most_connections) {
    return refuse(now, link, stream, protocol, to_text(place), "too many connections");
  } else {
    serve_connection(now, link, stream, place);
  }
  events_.emplace_back(Opened{.protocol = protocol, .from = {}, .to = place});
}

void Forwarder::serve_connection(Instant now, Link& link, channel::StreamId stream, const Place& place) {
  const auto pipe = new_pipe();
  const auto added = streams_.emplace(pipe, Connection{.stream = {pipe, stream, changes_}, .to = to_text(place)}).first;
  by_stream_[stream] = pipe;
  added->second.stream.connect(now + config_.connect_patience, find_permitted(config_.permits, place));
  settle(now, link, added);
}

void Forwarder::handle_pipe_accepted(Instant now, Link& link, PipeId listener, PipeId pipe, const Endpoint& remote) {
  const auto listening = listeners_.find(listener);
  if (listening == listeners_.end()) return changes_.emplace_back(PipeClose{pipe}), void();
  const auto& to = listening->second.to;
  const bool has_room = streams_.size() < config_.most_connections;
  const auto stream = has_room ? link.open_stream(now, {.label = std::string{tcp_label} + to_text(to)})
                               : std::unexpected(channel::OpenError::too_many);
  if (!stream) {
    changes_.emplace_back(PipeClose{pipe});
    return tell_refused({Side::here, Protocol::tcp, to_text(to), "too many connections"});
  }
  const auto added = streams_.emplace(pipe, Connection{.stream = {pipe, *stream, changes_}, .to = to_text(to)}).first;
  by_stream_[*stream] = pipe;
  events_.emplace_back(Opened{.protocol = Protocol::tcp, .from = remote, .to = to});
  added->second.stream.begin();
  settle(now, link, added);
}

Forwarder::Connections::iterator Forwarder::find(channel::StreamId stream) {
  const auto pipe = by_stream_.find(stream);
  return pipe == by_stream_.end() ? streams_.end() : streams_.find(pipe->second);
}

/// After everything that happens to a connection: sends what came of it, and forgets one that is over.
void Forwarder::settle(Instant now, Link& link, Connections::iterator connection) {
  auto& [pipe, it] = *connection;
  const auto before = it.stream.stream();
  if (it.stream.flush(now, link, window()) == ForwardStream::Flushed::blocked) blocked_ = pipe;
  if (before && !it.stream.stream()) by_stream_.erase(*before);
  if (auto refusal = it.stream.take_refusal())
    tell_refused({refusal->by == ForwardStream::Refusal::By::us ? Side::here : Side::there, Protocol::tcp, it.to,
                  std::move(refusal->why)});
  if (it.stream.is_over()) streams_.erase(connection);
}

void Forwarder::handle_stream_closed(Instant now, Link& link, channel::StreamId stream) {
  if (flows_.handle_stream_closed(stream)) return;
  const auto connection = find(stream);
  if (connection == streams_.end()) return;
  by_stream_.erase(stream);
  connection->second.stream.handle_stream_closed();
  settle(now, link, connection);
}

void Forwarder::handle_message(Instant now, Link& link, const channel::Message& message) {
  if (const auto connection = find(message.stream); connection != streams_.end()) {
    connection->second.stream.hear(message);
    return settle(now, link, connection);
  }
  const auto word = as_text(message.payload);
  if (message.kind == channel::MessageKind::text && word.starts_with(refused_word)) {
    if (const auto to = flows_.handle_refusal(now, link, message.stream))
      tell_refused(
          {Side::there, Protocol::udp, to_text(*to), std::string{word.substr(refused_word.size(), longest_reason)}});
    return;
  }
  flows_.hear(now, message);
}

/// Who found no room before goes last, so that everybody gets some.
void Forwarder::handle_writable(Instant now, Link& link) {
  std::vector<PipeId> order;
  for (const auto& [pipe, connection] : streams_) order.push_back(pipe);
  std::ranges::rotate(order, std::ranges::upper_bound(order, blocked_));
  for (const auto pipe : order) settle(now, link, streams_.find(pipe));
}

void Forwarder::handle_timeout(Instant now, Link& link) {
  flows_.handle_timeout(now, link);
  for (auto next = streams_.begin(); next != streams_.end();) {
    const auto connection = next++;
    const auto due = connection->second.stream.poll_timeout();
    if (!due || *due > now) continue;
    connection->second.stream.handle_timeout(now);
    settle(now, link, connection);
  }
}

void Forwarder::handle_pipe_opened(Instant now, Link& link, PipeId pipe, const Endpoint& local) {
  if (const auto listening = listeners_.find(pipe); listening != listeners_.end()) {
    events_.emplace_back(Listening{Protocol::tcp, local, listening->second.to});
  } else if (const auto connection = streams_.find(pipe); connection != streams_.end()) {
    connection->second.stream.handle_opened();
    settle(now, link, connection);
  }
}

void Forwarder::handle_pipe_read(Instant now, Link& link, PipeId pipe, ByteView piece) {
  const auto connection = streams_.find(pipe);
  if (connection == streams_.end()) return;
  connection->second.stream.handle_read(piece);
  settle(now, link, connection);
}

void Forwarder::handle_pipe_written(Instant now, Link& link, PipeId pipe) {
  const auto connection = streams_.find(pipe);
  if (connection == streams_.end()) return;
  connection->second.stream.handle_written();
  settle(now, link, connection);
}

void Forwarder::handle_pipe_failure(Instant now, Link& link, PipeId pipe, std::string_view why) {
  if (const auto listening = listeners_.find(pipe); listening != listeners_.end()) {
    events_.emplace_back(NotListening{Protocol::tcp, listening->second.at, std::string{why}});
    listeners_.erase(listening);
  } else if (const auto connection = streams_.find(pipe); connection != streams_.end()) {
    connection->second.stream.handle_failure(why);
    settle(now, link, connection);
  }
}

void Forwarder::handle_datagram(Instant now, Link& link, const Datagram& in) {
  flows_.handle_datagram(now, link, in);
  while (auto opened = flows_.poll_opened())
    events_.emplace_back(Opened{.protocol = Protocol::udp, .from = opened->from, .to = std::move(opened->to)});
}

void Forwarder::handle_socket_opened(SocketId socket, const Endpoint& local) {
  if (const auto* to = flows_.place_of(socket)) events_.emplace_back(Listening{Protocol::udp, local, *to});
}

void Forwarder::handle_socket_failure(SocketId socket, std::string_view why) {
  const auto found = udp_listeners_.find(socket);
  if (found != udp_listeners_.end()) events_.emplace_back(NotListening{Protocol::udp, found->second, std::string{why}});
}

std::optional<PipeChange> Forwarder::poll_pipe() { return take_front(changes_); }

std::optional<Forwarder::Event> Forwarder::poll_event() { return take_front(events_); }

std::optional<Instant> Forwarder::poll_timeout() const {
  auto due = flows_.poll_timeout();
  for (const auto& [pipe, connection] : streams_)
    if (const auto at = connection.stream.poll_timeout(); at && (!due || *at < *due)) due = at;
  return due;
}
}  // namespace natkit::link
