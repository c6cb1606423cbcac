// TCP sockets that wait and connect from one port.
#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "catch.hpp"
#include "machines.hpp"
#include "natkit/io/driver.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
constexpr SocketId left{1}, right{2};

/// Two sockets of one program; what one says to the other is tried again until it is heard.
struct Pair {
  Family family = Family::ipv4;
  enum class Who : std::uint8_t { both, one_first } who = Who::both;
  std::size_t most_heard = 1;
  std::deque<SocketChange> changes{};
  std::deque<Datagram> out{};
  std::map<SocketId, Endpoint> opened{};
  std::map<SocketId, std::string> heard{};
  std::map<SocketId, Endpoint> seen_from{};
  std::vector<std::string> failures{};
  std::optional<Instant> again{};
  std::optional<Instant> deadline{};

  void start(Instant now) {
    for (const auto socket : {left, right})
      changes.emplace_back(SocketWish{.socket = socket,
                                      .protocol = Protocol::tcp,
                                      .local = {loopback(family), 0},
                                      .role = TcpRole::meets,
                                      .overflow = Overflow::drops});
    deadline = now + 5s;
  }
  void handle_socket_opened(Instant, SocketId socket, const Endpoint& local) {
    opened[socket] = local;
    if (opened.size() == 2) talk();
  }
  void handle_socket_failure(Instant, SocketId, std::string_view why) { failures.emplace_back(why); }
  void talk() {
    say(left, right, "from left");
    if (who == Who::both || !heard[right].empty()) say(right, left, "from right");
  }
  void say(SocketId from, SocketId to, std::string_view words) {
    if (!heard[to].empty()) return;
    out.push_back({.socket = from,
                   .protocol = Protocol::tcp,
                   .remote = opened[to],
                   .payload = Bytes(words.begin(), words.end())});
  }
  void handle_datagram(Instant, const Datagram& in) {
    heard[in.socket] = as_text(in.payload);
    seen_from[in.socket] = in.remote;
    if (!is_over()) talk();
  }
  void handle_send_failure(Instant now, const Datagram&, std::string_view) { again = now + 10ms; }
  void handle_timeout(Instant now) {
    if (again && *again <= now) {
      again.reset();
      talk();
    }
    if (deadline && *deadline <= now) deadline.reset();
  }
  [[nodiscard]] bool is_over() const { return seen_from.size() == 2; }
  std::optional<SocketChange> poll_socket() { return take(changes); }
  std::optional<Datagram> poll_transmit() { return take(out); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const {
    if (is_over() || !deadline) return std::nullopt;
    return again ? std::min(again, deadline) : deadline;
  }
  template <class T>
  static std::optional<T> take(std::deque<T>& queue) {
    if (queue.empty()) return std::nullopt;
    auto first = std::move(queue.front());
    queue.pop_front();
    return first;
  }
};
static_assert(SansIo<Pair> && OpensSockets<Pair> && HearsSendFailure<Pair>);
}  // namespace

TEST_CASE("Two sockets that connect to each other's port speak by one connection between these ports", "[tcp]") {
  Pair pair{.family = GENERATE(Family::ipv4, Family::ipv6), .who = GENERATE(Pair::Who::both, Pair::Who::one_first)};
  CHECK(io::run(pair) == io::RunEnd::finished);
  CHECK(pair.failures.empty());
  CHECK(pair.heard == std::map<SocketId, std::string>{{left, "from right"}, {right, "from left"}});
  CHECK(pair.seen_from == std::map<SocketId, Endpoint>{{left, pair.opened[right]}, {right, pair.opened[left]}});
}

namespace {
/// Says more at once than a connection takes, to a peer that listens but does not read.
struct Flood {
  Endpoint to;
  Overflow overflow;
  std::size_t pieces = 3000;  // of 64 KiB: more than any system's buffers hold
  std::size_t sent = 0;
  std::vector<std::string> failures{};
  std::deque<SocketChange> changes{};
  std::optional<Instant> deadline{};

  void start(Instant now) {
    changes.emplace_back(
        SocketWish{.socket = left, .protocol = Protocol::tcp, .local = {loopback(), 0}, .overflow = overflow});
    deadline = now + 300ms;
  }
  void handle_datagram(Instant, const Datagram&) {}
  void handle_connected(Instant, SocketId, const Endpoint&) { is_connected = true; }
  void handle_send_failure(Instant, const Datagram&, std::string_view why) { failures.emplace_back(why); }
  void handle_socket_opened(Instant, SocketId, const Endpoint&) {}
  void handle_socket_failure(Instant, SocketId, std::string_view) {}
  void handle_timeout(Instant) { deadline.reset(); }
  std::optional<SocketChange> poll_socket() { return Pair::take(changes); }
  std::optional<Datagram> poll_transmit() {
    if (sent > 0 && !is_connected) return std::nullopt;
    if (sent == pieces || !failures.empty()) return std::nullopt;
    ++sent;
    return Datagram{.socket = left, .protocol = Protocol::tcp, .remote = to, .payload = Bytes(16384, 1)};
  }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return deadline; }
  bool is_connected = false;
};
}  // namespace

TEST_CASE("What a connection is too narrow for ends it, or is dropped where packets are carried", "[tcp]") {
  const auto listeners = io::Listeners::bind({{.protocol = Protocol::tcp, .endpoint = {loopback(), 0}}});
  REQUIRE(listeners);
  Flood flood{.to = listeners->bound()[0].endpoint, .overflow = GENERATE(Overflow::ends, Overflow::drops)};
  CHECK(io::run(flood) == io::RunEnd::finished);
  if (flood.overflow == Overflow::drops) {
    CHECK(flood.sent == flood.pieces);
    CHECK(flood.failures.empty());
  } else {
    REQUIRE_FALSE(flood.failures.empty());
    CHECK(flood.failures[0] == "the other side does not read what it is sent");
  }
}
