// When which relay is asked, and with which name; the servers are played by the test.
#include "natkit/link/gathering.hpp"

#include <algorithm>

#include "catch.hpp"
#include "literals.hpp"
#include "natkit/stun/message.hpp"

using namespace natkit;
using namespace natkit::link;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
const auto stun_server = "192.0.2.1:3478"_ep;
const TransportAddress udp_relay{Protocol::udp, stun_server};
const TransportAddress tcp_relay{Protocol::tcp, stun_server};

/// A host with one socket whose questions left at `asked`, and a server 50 ms away.
class Host {
 public:
  explicit Host(std::vector<Endpoint> stun = {stun_server})
      : gathering(
            {.addresses = {"192.168.1.10"_ip}, .stun = std::move(stun), .reserve = Gathering::Reserve::when_asked},
            rng_) {
    gathering.start(now);
    while (const auto change = gathering.poll_socket())
      if (const auto* wish = std::get_if<SocketWish>(&*change))
        gathering.handle_socket_opened(now, wish->socket, {"192.168.1.10"_ip, 5000});
    drain();
  }
  void add_relay(const TransportAddress& address, RelayServer::Use use, std::string name = "name") {
    gathering.add_relay(
        now, {.address = address, .credentials = {{std::move(name), "word"}}, .use = use, .round_trip = 50ms});
    drain();
  }
  void run_until(Instant end) {
    while (gathering.poll_timeout().value_or(end) < end) {
      now = std::max(now, *gathering.poll_timeout());
      gathering.handle_timeout(now);
      drain();
    }
    now = end;
  }
  void drain() {
    while (auto out = gathering.poll_transmit()) {
      if (out->protocol == Protocol::tcp && !first_tcp) first_tcp = now;
      sent.push_back(std::move(*out));
    }
  }
  /// The server answers what it was last sent that way.
  void answer(Protocol protocol, const std::function<void(stun::MessageWriter&)>& fill, stun::MessageClass what) {
    const auto last = std::ranges::find(sent.rbegin(), sent.rend(), protocol, &Datagram::protocol);
    REQUIRE(last != sent.rend());
    const auto question = *stun::parse_message(last->payload);
    stun::MessageWriter writer{what, question.method(), question.transaction_id()};
    fill(writer);
    gathering.handle_datagram(
        now, {.socket = last->socket, .protocol = protocol, .remote = stun_server, .payload = writer.finish()});
    drain();
  }

 private:
  SeededRng rng_{1};

 public:
  Instant now{1h};
  const Instant asked = now;
  Gathering gathering;
  std::vector<Datagram> sent;
  std::optional<Instant> first_tcp;
};
}  // namespace

TEST_CASE("Where nothing comes back over UDP, the relay over TCP is asked as soon as that is plain", "[gathering]") {
  Host host;
  host.run_until(host.asked + 40ms);
  host.add_relay(udp_relay, RelayServer::Use::at_once);
  host.add_relay(tcp_relay, RelayServer::Use::when_others_are_silent);
  host.run_until(host.asked + 1s);
  REQUIRE(host.first_tcp);
  CHECK(*host.first_tcp - host.asked == 100ms);
}

TEST_CASE("Registered after that, nobody waits at all", "[gathering]") {
  Host host;
  host.run_until(host.asked + 150ms);
  host.add_relay(udp_relay, RelayServer::Use::at_once);
  host.add_relay(tcp_relay, RelayServer::Use::when_others_are_silent);
  host.run_until(host.asked + 1s);
  REQUIRE(host.first_tcp);
  CHECK(*host.first_tcp - host.asked == 150ms);
}

TEST_CASE("Where a server has answered over UDP, the relay over TCP is left alone for longer", "[gathering]") {
  Host host;
  host.run_until(host.asked + 50ms);
  host.answer(
      Protocol::udp,
      [](auto& answer) { answer.add_endpoint(stun::AttributeType::xor_mapped_address, "203.0.113.1:5000"_ep); },
      stun::MessageClass::success);
  host.add_relay(udp_relay, RelayServer::Use::at_once);
  host.add_relay(tcp_relay, RelayServer::Use::when_others_are_silent);
  host.run_until(host.asked + 1s);
  REQUIRE(host.first_tcp);  // the relay itself stays silent
  CHECK(*host.first_tcp - host.asked == 300ms);
}

TEST_CASE("A relay that waited is asked with the latest name", "[gathering]") {
  Host host;
  host.add_relay(tcp_relay, RelayServer::Use::when_others_are_silent, "old");
  host.add_relay(tcp_relay, RelayServer::Use::when_others_are_silent, "new");
  host.run_until(host.asked + 500ms);
  REQUIRE(host.first_tcp);
  host.answer(
      Protocol::tcp,
      [](auto& answer) {
        answer.add_error(401, "").add_text(stun::AttributeType::realm, "r").add_text(stun::AttributeType::nonce, "n");
      },
      stun::MessageClass::error);
  const auto signed_one = stun::parse_message(host.sent.back().payload);
  REQUIRE(signed_one);
  CHECK(signed_one->text(stun::AttributeType::username) == "new");
}
