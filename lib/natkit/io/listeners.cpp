#include "natkit/io/listeners.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>

namespace natkit::io {
namespace {
// A port that is free for the first socket of a slot may be taken for the next one.
constexpr int most_attempts = 32;

Error describe(const Listener& listener, const std::error_code& why) {
  Error error{.code = Errc::usage,
              .reason = "cannot-listen",
              .detail = fmt::format("cannot listen on {}: {}",
                                    to_text(TransportAddress{listener.protocol, listener.endpoint}), why.message()),
              .advice = {}};
  if (why == std::errc::address_in_use) {
    error.reason = "address-in-use";
    error.advice =
        fmt::format("another program has this port: end it, or choose another one; `ss -lpn sport = :{}` names it",
                    listener.endpoint.port);
  } else if (why == std::errc::address_not_available) {
    error.reason = "address-not-here";
    error.advice = "this machine does not have that address; `ip address` lists those it has";
  } else if (why == std::errc::permission_denied) {
    error.reason = "port-forbidden";
    error.advice = "ports below 1024 need CAP_NET_BIND_SERVICE";
  }
  return error;
}

struct Failure {
  std::size_t index = 0;
  std::error_code why;
  bool is_unlucky = false;  ///< a port that the system chose for another socket was taken for this one
};

using Opened = std::expected<std::vector<Descriptor>, Failure>;

/// Opens all sockets, writing the ports that the system chose into `listeners`.
Opened open_all(std::vector<Listener>& listeners) {
  std::vector<Descriptor> sockets;
  std::map<std::uint32_t, std::uint16_t> chosen;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    auto& listener = listeners[i];
    const bool is_chosen = listener.endpoint.port == 0 && chosen.contains(listener.port_slot);
    auto local = listener.endpoint;
    if (is_chosen) local.port = chosen.at(listener.port_slot);
    auto socket = listener.protocol == Protocol::udp ? open_udp(local, Purpose::server, listener.presence)
                                                     : open_tcp_listener(local, listener.presence);
    if (!socket)
      return std::unexpected(Failure{i, socket.error(), is_chosen && socket.error() == std::errc::address_in_use});
    const auto bound = local_endpoint(socket->number());
    if (!bound) return std::unexpected(Failure{i, bound.error()});
    if (listener.endpoint.port == 0) chosen.try_emplace(listener.port_slot, bound->port);
    listener.endpoint.port = bound->port;
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}
}  // namespace

Result<Listeners> Listeners::bind(std::vector<Listener> wanted) {
  for (int attempt = 1;; ++attempt) {
    auto bound = wanted;
    auto sockets = open_all(bound);
    if (sockets) {
      Listeners listeners;
      listeners.bound_ = std::move(bound);
      listeners.sockets_ = std::move(*sockets);
      return listeners;
    }
    if (!sockets.error().is_unlucky || attempt == most_attempts)
      return std::unexpected(describe(wanted[sockets.error().index], sockets.error().why));
  }
}
}  // namespace natkit::io
