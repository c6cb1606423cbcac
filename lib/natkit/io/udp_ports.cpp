#include "natkit/io/udp_ports.hpp"

#include <algorithm>
#include <asio/ip/udp.hpp>

#include "natkit/base/endpoint.hpp"

namespace natkit::io {
namespace {
constexpr int batches_in_a_row = 8;  // then the other sockets and the timer get their turn
}  // namespace

struct UdpPorts::Port {
  Port(asio::io_context& context, SocketId id, Endpoint bound_to, Source from)
      : socket(context), name(id), bound(bound_to), source(from) {}
  asio::ip::udp::socket socket;
  SocketId name;
  Endpoint bound;
  Source source;
};

UdpPorts::UdpPorts(asio::io_context& context, MachineOwner& owner, const RunOptions& options)
    : context_(context), owner_(owner), options_(options) {}
UdpPorts::~UdpPorts() = default;

UdpPorts::Port& UdpPorts::add(const Key& key, Descriptor socket, const Endpoint& bound, Source source) {
  if (const auto old = ports_.find(key); old != ports_.end()) close(*old->second);
  auto& port = *(ports_[key] = std::make_shared<Port>(context_, key.first, bound, source));
  std::error_code error;  // of registering with the event queue; a socket that cannot be waited for stays silent
  port.socket.assign(bound.address.is_v4() ? asio::ip::udp::v4() : asio::ip::udp::v6(), socket.number(), error);
  if (!error) static_cast<void>(socket.release());
  wait(port);
  return port;
}

void UdpPorts::adopt(const Listener& listener, Descriptor socket) {
  const auto source = listener.endpoint.address.is_unspecified() ? Source::of_datagram : Source::of_socket;
  add({listener.socket, listener.endpoint.address.family()}, std::move(socket), listener.endpoint, source);
}

SystemResult<Endpoint> UdpPorts::open(const SocketWish& wish) {
  if (ports_.size() >= options_.most_sockets)
    return std::unexpected(std::make_error_code(std::errc::too_many_files_open));
  auto socket = open_udp(wish);
  if (!socket) return std::unexpected(socket.error());
  const auto bound = local_endpoint(socket->number());
  if (!bound) return std::unexpected(bound.error());
  const auto source = bound->address.is_unspecified() ? Source::of_datagram : Source::of_socket;
  auto& port = add({wish.socket, bound->address.family()}, std::move(*socket), *bound, source);
  if (wish.errors == PathErrors::heard) wait_for_errors(port);
  return *bound;
}

void UdpPorts::close(SocketId socket) {
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto found = ports_.find({socket, family});
    if (found == ports_.end()) continue;
    close(*found->second);
    ports_.erase(found);
  }
}

/// Forgetting it is not enough: whoever waits for it owns it too.
void UdpPorts::close(Port& port) {
  std::error_code ignored;  // it is over either way
  port.socket.close(ignored);
}

SystemResult<UdpPorts::Port*> UdpPorts::port_for(const Datagram& datagram) {
  const Key key{datagram.socket, datagram.remote.address.family()};
  if (const auto found = ports_.find(key); found != ports_.end()) return found->second.get();
  if (ports_.size() >= options_.most_sockets)
    return std::unexpected(std::make_error_code(std::errc::too_many_files_open));
  Endpoint local{IpAddress::any(key.second), 0};
  for (const auto& address : options_.local_addresses)
    if (address.family() == key.second) local.address = address;
  auto socket = open_udp(local, Purpose::client);
  if (!socket) return std::unexpected(socket.error());
  const auto bound = local_endpoint(socket->number());
  if (!bound) return std::unexpected(bound.error());
  return &add(key, std::move(*socket), *bound, Source::of_socket);
}

std::optional<UdpPorts::Outlet> UdpPorts::outlet(const Datagram& datagram) const {
  const auto found = ports_.find({datagram.socket, datagram.remote.address.family()});
  if (datagram.protocol != Protocol::udp || found == ports_.end()) return std::nullopt;
  return Outlet{.descriptor = found->second->socket.native_handle(), .source = found->second->source};
}

void UdpPorts::send(std::span<const Datagram> datagrams) {
  const auto port = port_for(datagrams.front());
  if (!port) {
    for (const auto& datagram : datagrams) owner_.report_lost(datagram, port.error().message());
    return;
  }
  for (const auto& unsent : send_all((*port)->socket.native_handle(), datagrams, (*port)->source))
    owner_.report_lost(datagrams[unsent.index], unsent.why.message());
}

void UdpPorts::wait(Port& port) {
  const auto kept = ports_.at({port.name, port.bound.address.family()});
  port.socket.async_wait(asio::socket_base::wait_read, [this, kept](const std::error_code& error) {
    // Closed, or the run is over. What had already come to pass when it was closed comes here without an error.
    if (error || !is_open(*kept)) return;
    receive(*kept);
    if (is_open(*kept)) wait(*kept);
  });
}

bool UdpPorts::is_open(const Port& port) const {
  const auto found = ports_.find({port.name, port.bound.address.family()});
  return found != ports_.end() && found->second.get() == &port;
}

void UdpPorts::wait_for_errors(Port& port) {
  const auto kept = ports_.at({port.name, port.bound.address.family()});
  port.socket.async_wait(asio::socket_base::wait_error, [this, kept](const std::error_code& error) {
    if (error || !is_open(*kept)) return;
    while (auto told = take_path_error(kept->socket.native_handle())) {
      told->socket = kept->name;
      owner_.report_path_error(*told);
    }
    owner_.settle();
    if (is_open(*kept)) wait_for_errors(*kept);
  });
}

void UdpPorts::receive(Port& port) {
  for (int batch = 0; batch < batches_in_a_row; ++batch) {
    const auto count = received_.receive(port.socket.native_handle());
    in_.socket = port.name;
    for (std::size_t i = 0; i < count; ++i) {
      received_.read(i, port.bound.port, in_);
      owner_.deliver(in_);
    }
    if (count == 0) return;
    owner_.settle();
    if (count < ReceiveBatch::capacity || !port.socket.is_open() || !is_open(port))
      return;  // asking again would only tell that nothing is left
  }
}

void UdpPorts::receive_all() {
  const auto all = ports_;  // a machine may close some of them meanwhile
  for (const auto& [key, port] : all) receive(*port);
}
}  // namespace natkit::io
