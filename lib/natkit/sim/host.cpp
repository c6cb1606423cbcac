#include "natkit/sim/host.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

namespace natkit::sim {
namespace {
constexpr std::uint32_t ephemeral_ports = last_ephemeral_port - first_ephemeral_port + 1;
// A machine that says more at once than this is broken; the rest waits for its next input.
constexpr std::size_t drain_limit = 100'000;
// Linux: the first SYN is repeated after 1 s, each pause is twice the last one, and after 6 of them it is given up.
constexpr Duration first_syn_pause = std::chrono::seconds{1};
constexpr unsigned most_syn_repetitions = 6;
}  // namespace

struct Host::Connection {
  SocketId socket{};
  Endpoint local{};
  Endpoint remote{};
  enum class State : std::uint8_t { opening, crossing, open } state = State::opening;
  unsigned syns = 0;             // sent
  std::optional<Instant> due{};  // the next one, or the end of the patience
  std::deque<Bytes> waiting{};   // pieces written before the connection stood

  void note_syn(Instant now) { due = now + first_syn_pause * (1U << syns++); }
};

struct Host::Machine {
  struct Local {
    SocketId socket{};
    Protocol protocol{};
    Endpoint endpoint{};
  };
  MachineRef ref;
  std::optional<Instant> timeout{};
  std::vector<Local> locals{};
  std::vector<Connection> connections{};

  [[nodiscard]] std::optional<Instant> next_due() const {
    auto due = timeout;
    for (const auto& connection : connections)
      if (connection.due && (!due || *connection.due < *due)) due = connection.due;
    return due;
  }
  /// Null when there is none.
  Connection* find_connection(const Endpoint& local, const Endpoint& remote) {
    for (auto& connection : connections)
      if (connection.local == local && connection.remote == remote) return &connection;
    return nullptr;
  }
  void forget(Connection& connection) { connections.erase(connections.begin() + (&connection - connections.data())); }
};

Host::Host(NodeId id, Gateway* parent, const HostConfig& config, const Instant& clock, Rng& rng)
    : Node(id, Kind::host, parent, config.addresses), clock_(clock) {
  set_link(config.link, config.downlink.value_or(config.link));
  port_offset_ = static_cast<std::uint32_t>(rng.below(ephemeral_ports));
  do port_step_ = static_cast<std::uint32_t>(rng.below(ephemeral_ports));
  while (std::gcd(port_step_, ephemeral_ports) != 1);
}

Host::~Host() = default;

void Host::attach(MachineRef machine, const std::vector<Binding>& bindings) {
  auto& attached = *machines_.emplace_back(std::make_unique<Machine>(Machine{.ref = machine}));
  for (const auto& binding : bindings) {
    assert(std::ranges::find(addresses(), binding.local.address) != addresses().end());
    [[maybe_unused]] const bool bound = sockets_
                                            .emplace(TransportKey{binding.protocol, binding.local},
                                                     Socket{&attached, binding.socket, Socket::Kind::bound})
                                            .second;
    assert(bound && "address already in use");
    attached.locals.push_back({binding.socket, binding.protocol, binding.local});
  }
  attached.ref.start(clock_);
  drain(attached);
}

void Host::detach_last() {
  end_connections(*machines_.back(), [](const Connection&) { return true; });
  for (const auto& local : machines_.back()->locals) sockets_.erase({local.protocol, local.endpoint});
  machines_.pop_back();
  note_timeouts();
}

void Host::wake() {
  for (const auto& machine : machines_) drain(*machine);
}

bool Host::last_is_finished() const { return !machines_.back()->timeout; }

void Host::handle_timeout() {
  for (const auto& machine : machines_) {
    repeat_syns(*machine);
    if (machine->timeout && *machine->timeout <= clock_) {
      machine->ref.handle_timeout(clock_);
      drain(*machine);
    }
  }
  note_timeouts();
}

void Host::repeat_syns(Machine& machine) {
  std::vector<Datagram> lost;
  for (auto& connection : machine.connections) {
    if (!connection.due || *connection.due > clock_) continue;
    if (connection.syns <= most_syn_repetitions) {
      connection.note_syn(clock_);
      emit({.protocol = Protocol::tcp,
            .source = connection.local,
            .destination = connection.remote,
            .segment = connection.state == Connection::State::opening ? TcpSegment::syn : TcpSegment::syn_ack});
    } else {
      lost.push_back({.socket = connection.socket,
                      .protocol = Protocol::tcp,
                      .local = connection.local,
                      .remote = connection.remote,
                      .payload = connection.waiting.empty() ? Bytes{} : connection.waiting.front()});
    }
  }
  for (const auto& one : lost) {
    if (auto* connection = machine.find_connection(one.local, one.remote)) machine.forget(*connection);
    machine.ref.handle_send_failure(clock_, one, "Connection timed out");
    drain(machine);
  }
}

void Host::handle_packet(const Packet& packet) {
  if (packet.error) return handle_error(*packet.error, packet.source.address);
  const auto socket = sockets_.find({packet.protocol, packet.destination});
  if (socket == sockets_.end()) return answer_stranger(packet);
  if (packet.protocol == Protocol::tcp) {
    const auto found = socket->second;  // a copy: the machine may close it while it is told
    return handle_tcp(found, packet);
  }
  Machine& machine = *socket->second.machine;
  machine.ref.handle_datagram(
      clock_,
      {.socket = socket->second.id, .local = packet.destination, .remote = packet.source, .payload = packet.payload});
  drain(machine);
}

std::optional<Packet> Host::poll_packet() {
  if (outgoing_.empty()) return std::nullopt;
  auto packet = std::move(outgoing_.front());
  outgoing_.pop_front();
  return packet;
}

const IpAddress* Host::address_of(Family family) const {
  const auto found = std::ranges::find(addresses(), family, &IpAddress::family);
  return found == addresses().end() ? nullptr : &*found;
}

std::uint16_t Host::next_port() {
  port_offset_ = (port_offset_ + port_step_) % ephemeral_ports;
  return static_cast<std::uint16_t>(first_ephemeral_port + port_offset_);
}

/// The local endpoint of the machine's socket, opened if it is new; none when the host lacks the remote's family.
std::optional<Endpoint> Host::local_for(Machine& machine, const Datagram& out) {
  const Family family = out.remote.address.family();
  for (const auto& local : machine.locals)
    if (local.socket == out.socket && local.protocol == out.protocol && local.endpoint.address.family() == family)
      return local.endpoint;
  const auto* address = address_of(family);
  if (!address) return std::nullopt;
  for (std::uint32_t tried = 0; tried < ephemeral_ports; ++tried) {
    const Endpoint local{*address, next_port()};
    if (!sockets_.emplace(TransportKey{out.protocol, local}, Socket{&machine, out.socket}).second) continue;
    machine.locals.push_back({out.socket, out.protocol, local});
    return local;
  }
  return std::nullopt;
}

void Host::change_sockets(Machine& machine) {
  while (auto change = machine.ref.poll_socket()) {
    if (const auto* wish = std::get_if<SocketWish>(&*change)) {
      open_wished(machine, *wish);
      continue;
    }
    if (const auto* end = std::get_if<ConnectionEnd>(&*change)) {
      end_connections(machine, [&](const Connection& connection) {
        return connection.socket == end->socket && connection.remote == end->remote;
      });
      continue;
    }
    const auto ended = std::get<SocketEnd>(*change).socket;
    end_connections(machine, [&](const Connection& connection) { return connection.socket == ended; });
    for (const auto& local : machine.locals)
      if (local.socket == ended) sockets_.erase({local.protocol, local.endpoint});
    std::erase_if(machine.locals, [&](const auto& local) { return local.socket == ended; });
  }
}

Host::Socket::Kind Host::kind_of(const SocketWish& wish) {
  if (wish.protocol == Protocol::udp || wish.role == TcpRole::listens) return Socket::Kind::bound;
  return wish.role == TcpRole::meets ? Socket::Kind::meeting : Socket::Kind::ephemeral;
}

void Host::open_wished(Machine& machine, const SocketWish& wish) {
  auto local = wish.local;
  const auto* any = address_of(local.address.family());
  if (local.address.is_unspecified() && any != nullptr) local.address = *any;
  if (std::ranges::find(addresses(), local.address) == addresses().end())
    return machine.ref.handle_socket_failure(clock_, wish.socket, "Cannot assign requested address");
  const Socket socket{&machine, wish.socket, kind_of(wish), wish.fragmentation, wish.errors};
  const bool is_port_given = local.port != 0;
  for (std::uint32_t tried = 0; tried < ephemeral_ports; ++tried) {
    if (!is_port_given) local.port = next_port();
    if (sockets_.emplace(TransportKey{wish.protocol, local}, socket).second) {
      machine.locals.push_back({wish.socket, wish.protocol, local});
      return machine.ref.handle_socket_opened(clock_, wish.socket, local);
    }
    if (is_port_given) break;
  }
  machine.ref.handle_socket_failure(clock_, wish.socket, "Address already in use");
}

void Host::drain(Machine& machine) {
  for (std::size_t sent = 0; sent < drain_limit; ++sent) {
    change_sockets(machine);
    auto out = machine.ref.poll_transmit();
    if (!out) break;
    transmit(machine, std::move(*out));
  }
  machine.timeout = machine.ref.poll_timeout();
  note_timeouts();
}

void Host::transmit(Machine& machine, Datagram out) {
  const auto local = local_for(machine, out);
  if (!local) return machine.ref.handle_send_failure(clock_, out, "Network is unreachable");
  if (out.protocol == Protocol::tcp) return transmit_tcp(machine, *local, std::move(out));
  Packet packet{.source = *local, .destination = out.remote, .hop_limit = out.hop_limit};
  packet.must_stay_whole = sockets_.at({Protocol::udp, *local}).fragmentation == Fragmentation::forbidden;
  packet.payload = out.payload;
  if (packet.must_stay_whole && ip_bytes(packet) > path_mtu(out.remote.address))
    return machine.ref.handle_send_failure(clock_, out, "Message too long");
  emit(std::move(packet));
}

std::size_t Host::path_mtu(const IpAddress& remote) const {
  const auto told = path_mtus_.find(remote);
  return told == path_mtus_.end() ? up().mtu : std::min<std::size_t>(told->second, up().mtu);
}

void Host::emit(Packet packet) { outgoing_.push_back(std::move(packet)); }

void Host::note_timeouts() {
  next_timeout_.reset();
  for (const auto& machine : machines_)
    if (const auto due = machine->next_due(); due && (!next_timeout_ || *due < *next_timeout_)) next_timeout_ = due;
}

void Host::transmit_tcp(Machine& machine, const Endpoint& local, Datagram out) {
  Packet packet{.protocol = Protocol::tcp, .source = local, .destination = out.remote, .hop_limit = out.hop_limit};
  Connection* connection = machine.find_connection(local, out.remote);
  if (connection && connection->state == Connection::State::open) {
    packet.payload = std::move(out.payload);
    return emit(std::move(packet));
  }
  if (!connection) {
    if (sockets_.at({Protocol::tcp, local}).kind == Socket::Kind::bound)
      return machine.ref.handle_send_failure(clock_, out, "Transport endpoint is not connected");
    connection =
        &machine.connections.emplace_back(Connection{.socket = out.socket, .local = local, .remote = out.remote});
    packet.segment = TcpSegment::syn;
    emit(std::move(packet));
    connection->note_syn(clock_);
  }
  connection->waiting.push_back(std::move(out.payload));
}

void Host::handle_tcp(const Socket& socket, const Packet& packet) {
  Machine& machine = *socket.machine;
  Connection* connection = machine.find_connection(packet.destination, packet.source);
  switch (packet.segment) {
    case TcpSegment::syn:
      return handle_syn(socket, packet);
    case TcpSegment::syn_ack:
      if (!connection || connection->state == Connection::State::open) return;
      return open(socket, *connection);
    case TcpSegment::reset:
      return handle_reset(machine, packet);
    case TcpSegment::data:
      break;
  }
  if (!connection) return answer_stranger(packet);
  if (connection->state == Connection::State::crossing) {
    open(socket, *connection);  // it stands for the ACK
    if (!machine.find_connection(packet.destination, packet.source)) return;
  }
  machine.ref.handle_datagram(clock_, {.socket = socket.id,
                                       .protocol = Protocol::tcp,
                                       .local = packet.destination,
                                       .remote = packet.source,
                                       .payload = packet.payload});
  drain(machine);
}

void Host::handle_syn(const Socket& socket, const Packet& packet) {
  Machine& machine = *socket.machine;
  Connection* connection = machine.find_connection(packet.destination, packet.source);
  const Packet answer{.protocol = Protocol::tcp,
                      .source = packet.destination,
                      .destination = packet.source,
                      .segment = TcpSegment::syn_ack};
  if (connection && connection->state != Connection::State::open) {
    connection->state = Connection::State::crossing;
    return emit(answer);
  }
  if (socket.kind == Socket::Kind::ephemeral)
    return emit(make_error(IcmpKind::port_unreachable, packet.destination.address, packet));
  if (connection) machine.forget(*connection);
  machine.connections.push_back({socket.id, packet.destination, packet.source, Connection::State::open});
  emit(answer);
}

void Host::open(const Socket& socket, Connection& connection) {
  Machine& machine = *socket.machine;
  connection.state = Connection::State::open;
  connection.due.reset();
  Packet packet{.protocol = Protocol::tcp, .source = connection.local, .destination = connection.remote};
  const auto waiting = std::exchange(connection.waiting, {});
  machine.ref.handle_connected(clock_, socket.id, packet.destination);
  for (const auto& piece : waiting) {
    packet.payload = piece;
    emit(packet);
  }
  drain(machine);
}

/// To what no socket or connection is for.
void Host::answer_stranger(const Packet& packet) {
  if (packet.protocol == Protocol::udp || packet.segment == TcpSegment::syn)
    return emit(make_error(IcmpKind::port_unreachable, packet.destination.address, packet));
  if (packet.segment == TcpSegment::reset) return;
  emit({.protocol = Protocol::tcp,
        .source = packet.destination,
        .destination = packet.source,
        .segment = TcpSegment::reset});
}

void Host::handle_reset(Machine& machine, const Packet& packet) {
  auto* connection = machine.find_connection(packet.destination, packet.source);
  if (!connection) return;
  const Datagram lost{.socket = connection->socket,
                      .protocol = Protocol::tcp,
                      .local = packet.destination,
                      .remote = packet.source,
                      .payload = {}};
  machine.forget(*connection);
  machine.ref.handle_send_failure(clock_, lost, "the other side closed the connection");
  drain(machine);
}

template <class Ends>
void Host::end_connections(Machine& machine, Ends which) {
  for (const auto& connection : machine.connections)
    if (which(connection) && connection.state != Connection::State::opening)
      emit({.protocol = Protocol::tcp,
            .source = connection.local,
            .destination = connection.remote,
            .segment = TcpSegment::reset});
  std::erase_if(machine.connections, which);
}

/// To a machine that wished to hear it.
void Host::tell_expired(const IcmpError& error, const IpAddress& router) {
  const auto socket = sockets_.find({Protocol::udp, error.source});
  if (socket == sockets_.end() || socket->second.errors == PathErrors::ignored) return;
  Machine& machine = *socket->second.machine;
  machine.ref.handle_path_error(clock_, {.socket = socket->second.id,
                                         .kind = PathError::Kind::hop_limit_exceeded,
                                         .remote = error.destination,
                                         .offender = router});
  drain(machine);
}

/// UDP sockets are not connected, so they hear no ICMP; the system does, and a TCP connection that is being opened.
void Host::handle_error(const IcmpError& error, const IpAddress& router) {
  if (error.kind == IcmpKind::too_big) path_mtus_[error.destination.address] = error.mtu;
  if (error.protocol == Protocol::udp && error.kind == IcmpKind::time_exceeded) return tell_expired(error, router);
  if (error.protocol != Protocol::tcp || error.kind == IcmpKind::time_exceeded || error.kind == IcmpKind::too_big)
    return;
  const auto socket = sockets_.find({Protocol::tcp, error.source});
  if (socket == sockets_.end()) return;
  Machine& machine = *socket->second.machine;
  auto* connection = machine.find_connection(error.source, error.destination);
  if (!connection || connection->state != Connection::State::opening) return;
  const Datagram lost{.socket = connection->socket,
                      .protocol = Protocol::tcp,
                      .local = error.source,
                      .remote = error.destination,
                      .payload = std::move(connection->waiting.front())};
  machine.forget(*connection);
  machine.ref.handle_send_failure(clock_, lost,
                                  error.kind == IcmpKind::admin_prohibited ? "No route to host" : "Connection refused");
  drain(machine);
}
}  // namespace natkit::sim
