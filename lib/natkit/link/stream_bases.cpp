#include "natkit/link/stream_bases.hpp"

#include <algorithm>
#include <utility>

#include "natkit/base/take_front.hpp"

namespace natkit::link {
namespace {
// STUN answers of any server are well below that.
constexpr std::size_t longest_answer = 1500;
}  // namespace

void StreamBases::start() {
  auto next = std::to_underlying(config_.first_socket);
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    if (std::ranges::find(config_.addresses, family, &IpAddress::family) == config_.addresses.end()) continue;
    for (const auto transport : {ice::Transport::tcp_active, ice::Transport::tcp_passive, ice::Transport::tcp_so}) {
      const Base base{.socket = SocketId{next++},
                      .family = family,
                      .transport = transport,
                      .wished_port = transport == ice::Transport::tcp_passive ? config_.port : std::uint16_t{0}};
      bases_.push_back(base);
      wish(base);
    }
  }
}

void StreamBases::wish(const Base& base) {
  const auto role = base.transport == ice::Transport::tcp_active ? TcpRole::connects : TcpRole::meets;
  changes_.emplace_back(SocketWish{.socket = base.socket,
                                   .protocol = Protocol::tcp,
                                   .local = {IpAddress::any(base.family), base.wished_port},
                                   .role = role,
                                   .overflow = Overflow::drops});
  ++opening_;
}

void StreamBases::close() {
  for (const auto& base : bases_) changes_.emplace_back(SocketEnd{base.socket});
  bases_.clear();
  connections_.clear();
  outgoing_.clear();
  opening_ = 0;
}

bool StreamBases::owns(SocketId socket) const {
  const auto first = std::to_underlying(config_.first_socket);
  return std::to_underlying(socket) >= first && std::to_underlying(socket) < first + sockets;
}

StreamBases::Base* StreamBases::find(SocketId socket) {
  const auto found = std::ranges::find(bases_, socket, &Base::socket);
  return found == bases_.end() ? nullptr : &*found;
}

const StreamBases::Base* StreamBases::find(SocketId socket) const {
  const auto found = std::ranges::find(bases_, socket, &Base::socket);
  return found == bases_.end() ? nullptr : &*found;
}

void StreamBases::handle_socket_opened(SocketId socket, const Endpoint& local) {
  auto* base = find(socket);
  if (!base || base->local) return;
  --opening_;
  base->local = local;
  announce(*base);
}

/// A port that somebody else has is no reason to do without TCP.
void StreamBases::handle_socket_failure(SocketId socket) {
  auto* base = find(socket);
  if (!base || base->local) return;
  --opening_;
  if (std::exchange(base->wished_port, 0) != 0) wish(*base);
}

void StreamBases::announce(const Base& base) {
  const bool is_active = base.transport == ice::Transport::tcp_active;
  auto preference = ice::best_local_preference;
  for (const auto& address : config_.addresses) {
    if (address.family() != base.family) continue;
    const Endpoint host{address, is_active ? ice::port_of_active : base.local->port};
    candidates_.push_back({.candidate = ice::make_candidate(ice::Kind::host, base.transport, host,
                                                            {.base = host, .local_preference = preference--}),
                           .base = base.socket});
  }
}

/// Null where there are too many.
StreamBases::Connection* StreamBases::connection_for(const Key& key, Connection::Proof proof) {
  if (const auto known = connections_.find(key); known != connections_.end()) return &known->second;
  if (connections_.size() >= config_.most_connections) return nullptr;
  auto& made = connections_[key];
  made.proof = proof;
  return &made;
}

void StreamBases::send_question(const Datagram& question) {
  auto* connection = connection_for({question.socket, question.remote}, Connection::Proof::given);
  if (!connection) return;
  if (!connection->answers) connection->answers.emplace(longest_answer);
  outgoing_.push_back(question);
}

void StreamBases::send(const Datagram& out) {
  const auto* base = find(out.socket);
  const Key key{out.socket, out.remote};
  // Who waits answers by the connection that was made to it, and has no other.
  if (!base || (base->transport == ice::Transport::tcp_passive && !connections_.contains(key))) return;
  const auto* connection = connection_for(key, Connection::Proof::given);
  if (!connection || connection->answers) return;
  outgoing_.push_back({.socket = out.socket,
                       .protocol = Protocol::tcp,
                       .remote = out.remote,
                       .payload = ice::write_frame(out.payload)});
}

void StreamBases::approve(SocketId socket, const Endpoint& remote) {
  if (const auto known = connections_.find({socket, remote}); known != connections_.end())
    known->second.proof = Connection::Proof::given;
}

void StreamBases::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  const auto known = connections_.find({socket, remote});
  if (known != connections_.end()) known->second.since = known->second.heard = now;
}

void StreamBases::handle_datagram(Instant now, const Datagram& in) {
  const Key key{in.socket, in.remote};
  if (!find(in.socket)) return;
  auto* connection = connection_for(key, Connection::Proof::due);
  if (!connection) return end(key);
  if (!connection->since) connection->since = connection->heard = now;
  const auto hand_on = [&](Bytes packet) {
    connection->heard = now;
    auto whole = in;
    whole.payload = std::move(packet);
    received_.push_back(std::move(whole));
  };
  if (auto& answers = connection->answers) {
    answers->append(in.payload);
    while (const auto answer = answers->next()) hand_on(Bytes(answer->begin(), answer->end()));
    if (answers->is_broken()) end(key);
    return;
  }
  connection->frames.append(in.payload);
  while (auto packet = connection->frames.next()) hand_on(std::move(*packet));
  if (connection->frames.is_broken()) end(key);
}

void StreamBases::end(const Key& key) {
  connections_.erase(key);
  changes_.emplace_back(ConnectionEnd{key.first, key.second});
}

std::optional<Instant> StreamBases::end_of(const Connection& connection) const {
  if (!connection.since) return std::nullopt;
  if (connection.proof == Connection::Proof::due) return *connection.since + config_.proof;
  return connection.heard + config_.idle;
}

void StreamBases::handle_timeout(Instant now) {
  std::vector<Key> over;
  for (const auto& [key, connection] : connections_)
    if (const auto at = end_of(connection); at && *at <= now) over.push_back(key);
  for (const auto& key : over) end(key);
}

void StreamBases::handle_send_failure(const Datagram& lost) { connections_.erase({lost.socket, lost.remote}); }

std::optional<Instant> StreamBases::poll_timeout() const {
  std::optional<Instant> due;
  for (const auto& [key, connection] : connections_)
    if (const auto at = end_of(connection); at && (!due || *at < *due)) due = at;
  return due;
}

std::optional<SocketChange> StreamBases::poll_socket() { return take_front(changes_); }
std::optional<Datagram> StreamBases::poll_transmit() { return take_front(outgoing_); }
std::optional<ice::LocalCandidate> StreamBases::poll_candidate() { return take_front(candidates_); }
std::optional<Datagram> StreamBases::poll_received() { return take_front(received_); }

std::optional<Endpoint> StreamBases::local(SocketId socket) const {
  const auto* base = find(socket);
  return base && base->transport != ice::Transport::tcp_active ? base->local : std::nullopt;
}
}  // namespace natkit::link
