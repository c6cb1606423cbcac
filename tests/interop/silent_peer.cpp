// A peer for punch that connects as any other, and then never says what it wants with the connection.
//
//     silent_peer SERVER:PORT ROOM      on loopback; prints "secured" when it is, and ends when the link does
#include <cstdio>
#include <string_view>
#include <utility>
#include <variant>

#include "natkit/crypto/secure_rng.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/link/pairing.hpp"

namespace {
using namespace natkit;

class Silent {
 public:
  explicit Silent(link::Pairing& pairing) : pairing_(pairing) {}

  void start(Instant now) {
    pairing_.start(now);
    hear(now);
  }
  void handle_datagram(Instant now, const Datagram& in) {
    pairing_.handle_datagram(now, in);
    hear(now);
  }
  void handle_timeout(Instant now) {
    pairing_.handle_timeout(now);
    hear(now);
  }
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
    pairing_.handle_connected(now, socket, remote);
    hear(now);
  }
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
    pairing_.handle_send_failure(now, lost, why);
    hear(now);
  }
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
    pairing_.handle_socket_opened(now, socket, local);
    hear(now);
  }
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
    pairing_.handle_socket_failure(now, socket, why);
    hear(now);
  }
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return pairing_.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit() { return pairing_.poll_transmit(); }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return pairing_.poll_timeout(); }

 private:
  void hear(Instant now) {
    while (const auto event = pairing_.poll_event(now)) {
      const auto* of_link = std::get_if<link::Hub::LinkEvent>(&*event);
      if (of_link && std::holds_alternative<link::Link::Secured>(of_link->event)) std::puts("secured");
      if (of_link && std::holds_alternative<link::Link::Ended>(of_link->event)) pairing_.close(now);
    }
    std::fflush(stdout);
    pairing_.flush(now);
  }

  link::Pairing& pairing_;
};
static_assert(SansIo<Silent> && OpensSockets<Silent> && HearsConnections<Silent>);
}  // namespace

int main(int count, char** arguments) {
  const auto server = count == 3 ? parse_endpoint(arguments[1]) : std::nullopt;
  if (!server) {
    std::fputs("usage: silent_peer SERVER:PORT ROOM\n", stderr);
    return 2;
  }
  crypto::SecureRng rng;
  link::Hub::Config hub{.gathering = {.addresses = {*parse_ip_address("127.0.0.1")}},
                        .agent = {},
                        .channel = {},
                        .identity = crypto::Identity::make()};
  const auto id = crypto::to_text(hub.identity.fingerprint());
  link::Pairing pairing{{.hub = std::move(hub),
                         .client = {.servers = {*server}, .id = id},
                         .purpose = rendezvous::Purpose::pair,
                         .name = arguments[2],
                         .seal = rendezvous::Seal{id},
                         .most_links = 1},
                        rng};
  Silent machine{pairing};
  return io::run(machine) ? 0 : 1;
}
