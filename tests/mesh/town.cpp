#include "mesh/town.hpp"

#include <utility>

#include "natkit/turn/credentials.hpp"

namespace natkit::test {
namespace {
constexpr std::uint16_t stun_port = 3478, turn_port = 3479, meeting_port = 3480;
constexpr SocketId only_socket{0};
constexpr std::string_view relay_secret = "a secret of the relay";
constexpr turn::UnixTime some_day{std::chrono::seconds{1'700'000'000}};

turn::Relay::Config relay_config(const IpAddress& address) {
  turn::Relay::Config config;
  config.gate.secrets = {std::string{relay_secret}};
  config.addresses = {{.local = address, .announced = address}};
  return config;
}

rendezvous::Server::Config server_config(const IpAddress& address, rendezvous::Directory& directory) {
  using rendezvous::Service;
  rendezvous::Server::Config config{.directory = &directory};
  config.offer.elsewhere = {Service{.kind = Service::Kind::turn, .address = Endpoint{address, turn_port}}};
  config.offer.secret_elsewhere = relay_secret;
  return config;
}
}  // namespace

Town::Town(std::uint64_t seed)
    : village{seed},
      host_{village.net.add_host({.link = {.delay = std::chrono::microseconds{12500}}})},
      responder_{{.listeners = {{.socket = only_socket, .endpoint = {host_.addresses().front(), stun_port}}},
                  .allowance_per_address = {.burst = 1e6, .per_second = 1e6},
                  .allowance_for_all = {.burst = 1e6, .per_second = 1e6}},
                 village.net.rng()},
      relay_{relay_config(host_.addresses().front()), village.net.rng()},
      directory_{rendezvous::Directory::Config{}},
      server_{server_config(host_.addresses().front(), directory_), store_, village.net.rng()} {
  const auto address = host_.addresses().front();
  relay_.tell_time(village.net.now(), some_day);
  server_.offer().tell_time(village.net.now(), some_day);
  host_.attach(responder_, {{only_socket, {address, stun_port}}});
  host_.attach(relay_, {{only_socket, {address, turn_port}}});
  host_.attach(server_, {{.socket = only_socket, .local = {address, meeting_port}, .protocol = Protocol::tcp}});
  village.servers = {.stun = {address, stun_port}, .meeting = {address, meeting_port}};
}

Villager& Town::found(std::string_view name, Box box, std::uint8_t forwards) {
  auto& founder = village.add(name, box, forwards);
  auto settings = open_session();
  settings.token = Bytes(16, 9);
  village.found(founder, std::move(settings));
  return founder;
}

Villager& Town::join(std::string_view name, Box box) {
  auto& joiner = village.add(name, box);
  joiner.node.join(village.net.now(), {.name = "den"});
  joiner.host->wake();
  return joiner;
}

std::uint64_t Town::relayed_bytes() const { return relay_.counters().relayed_bytes; }
}  // namespace natkit::test
