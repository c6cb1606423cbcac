// Sockets as a machine wishes them.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <functional>

#include "catch.hpp"
#include "machines.hpp"
#include "natkit/io/driver.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// Asks for sockets and does what its script says whenever something comes in; done when the script says so.
struct Wisher {
  std::function<void(Wisher&)> script{};
  std::deque<SocketChange> changes{};
  std::deque<Datagram> out{};
  std::vector<Endpoint> opened{};
  std::vector<std::string> failures{};
  std::vector<Datagram> received{};
  std::vector<Datagram> lost{};
  std::vector<PathError> errors{};
  std::vector<Endpoint> connected{};
  bool is_done = false;
  bool is_late = false;
  Instant due{};
  Duration patience = 10s;

  void start(Instant now) {
    due = now + patience;
    next();
  }
  void handle_datagram(Instant, const Datagram& in) { next(received, in); }
  void handle_timeout(Instant) { is_late = true; }
  void handle_send_failure(Instant, const Datagram& refused, std::string_view) { next(lost, refused); }
  void handle_connected(Instant, SocketId, const Endpoint& remote) { next(connected, remote); }
  void handle_socket_opened(Instant, SocketId, const Endpoint& local) { next(opened, local); }
  void handle_socket_failure(Instant, SocketId, std::string_view why) { next(failures, std::string{why}); }
  void handle_path_error(Instant, const PathError& error) { next(errors, error); }
  std::optional<SocketChange> poll_socket() { return take(changes); }
  std::optional<Datagram> poll_transmit() { return take(out); }
  std::optional<Instant> poll_timeout() const { return is_done || is_late ? std::nullopt : std::optional{due}; }

  void send(std::uint32_t socket, const Endpoint& remote, std::string_view text, Protocol protocol = Protocol::udp) {
    out.push_back({.socket = SocketId{socket}, .protocol = protocol, .remote = remote, .payload = bytes_of(text)});
  }
  [[nodiscard]] bool heard(std::string_view text, std::uint32_t socket) const {
    for (const auto& in : received)
      if (as_text(in.payload) == text && in.socket == SocketId{socket}) return true;
    return false;
  }

 private:
  template <class T>
  void next(std::vector<T>& list, T what) {
    list.push_back(std::move(what));
    next();
  }
  void next() {
    if (script) script(*this);
  }
  template <class T>
  static std::optional<T> take(std::deque<T>& queue) {
    if (queue.empty()) return std::nullopt;
    auto first = std::move(queue.front());
    queue.pop_front();
    return first;
  }
};
static_assert(SansIo<Wisher> && OpensSockets<Wisher> && HearsPathErrors<Wisher> && HearsConnections<Wisher>);

SocketWish wish(std::uint32_t socket, const Endpoint& local) { return {.socket = SocketId{socket}, .local = local}; }
Endpoint nowhere(Family family = Family::ipv4) {
  // A port that nothing is bound to: it was ours a moment ago.
  auto listeners = io::Listeners::bind({{.endpoint = {loopback(family), 0}}});
  return listeners->bound()[0].endpoint;
}
}  // namespace

TEST_CASE("A wished socket has the wished address, and its true port is told", "[wishes]") {
  const auto protocol = GENERATE(Protocol::udp, Protocol::tcp);
  Wisher machine;
  auto wanted = wish(1, {*parse_ip_address("127.0.0.9"), 0});
  wanted.protocol = protocol;
  wanted.role = TcpRole::listens;
  machine.changes.emplace_back(wanted);
  machine.script = [](Wisher& self) { self.is_done = !self.opened.empty() || !self.failures.empty(); };
  CHECK(io::run(machine) == io::RunEnd::finished);
  REQUIRE(machine.opened.size() == 1);
  CHECK(to_text(machine.opened[0].address) == "127.0.0.9");
  CHECK(machine.opened[0].port != 0);
}

TEST_CASE("A wish that cannot be granted is answered with the reason", "[wishes]") {
  auto taken = io::Listeners::bind({{.endpoint = {loopback(), 0}}});
  REQUIRE(taken);
  Wisher machine;
  machine.changes = {wish(1, taken->bound()[0].endpoint), wish(2, {*parse_ip_address("192.0.2.1"), 0}),
                     SocketWish{.socket = SocketId{3}, .local = {loopback(), 0}, .interface = "no-such-one"}};
  machine.script = [](Wisher& self) { self.is_done = self.failures.size() + self.opened.size() == 3; };
  CHECK(io::run(machine) == io::RunEnd::finished);
  REQUIRE(machine.failures.size() == 3);
  for (const auto& why : machine.failures) CHECK_FALSE(why.empty());
}

TEST_CASE("A socket that the machine ends is closed at once: its port is free and it hears nothing more", "[wishes]") {
  const auto family = GENERATE(Family::ipv4, Family::ipv6);
  Wisher machine;
  machine.changes.emplace_back(wish(1, {loopback(family), 0}));
  machine.script = [](Wisher& self) {
    if (self.opened.size() == 1 && self.changes.empty() && self.received.empty()) {
      // Through the event queue once, so that the socket is being waited for.
      self.send(1, self.opened[0], "first");
    } else if (self.heard("first", 1) && self.opened.size() == 1 && self.failures.empty()) {
      self.changes.emplace_back(SocketEnd{SocketId{1}});
      self.changes.emplace_back(wish(2, self.opened[0]));
    }
    if (self.opened.size() == 2 && self.received.size() == 1) self.send(2, self.opened[1], "second");
    self.is_done = self.received.size() >= 2 || !self.failures.empty();
  };
  CHECK(io::run(machine) == io::RunEnd::finished);
  CHECK(machine.failures.empty());
  REQUIRE(machine.opened.size() == 2);
  CHECK(machine.opened[1] == machine.opened[0]);
  CHECK(machine.heard("second", 2));
  CHECK(machine.received.size() == 2);
}

TEST_CASE("A thousand sockets opened and ended leave none open", "[wishes]") {
  const auto lowest_free = [] {
    const int number = ::fcntl(0, F_DUPFD_CLOEXEC, 3);
    ::close(number);
    return number;
  };
  constexpr std::uint32_t pacemaker = 5000;
  Wisher machine;
  machine.changes = {wish(pacemaker, {loopback(), 0}), wish(0, {loopback(), 0})};
  int highest = 0;
  machine.script = [&](Wisher& self) {
    if (self.opened.size() < 2) return;
    const auto count = static_cast<std::uint32_t>(self.opened.size() - 1);
    highest = std::max(highest, lowest_free());
    // Each beat goes through the event queue, where the others are waited for meanwhile.
    if (self.received.size() < count) return self.send(pacemaker, self.opened[0], "beat");
    self.changes.emplace_back(SocketEnd{SocketId{count - 1}});
    self.is_done = count == 1000;
    if (!self.is_done) self.changes.emplace_back(wish(count, {loopback(), 0}));
  };
  const int before = lowest_free();
  CHECK(io::run(machine) == io::RunEnd::finished);
  CHECK(machine.opened.size() == 1001);
  CHECK(highest < before + 16);  // the event queue's own, and three sockets
}

TEST_CASE("Programs share a multicast port, and each hears what is sent to the group", "[wishes]") {
  // MCAST-TEST-NET (RFC 5771 §9.2, RFC 6676), on an interface that leads nowhere. IPv6 has no multicast there.
  const auto group = *parse_ip_address("233.252.0.1");
  const auto family = group.family();
  const auto port = nowhere(family).port;
  Wisher machine;
  for (const std::uint32_t socket : {1U, 2U})
    machine.changes.emplace_back(SocketWish{.socket = SocketId{socket},
                                            .local = {IpAddress::any(family), port},
                                            .interface = "lo",
                                            .groups = {group},
                                            .sharing = Sharing::shared});
  machine.changes.emplace_back(SocketWish{.socket = SocketId{3}, .local = {loopback(family), 0}, .interface = "lo"});
  machine.script = [&](Wisher& self) {
    if (self.opened.size() == 3 && self.received.empty() && self.lost.empty()) self.send(3, {group, port}, "to all");
    self.is_done = (self.heard("to all", 1) && self.heard("to all", 2)) || !self.failures.empty() || !self.lost.empty();
  };
  CHECK(io::run(machine) == io::RunEnd::finished);
  CHECK(machine.failures.empty());
  CHECK(machine.lost.empty());
  REQUIRE(machine.heard("to all", 1));
  REQUIRE(machine.heard("to all", 2));
  CHECK(machine.received[0].local == Endpoint{group, port});
  CHECK(machine.received[0].remote == machine.opened[2]);
}

TEST_CASE("What comes back of a datagram is told to a machine that wants to hear it", "[wishes]") {
  const auto family = GENERATE(Family::ipv4, Family::ipv6);
  const auto closed = nowhere(family);
  Wisher machine;
  auto wanted = wish(1, {loopback(family), 0});
  wanted.errors = PathErrors::heard;
  machine.changes.emplace_back(wanted);
  machine.script = [&](Wisher& self) {
    if (self.opened.size() == 1 && self.errors.empty() && self.lost.empty()) self.send(1, closed, "anybody?");
    self.is_done = !self.errors.empty() || !self.lost.empty();
  };
  CHECK(io::run(machine) == io::RunEnd::finished);
  REQUIRE(machine.errors.size() >= 1);
  CHECK(machine.errors[0].socket == SocketId{1});
  CHECK(machine.errors[0].kind == PathError::Kind::port_unreachable);
  CHECK(machine.errors[0].remote == closed);
  CHECK(machine.errors[0].offender == loopback(family));
}

TEST_CASE("Errors that come back hold up neither what is sent nor what arrives", "[wishes]") {
  Echo echo;
  Server server{echo, {{.endpoint = {loopback(), 0}}}};
  const auto closed = nowhere();
  constexpr std::size_t rounds = 200;
  Wisher machine;
  auto wanted = wish(1, {loopback(), 0});
  wanted.errors = PathErrors::heard;
  machine.changes.emplace_back(wanted);
  std::size_t asked = 0;
  machine.script = [&](Wisher& self) {
    // One round after the other: an answer that got stuck would be the last.
    if (!self.opened.empty() && asked == self.received.size() && asked < rounds) {
      ++asked;
      self.send(1, closed, "nobody");
      self.send(1, server.endpoint(), "somebody");
      self.send(1, closed, "nobody");
    }
    self.is_done = self.received.size() == rounds;
  };
  CHECK(io::run(machine) == io::RunEnd::finished);
  CHECK(machine.received.size() == rounds);
  CHECK(machine.lost.empty());
  CHECK_FALSE(machine.errors.empty());
}

TEST_CASE("A TCP socket that listens takes connections; one that connects says when it stands", "[wishes]") {
  Wisher machine;
  machine.changes.emplace_back(
      SocketWish{.socket = SocketId{1}, .protocol = Protocol::tcp, .local = {loopback(), 0}, .role = TcpRole::listens});
  const Endpoint from{*parse_ip_address("127.0.0.7"), 0};
  machine.changes.emplace_back(SocketWish{.socket = SocketId{2}, .protocol = Protocol::tcp, .local = from});
  machine.script = [&](Wisher& self) {
    if (self.opened.size() == 2 && self.connected.empty() && self.received.empty())
      self.send(2, self.opened[0], "hello", Protocol::tcp);
    if (self.heard("hello", 1) && self.received.size() == 1)
      self.send(1, self.received[0].remote, "welcome", Protocol::tcp);
    if (self.heard("welcome", 2) && self.lost.empty()) self.changes.emplace_back(SocketEnd{SocketId{1}});
    self.is_done = !self.lost.empty();
  };
  CHECK(io::run(machine) == io::RunEnd::finished);
  REQUIRE(machine.connected.size() == 1);
  CHECK(machine.connected[0] == machine.opened[0]);
  REQUIRE(machine.received.size() == 2);
  CHECK(machine.received[0].remote.address == from.address);
  CHECK(machine.heard("welcome", 2));
  REQUIRE(machine.lost.size() == 1);  // the listening end closed its connections with it
  CHECK(machine.lost[0].socket == SocketId{2});
}
