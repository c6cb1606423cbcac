// Two who connect to each other from the ports they wait at: simultaneous open.
#include <utility>

#include "catch.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::sim;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
constexpr std::uint16_t port = 40000;  // which NATs keep, so that each side knows the other's

/// Waits at its port, and connects from it to the other's after a while. Says one word where it connects.
class Meeter {
 public:
  Meeter(Endpoint other, Duration after) : other_(other), after_(after) {}

  void start(Instant now) {
    began_ = now;
    due_ = now + after_;
  }
  void handle_timeout(Instant now) {
    if (!due_ || *due_ > now) return;
    due_.reset();
    outgoing_.push_back({.socket = one, .protocol = Protocol::tcp, .remote = other_, .payload = {'h', 'i'}});
  }
  void handle_datagram(Instant now, const Datagram& in) {
    if (in.socket == one && in.remote == other_) heard.push_back(now - began_);
  }
  void handle_connected(Instant now, SocketId, const Endpoint&) { connected.push_back(now - began_); }
  void handle_send_failure(Instant, const Datagram&, std::string_view why) { failures.emplace_back(why); }
  void handle_socket_opened(Instant, SocketId, const Endpoint& local) { is_open = local.port == port; }
  void handle_socket_failure(Instant, SocketId, std::string_view) {}
  std::optional<SocketChange> poll_socket() {
    if (std::exchange(has_wished_, true)) return std::nullopt;
    return SocketWish{.socket = one,
                      .protocol = Protocol::tcp,
                      .local = {IpAddress::any(Family::ipv4), port},
                      .role = TcpRole::meets};
  }
  std::optional<Datagram> poll_transmit() {
    if (outgoing_.empty()) return std::nullopt;
    auto out = outgoing_.front();
    outgoing_.clear();
    return out;
  }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return due_; }

  std::vector<Duration> connected, heard;
  std::vector<std::string> failures;
  bool is_open = false;

 private:
  Endpoint other_;
  Duration after_;
  bool has_wished_ = false;
  Instant began_{};
  std::optional<Instant> due_;
  std::vector<Datagram> outgoing_;
};
/// Closes its socket the moment that it is connected.
class Quitter : public Meeter {
 public:
  using Meeter::Meeter;
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
    Meeter::handle_connected(now, socket, remote);
    is_leaving_ = true;
  }
  std::optional<SocketChange> poll_socket() {
    if (std::exchange(is_leaving_, false)) return SocketEnd{one};
    return Meeter::poll_socket();
  }

 private:
  bool is_leaving_ = false;
};
static_assert(SansIo<Meeter> && OpensSockets<Meeter> && HearsConnections<Meeter> && HearsSendFailure<Meeter>);

/// Two homes, 50 ms apart there and back.
struct Homes {
  explicit Homes(Unsolicited unsolicited_syns) : unsolicited(unsolicited_syns) {}
  Unsolicited unsolicited;
  Network net{1};
  Host& a = net.add_host(home());
  Host& b = net.add_host(home());

  [[nodiscard]] static Endpoint outside(const Host& host) { return {host.parent()->addresses().front(), port}; }
  Gateway& home() {
    auto& nat = net.add_nat({.unsolicited = unsolicited});
    nat.set_link({.delay = 12500us});
    return nat;
  }
};
}  // namespace

TEST_CASE("Two SYNs that cross make one connection, in one round trip and through two NATs", "[network][tcp]") {
  Homes homes{GENERATE(Unsolicited::drop, Unsolicited::reject)};
  Meeter a{Homes::outside(homes.b), 0ms}, b{Homes::outside(homes.a), 0ms};
  homes.a.attach(a);
  homes.b.attach(b);
  homes.net.run_for(5s);
  REQUIRE(a.is_open);
  CHECK(a.connected == std::vector<Duration>{50ms});
  CHECK(b.connected == std::vector<Duration>{50ms});
  CHECK(a.heard == std::vector<Duration>{75ms});
  CHECK(b.heard == std::vector<Duration>{75ms});
  CHECK(a.failures.empty());
}

TEST_CASE("A SYN that was dropped is repeated, and meets the later one of the other side", "[network][tcp]") {
  Homes homes{Unsolicited::drop};
  Meeter a{Homes::outside(homes.b), 0ms}, b{Homes::outside(homes.a), 300ms};
  homes.a.attach(a);
  homes.b.attach(b);
  homes.net.run_for(5s);
  CHECK(a.connected == std::vector<Duration>{375ms});
  CHECK(b.connected == std::vector<Duration>{350ms});
  CHECK(a.heard == std::vector<Duration>{375ms});
  CHECK(b.heard == std::vector<Duration>{400ms});
}

TEST_CASE("Who was refused for being early still waits at its port, and the late one comes to it", "[network][tcp]") {
  Homes homes{Unsolicited::reject};
  Meeter a{Homes::outside(homes.b), 0ms}, b{Homes::outside(homes.a), 60ms};
  homes.a.attach(a);
  homes.b.attach(b);
  homes.net.run_for(5s);
  CHECK(a.failures == std::vector<std::string>{"Connection refused"});
  CHECK(b.connected == std::vector<Duration>{110ms});
  CHECK(a.heard == std::vector<Duration>{135ms});
}

TEST_CASE("A SYN that nobody ever answers is given up after two minutes", "[network][tcp]") {
  Homes homes{Unsolicited::drop};
  Meeter a{Homes::outside(homes.b), 0ms};
  homes.a.attach(a);
  homes.net.run_for(126s);
  CHECK(a.failures.empty());
  homes.net.run_for(2s);
  CHECK(a.failures == std::vector<std::string>{"Connection timed out"});
}

TEST_CASE("Who closes its socket when it is connected hears nothing that came along", "[network][tcp]") {
  const Endpoint here{"192.0.2.1"_ip, port};
  const Endpoint there{"192.0.2.2"_ip, port};
  const Instant clock{1h};
  SeededRng rng{1};
  Host host{NodeId{1}, nullptr, {.addresses = {here.address}}, clock, rng};
  Quitter quitter{there, 0ms};
  host.attach(quitter);
  host.handle_timeout();  // its SYN leaves, and crosses the other one, whose SYN-ACK is lost
  const Packet syn{.protocol = Protocol::tcp, .source = there, .destination = here, .segment = TcpSegment::syn};
  host.handle_packet(syn);
  host.handle_packet({.protocol = Protocol::tcp, .source = there, .destination = here, .payload = {'h', 'i'}});
  CHECK(quitter.connected.size() == 1);
  CHECK(quitter.heard.empty());
}
