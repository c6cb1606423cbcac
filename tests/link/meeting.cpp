#include "link/meeting.hpp"

#include <algorithm>
#include <utility>

namespace natkit::test {
namespace {
constexpr std::uint16_t stun_port = 3478, turn_port = 3479, meeting_port = 3480;
constexpr SocketId stun_socket{0}, turn_socket{0}, turn_connections{1}, meeting_socket{0};
constexpr std::string_view relay_secret = "a secret of the relay";
constexpr turn::UnixTime some_day{std::chrono::seconds{1'700'000'000}};

turn::Relay::Config relay_config(const IpAddress& address) {
  turn::Relay::Config config;
  config.gate.secrets = {std::string{relay_secret}};
  config.addresses = {{.local = address, .announced = address}};
  return config;
}

rendezvous::Seal seal_for(std::string_view id, const std::string& secret, const std::string& name) {
  if (secret.empty()) return rendezvous::Seal{std::string{id}};
  return rendezvous::Seal{std::string{id}, Bytes(secret.begin(), secret.end()), name};
}
}  // namespace

void Guest::start(Instant now) {
  pairing.start(now);
  hear(now);
}
void Guest::handle_datagram(Instant now, const Datagram& in) {
  pairing.handle_datagram(now, in);
  hear(now);
}
void Guest::handle_timeout(Instant now) {
  pairing.handle_timeout(now);
  hear(now);
}
void Guest::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  pairing.handle_connected(now, socket, remote);
  hear(now);
}
void Guest::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  pairing.handle_send_failure(now, lost, why);
  hear(now);
}
void Guest::handle_path_error(Instant now, const PathError& error) {
  pairing.handle_path_error(now, error);
  hear(now);
}
void Guest::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  pairing.handle_socket_opened(now, socket, local);
  hear(now);
}
void Guest::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  pairing.handle_socket_failure(now, socket, why);
  hear(now);
}

void Guest::hear(Instant now) {
  using link::Link;
  using link::Pairing;
  while (auto event = pairing.poll_event(now)) {
    if (std::holds_alternative<Pairing::Registered>(*event)) {
      registered_at = now;
      if (leads_with_relay) pairing.lead_with_relay(now);
    } else if (const auto* peer = std::get_if<Pairing::PeerFound>(&*event)) {
      found.push_back(peer->link);
      if (!found_at) found_at = now;
    } else if (const auto* trouble = std::get_if<Pairing::Trouble>(&*event)) {
      troubles.push_back(trouble->error);
    } else if (const auto* end = std::get_if<Pairing::Over>(&*event)) {
      over = end->error;
      over_at = now;
    } else if (const auto* said = std::get_if<link::Hub::LinkEvent>(&*event)) {
      if (const auto* connected = std::get_if<Link::Connected>(&said->event)) {
        if (!connected_at) connected_at = now;
        path = connected->path;
      } else if (const auto* changed = std::get_if<Link::PathChanged>(&said->event)) {
        path = changed->path;
      } else if (std::holds_alternative<Link::Secured>(said->event)) {
        secured.push_back(said->link);
        if (!secured_at) secured_at = now;
      } else if (const auto* last = std::get_if<Link::Ended>(&said->event)) {
        ended.push_back(*last);
      }
    }
  }
  pairing.flush(now);
}

Meeting::Meeting(const MeetingConfig& config)
    : config_(config),
      net{config.seed},
      server_host{net.add_host({.link = {.delay = config.half_trip}})},
      host_a{net.add_host({}, add_box(config.box_a))},
      host_b{net.add_host({}, add_box(config.box_b))},
      a{std::make_unique<Guest>(config_of(host_a, "a"), net.rng())},
      b{std::make_unique<Guest>(config_of(host_b, "b"), net.rng())},
      responder_{{.listeners = {{.socket = stun_socket, .endpoint = {server_host.addresses().front(), stun_port}}},
                  .allowance_per_address = {.burst = 1e6, .per_second = 1e6},
                  .allowance_for_all = {.burst = 1e6, .per_second = 1e6}},
                 net.rng()},
      relay_{relay_config(server_host.addresses().front()), net.rng()},
      b_starts_at_{net.now() + config.b_comes_later},
      b_came_at_{*b_starts_at_} {
  b->leads_with_relay = config.b_leads == MeetingConfig::Leads::with_relay;
  set_virtual_time(net.now());
  relay_.tell_time(net.now(), some_day);
  server_host.attach(responder_, {{stun_socket, {server_host.addresses().front(), stun_port}}});
  server_host.attach(relay_, {{turn_socket, {server_host.addresses().front(), turn_port}},
                              {turn_connections, {server_host.addresses().front(), turn_port}, Protocol::tcp}});
  start_server();
  host_a.attach(*a);
}

void Meeting::start_server() {
  store_ = std::make_unique<rendezvous::MemoryStore>();
  server_ = std::make_unique<rendezvous::Server>(rendezvous::Server::Config{}, *store_, net.rng());
  server_host.attach(*server_, {{.socket = meeting_socket,
                                 .local = {server_host.addresses().front(), meeting_port},
                                 .protocol = Protocol::tcp}});
}

void Meeting::restart_server() {
  server_host.detach_last();
  start_server();
}

void Meeting::kill_b() { host_b.detach_last(); }

void Meeting::restart_b() {
  host_b.detach_last();
  b = std::make_unique<Guest>(config_of(host_b, "b"), net.rng());
  host_b.attach(*b);
}

sim::Gateway& Meeting::add_box(Box box) {
  auto& gateway = make_box(net, box);
  gateway.set_link({.delay = config_.half_trip, .jitter = config_.jitter, .loss = config_.loss});
  return gateway;
}

link::Pairing::Config Meeting::config_of(const sim::Host& host, std::string_view name) const {
  const auto& address = server_host.addresses().front();
  const bool is_a = name == "a";
  const auto& identity = identity_of(name);
  const auto id = crypto::to_text(identity.fingerprint());
  const auto& meeting_name = is_a ? config_.name_a : config_.name_b;
  link::Hub::Config hub{.gathering = {}, .agent = {}, .channel = {}, .identity = identity};
  hub.gathering.addresses = host.addresses();
  hub.gathering.stun = {{address, stun_port}};
  if (config_.relaying == EncounterConfig::Relaying::yes)
    hub.gathering.relays = {
        {.address = {has_udp(is_a ? config_.box_a : config_.box_b) ? Protocol::udp : Protocol::tcp,
                     {address, turn_port}},
         .credentials = turn::make_rest_credentials(relay_secret, some_day + std::chrono::hours{1}, name)}};
  return {.hub = std::move(hub),
          .client = {.servers = {{address, meeting_port}}, .id = id},
          .purpose = is_a ? config_.purpose_a : config_.purpose_b,
          .name = meeting_name,
          .seal = seal_for(id, is_a ? config_.secret_a : config_.secret_b, meeting_name),
          .wait = config_.wait,
          .timeout = config_.timeout,
          .most_links = config_.most_links};
}

void Meeting::step() {
  set_virtual_time(net.now());
  if (b_starts_at_ && *b_starts_at_ <= net.now()) {
    b_starts_at_.reset();
    host_b.attach(*b);
  }
  net.run_for(1ms);
}

void Meeting::run(Duration time, const std::function<bool()>& is_over) {
  for (const auto end = net.now() + time; net.now() < end && !is_over();) step();
}

double Meeting::connected_after() const {
  const auto since = [](const Guest& guest) { return *guest.connected_at - *guest.found_at; };
  return std::chrono::duration<double, std::milli>(std::max(since(*a), since(*b))).count();
}

double Meeting::waited_by_b() const {
  return std::chrono::duration<double, std::milli>(*b->connected_at - b_came_at_).count();
}
}  // namespace natkit::test
