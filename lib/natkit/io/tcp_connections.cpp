#include "natkit/io/tcp_connections.hpp"

#include <algorithm>
#include <array>
#include <asio/steady_timer.hpp>

#include "natkit/io/asio_address.hpp"
#include "natkit/io/asio_error.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/io/tcp_connection.hpp"

namespace natkit::io {
namespace {
// Out of descriptors: trying again at once would fail again and take all of the processor.
constexpr auto pause_after_refusal = std::chrono::milliseconds{100};
constexpr auto sweep_interval = std::chrono::seconds{1};

/// What counts as one address: an IPv4 address, or an IPv6 /64, since whoever has one address of it has them all
/// (RFC 6177).
IpAddress household(const IpAddress& address) {
  if (address.is_v4()) return address;
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(address.bytes().first(8), bytes.begin());
  return IpAddress::v6(bytes);
}
}  // namespace

struct TcpConnections::Acceptor {
  Acceptor(asio::io_context& context, SocketId id) : acceptor(context), pause(context), name(id) {}
  asio::ip::tcp::acceptor acceptor;
  asio::steady_timer pause;
  SocketId name;
};

struct TcpConnections::Sweeper {
  explicit Sweeper(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;
};

TcpConnections::TcpConnections(asio::io_context& context, MachineOwner& owner, const RunOptions& options)
    : context_(context), owner_(owner), options_(options), sweeper_(std::make_unique<Sweeper>(context)) {}

TcpConnections::~TcpConnections() {
  for (const auto& [key, connection] : connections_) connection->close();
}

void TcpConnections::adopt(const Listener& listener, Descriptor socket) {
  if (acceptors_.empty()) sweep();
  const auto& acceptor = acceptors_.emplace_back(std::make_shared<Acceptor>(context_, listener.socket));
  std::error_code error;  // of registering with the event queue; a listener that cannot be waited for accepts nobody
  acceptor->acceptor.assign(listener.endpoint.address.is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6(),
                            socket.number(), error);
  if (error) return;
  static_cast<void>(socket.release());
  accept(acceptor);
}

void TcpConnections::accept(const std::shared_ptr<Acceptor>& acceptor) {
  acceptor->acceptor.async_accept([this, acceptor](const std::error_code& error, asio::ip::tcp::socket stream) {
    if (!acceptor->acceptor.is_open()) return;
    if (error && error != asio::error::connection_aborted) {
      acceptor->pause.expires_after(pause_after_refusal);
      acceptor->pause.async_wait([this, acceptor](const std::error_code& cancelled) {
        if (!cancelled && acceptor->acceptor.is_open()) accept(acceptor);
      });
      return;
    }
    std::error_code gone;
    const auto peer = stream.remote_endpoint(gone);
    if (!error && !gone && has_room_for(from_asio(peer).address))
      add_accepted(acceptor->name, from_asio(peer), std::move(stream));
    accept(acceptor);
  });
}

void TcpConnections::add_accepted(SocketId listener, const Endpoint& remote, asio::ip::tcp::socket stream) {
  auto connection =
      std::make_shared<TcpConnection>(*this, TcpConnection::Origin::accepted, listener, remote, std::move(stream));
  auto& place = connections_[{listener, remote}];
  if (place && place->origin() == TcpConnection::Origin::ours) {
    // We were about to connect there ourselves, and the other side was faster.
    place->yield_to(*connection);
    place->close();
  }
  place = connection;
  ++per_household_[household(remote.address)];
  connection->start();
}

SystemResult<Endpoint> TcpConnections::open(const SocketWish& wish) {
  if (wish.role == TcpRole::connects) {  // opened by the first transmit
    wished_[wish.socket] = wish;         // a refused one too: what is sent all the same must not leave without TLS
    if (wish.tls && context_for(*wish.tls) == nullptr)
      return std::unexpected(std::make_error_code(std::errc::invalid_argument));
    return wish.local;
  }
  const bool is_meeting = wish.role == TcpRole::meets;
  auto socket = open_tcp_listener(wish.local, Presence::required, is_meeting ? PortUse::meets : PortUse::listens);
  if (!socket) return std::unexpected(socket.error());
  const auto bound = local_endpoint(socket->number());
  if (!bound) return std::unexpected(bound.error());
  adopt({.socket = wish.socket, .protocol = Protocol::tcp, .endpoint = *bound}, std::move(*socket));
  if (is_meeting) {
    wished_[wish.socket] = wish;
    wished_[wish.socket].local = *bound;
  }
  return *bound;
}

/// Null when nothing special was wished for.
const SocketWish* TcpConnections::wish_for(SocketId socket) const {
  const auto wish = wished_.find(socket);
  return wish == wished_.end() ? nullptr : &wish->second;
}

Overflow TcpConnections::overflow_of(SocketId socket) const {
  const auto* wish = wish_for(socket);
  return wish ? wish->overflow : Overflow::ends;
}

bool TcpConnections::may_connect(SocketId socket) const {
  const auto* wish = wish_for(socket);
  if (wish && wish->role == TcpRole::meets) return true;
  return std::ranges::none_of(acceptors_, [&](const auto& acceptor) { return acceptor->name == socket; });
}

/// Null when the authorities make no sense, or nobody can judge them.
const crypto::TlsContext* TcpConnections::context_for(const TlsWish& wish) {
  if (!options_.trust) return nullptr;
  const auto known = trusted_.find(wish.authorities);
  if (known != trusted_.end()) return known->second.get();
  auto made = options_.trust(wish.authorities);
  if (!made) return nullptr;
  return trusted_.emplace(wish.authorities, std::move(*made)).first->second.get();
}

void TcpConnections::close(SocketId socket) {
  wished_.erase(socket);
  std::erase_if(acceptors_, [&](const auto& acceptor) {
    if (acceptor->name != socket) return false;
    close(*acceptor);
    return true;
  });
  std::vector<std::shared_ptr<TcpConnection>> closing;
  for (const auto& [key, connection] : connections_)
    if (key.first == socket) closing.push_back(connection);
  for (const auto& connection : closing) remove(*connection);
}

void TcpConnections::end(const ConnectionEnd& end) {
  const auto found = connections_.find({end.socket, end.remote});
  if (found != connections_.end()) std::shared_ptr(found->second)->end();
}

void TcpConnections::remove(TcpConnection& connection) {
  const auto keep = connection.shared_from_this();
  if (connections_.erase({connection.socket(), connection.remote()}) == 0) return;
  const auto count = per_household_.find(household(connection.remote().address));
  const bool is_counted = connection.origin() == TcpConnection::Origin::accepted && count != per_household_.end();
  if (is_counted && --count->second == 0) per_household_.erase(count);
  connection.close();
}

bool TcpConnections::has_room_for(const IpAddress& peer) const {
  if (connections_.size() >= options_.tcp.connections) return false;
  const auto found = per_household_.find(household(peer));
  return found == per_household_.end() || found->second < options_.tcp.connections_per_address;
}

void TcpConnections::sweep() {
  sweeper_->timer.expires_after(sweep_interval);
  sweeper_->timer.async_wait([this](const std::error_code& cancelled) {
    if (cancelled) return;
    const auto limit = now() - options_.tcp.idle;
    std::vector<std::shared_ptr<TcpConnection>> idle;
    for (const auto& [key, connection] : connections_)
      if (connection->origin() == TcpConnection::Origin::accepted && connection->last_message() < limit &&
          !connection->is_needed())
        idle.push_back(connection);
    for (const auto& connection : idle) drop(*connection, "idle");
    if (!idle.empty()) owner_.settle();
    sweep();
  });
}

void TcpConnections::send(const Datagram& datagram) {
  const Key key{datagram.socket, datagram.remote};
  if (const auto found = connections_.find(key); found != connections_.end())
    return std::shared_ptr(found->second)->send(datagram.payload);
  if (!may_connect(datagram.socket)) return owner_.report_lost(datagram, "the other side closed the connection");
  if (connections_.size() >= options_.most_sockets)
    return owner_.report_lost(datagram, std::make_error_code(std::errc::too_many_files_open).message());
  Endpoint local{IpAddress::any(datagram.remote.address.family()), 0};
  for (const auto& address : options_.local_addresses)
    if (address.family() == datagram.remote.address.family()) local.address = address;
  const auto* wish = wish_for(datagram.socket);
  const bool is_secret = wish && wish->tls;
  if (is_secret && context_for(*wish->tls) == nullptr)
    return owner_.report_lost(datagram, "nobody can judge its certificate");
  if (wish && !(wish->local == Endpoint{})) local = wish->local;
  auto connection = std::make_shared<TcpConnection>(*this, TcpConnection::Origin::ours, datagram.socket,
                                                    datagram.remote, asio::ip::tcp::socket{context_});
  connections_[key] = connection;
  if (is_secret) connection->use_tls(*context_for(*wish->tls), wish->tls->server);
  connection->send(datagram.payload);
  connection->connect(local, wish && wish->role == TcpRole::meets ? PortUse::meets : PortUse::listens);
}

void TcpConnections::drop(TcpConnection& connection, std::string_view why) {
  const auto keep = connection.shared_from_this();
  if (connections_.erase({connection.socket(), connection.remote()}) == 0) return;
  const bool is_accepted = connection.origin() == TcpConnection::Origin::accepted;
  if (is_accepted) {
    const auto count = per_household_.find(household(connection.remote().address));
    if (count != per_household_.end() && --count->second == 0) per_household_.erase(count);
  }
  const Datagram lost{.socket = connection.socket(),
                      .protocol = Protocol::tcp,
                      .local = connection.local(),
                      .remote = connection.remote(),
                      .payload = connection.unsent()};
  connection.close();
  owner_.report_lost(lost, why);
}

void TcpConnections::stop_accepting() {
  for (const auto& acceptor : acceptors_) close(*acceptor);
}

void TcpConnections::close(Acceptor& acceptor) {
  std::error_code ignored;  // it is over either way
  acceptor.acceptor.close(ignored);
  acceptor.pause.cancel();
}

bool TcpConnections::has_unsent() const {
  return std::ranges::any_of(connections_, [](const auto& entry) { return !entry.second->unsent().empty(); });
}
}  // namespace natkit::io
