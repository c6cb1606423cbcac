#include "natkit/link/forward_flows.hpp"

#include <algorithm>

#include "natkit/base/take_front.hpp"

namespace natkit::link {
namespace {
constexpr std::size_t most_payload = 65'507;  // RFC 768 over IPv4
constexpr std::uint32_t most_sockets = 1U << 28U;
}  // namespace

SocketId ForwardFlows::new_socket() {
  return SocketId{std::to_underlying(config_.first_socket) + sockets_made_++ % most_sockets};
}

bool ForwardFlows::owns(SocketId socket) const {
  return std::to_underlying(socket) - std::to_underlying(config_.first_socket) < most_sockets;
}

SocketId ForwardFlows::listen(const Endpoint& local, Place to) {
  const auto socket = new_socket();
  listening_[socket] = std::move(to);
  changes_.emplace_back(SocketWish{.socket = socket, .local = local});
  return socket;
}

const Place* ForwardFlows::place_of(SocketId listening) const {
  const auto found = listening_.find(listening);
  return found == listening_.end() ? nullptr : &found->second;
}

ForwardFlows::Flows::const_iterator ForwardFlows::idlest() const {
  return std::ranges::min_element(flows_, {}, [](const auto& one) { return one.second.last_used; });
}

ForwardFlows::Flows::iterator ForwardFlows::find(channel::StreamId stream) {
  const auto key = by_stream_.find(stream);
  return key == by_stream_.end() ? flows_.end() : flows_.find(key->second);
}

ForwardFlows::Flow& ForwardFlows::add(Instant now, Link& link, const Key& key, channel::StreamId stream) {
  if (flows_.size() >= config_.most) close(now, link, flows_.find(idlest()->first));
  by_stream_[stream] = key;
  return flows_[key] = Flow{.stream = stream, .last_used = now};
}

/// Null where the link has no stream left.
ForwardFlows::Flow* ForwardFlows::open(Instant now, Link& link, const Key& key, const Place& to) {
  const auto stream = link.open_stream(
      now,
      {.label = "udp " + to_text(to), .ordering = channel::Ordering::unordered, .delivery = channel::MostRepeats{0}});
  if (!stream) return nullptr;
  opened_.push_back({key.second, to});
  return &add(now, link, key, *stream);
}

void ForwardFlows::serve(Instant now, Link& link, channel::StreamId stream, const Endpoint& target) {
  add(now, link, {new_socket(), target}, stream);
}

void ForwardFlows::forget(Flows::iterator flow) {
  if (flow->second.stream) by_stream_.erase(*flow->second.stream);
  const auto socket = flow->first.first;
  if (!listening_.contains(socket)) {
    std::erase_if(out_, [&](const Datagram& one) { return one.socket == socket; });  // it would open another
    changes_.emplace_back(SocketEnd{socket});
  }
  flows_.erase(flow);
}

void ForwardFlows::close(Instant now, Link& link, Flows::iterator flow) {
  if (flow->second.stream) link.close_stream(now, *flow->second.stream);
  forget(flow);
}

void ForwardFlows::handle_datagram(Instant now, Link& link, const Datagram& in) {
  const Key key{in.socket, in.remote};
  const auto found = flows_.find(key);
  auto* flow = found == flows_.end() ? nullptr : &found->second;
  if (const auto* to = place_of(in.socket); to && !flow) flow = open(now, link, key, *to);
  if (!flow || !flow->stream) return;  // on a flow's own socket nobody is heard but its target
  flow->last_used = now;
  // What finds no room is lost, as anywhere on the way.
  static_cast<void>(link.send(now, *flow->stream, channel::MessageKind::binary, in.payload));
}

bool ForwardFlows::hear(Instant now, const channel::Message& message) {
  const auto flow = find(message.stream);
  if (flow == flows_.end()) return false;
  flow->second.last_used = now;
  if (message.kind == channel::MessageKind::binary && message.payload.size() <= most_payload)
    out_.push_back({.socket = flow->first.first, .remote = flow->first.second, .payload = message.payload});
  return true;
}

bool ForwardFlows::handle_stream_closed(channel::StreamId stream) {
  const auto flow = find(stream);
  if (flow == flows_.end()) return false;
  forget(flow);
  return true;
}

std::optional<Place> ForwardFlows::handle_refusal(Instant now, Link& link, channel::StreamId stream) {
  const auto flow = find(stream);
  const auto* to = flow == flows_.end() ? nullptr : place_of(flow->first.first);
  if (!to) return std::nullopt;
  link.close_stream(now, stream);
  by_stream_.erase(stream);
  flow->second.stream.reset();
  return *to;
}

void ForwardFlows::handle_timeout(Instant now, Link& link) {
  while (!flows_.empty() && idlest()->second.last_used + config_.idle <= now)
    close(now, link, flows_.find(idlest()->first));
}

std::optional<Instant> ForwardFlows::poll_timeout() const {
  if (flows_.empty()) return std::nullopt;
  return idlest()->second.last_used + config_.idle;
}

std::optional<ForwardFlows::Opened> ForwardFlows::poll_opened() { return take_front(opened_); }
std::optional<SocketChange> ForwardFlows::poll_socket() { return take_front(changes_); }
std::optional<Datagram> ForwardFlows::poll_transmit() { return take_front(out_); }
}  // namespace natkit::link
