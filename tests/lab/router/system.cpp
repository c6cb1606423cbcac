#include "system.hpp"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>

namespace natkit::lab {
namespace {
std::unexpected<Error> failure(const std::string& what) {
  const int number = errno;
  return std::unexpected(Error{Errc::refused, "system-call-failed", what + ": " + std::strerror(number), ""});
}

// The kernel's receive buffer: about 2000 full frames, so that a burst outlives a moment without the processor.
constexpr int receive_buffer_bytes = 8 << 20;

void set_option(int descriptor, int level, int name, int value) {
  ::setsockopt(descriptor, level, name, &value, sizeof value);  // an improvement where it succeeds, nothing more
}
}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Result<FrameSocket> FrameSocket::open(const std::string& interface) {
  const unsigned index = ::if_nametoindex(interface.c_str());
  if (index == 0) return failure("interface " + interface);
  // No protocol until it is bound, so that nothing of other interfaces gets in first.
  Descriptor descriptor{::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (descriptor.number() < 0) return failure("raw socket on " + interface);
  set_option(descriptor.number(), SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  set_option(descriptor.number(), SOL_PACKET, PACKET_QDISC_BYPASS, 1);
  set_option(descriptor.number(), SOL_SOCKET, SO_RCVBUF, receive_buffer_bytes);
  set_option(descriptor.number(), SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer_bytes);
  set_option(descriptor.number(), SOL_SOCKET, SO_SNDBUF, receive_buffer_bytes);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the socket interface asks for it
  if (::bind(descriptor.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failure("binding to " + interface);
  return FrameSocket{std::move(descriptor)};
}

ByteView FrameSocket::receive(std::span<std::uint8_t> buffer) const {
  const auto size = ::recv(descriptor_.number(), buffer.data(), buffer.size(), 0);
  if (size <= 0) return {};
  return buffer.first(static_cast<std::size_t>(size));
}

void FrameSocket::send(ByteView frame) const {
  [[maybe_unused]] const auto size = ::send(descriptor_.number(), frame.data(), frame.size(), MSG_DONTWAIT);
}

Result<Timer> Timer::open() {
  Descriptor descriptor{::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
  if (descriptor.number() < 0) return failure("timerfd_create");
  return Timer{std::move(descriptor)};
}

void Timer::set(Instant due) const {
  const auto since = due.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  itimerspec when{};
  when.it_value.tv_sec = seconds.count();
  when.it_value.tv_nsec = (since - seconds).count();
  ::timerfd_settime(descriptor_.number(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Timer::acknowledge() const {
  std::uint64_t expirations = 0;
  [[maybe_unused]] const auto size = ::read(descriptor_.number(), &expirations, sizeof expirations);
}

void ask_for_promptness() {
  sched_param lowest{};
  lowest.sched_priority = 1;
  if (::sched_setscheduler(0, SCHED_RR, &lowest) != 0) ::setpriority(PRIO_PROCESS, 0, -20);
}

Instant monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return Instant{std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
}

Result<Descriptor> open_stop_signals() {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) return failure("sigprocmask");
  Descriptor descriptor{::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC)};
  if (descriptor.number() < 0) return failure("signalfd");
  return descriptor;
}

Result<Descriptor> open_epoll(std::span<const int> numbers) {
  Descriptor descriptor{::epoll_create1(EPOLL_CLOEXEC)};
  if (descriptor.number() < 0) return failure("epoll_create1");
  for (const int number : numbers) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = number;
    if (::epoll_ctl(descriptor.number(), EPOLL_CTL_ADD, number, &event) != 0) return failure("epoll_ctl");
  }
  return descriptor;
}
}  // namespace natkit::lab
