#include "natkit/io/route_watch.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <utility>

namespace natkit::io {
namespace {
constexpr auto burst = std::chrono::milliseconds{100};

int open_netlink() {
  const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE;
  if (socket >= 0)
    static_cast<void>(
        ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address));  // NOLINT(*-reinterpret-cast)
  return socket;
}
}  // namespace

RouteWatch::RouteWatch(asio::io_context& context, std::function<void()> on_change)
    : socket_(context), pause_(context), on_change_(std::move(on_change)) {
  const int socket = open_netlink();
  if (socket < 0) return;
  std::error_code error;
  socket_.assign(socket, error);
  if (!error) wait();
}

void RouteWatch::wait() {
  socket_.async_wait(asio::posix::descriptor_base::wait_read, [this](const std::error_code& error) {
    if (error) return;
    std::array<char, 8192> message{};
    // What has changed is not read but asked for anew: a burst may have been cut off.
    while (::recv(socket_.native_handle(), message.data(), message.size(), MSG_DONTWAIT) > 0) {
    }
    if (!std::exchange(is_pausing_, true)) {
      pause_.expires_after(burst);
      pause_.async_wait([this](const std::error_code& cancelled) {
        if (cancelled) return;
        is_pausing_ = false;
        on_change_();
      });
    }
    wait();
  });
}
}  // namespace natkit::io
