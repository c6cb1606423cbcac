#include "link/encounter.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace natkit::test {
namespace {
constexpr std::uint16_t stun_port = 3478, turn_port = 3479;
constexpr std::string_view relay_secret = "a secret of the relay";
constexpr turn::UnixTime some_day{std::chrono::seconds{1'700'000'000}};
constexpr Duration half_trip = 12500us;

turn::Relay::Config relay_config(const IpAddress& address) {
  turn::Relay::Config config;
  config.gate.secrets = {std::string{relay_secret}};
  config.addresses = {{.local = address, .announced = address}};
  return config;
}
}  // namespace

std::string_view to_text(Box box) {
  constexpr std::array<std::string_view, 14> names{
      "public",    "firewall",     "full-cone", "restricted",  "drop",          "reject",      "accept",
      "symmetric", "random-ports", "no-udp",    "no-udp-drop", "no-udp-reject", "no-udp-cone", "no-udp-symmetric"};
  return names.at(static_cast<std::size_t>(box));
}

bool has_udp(Box box) { return box < Box::no_udp; }

bool needs_guessing(Box a, Box b) {
  const auto filters_by_port = [](Box box) {
    return box == Box::firewall || box == Box::drop || box == Box::reject || box == Box::accept;
  };
  if (a == Box::symmetric) return b == Box::symmetric || filters_by_port(b);
  return b == Box::symmetric && filters_by_port(a);
}

namespace {
sim::Gateway& make_box_without_udp(sim::Network& net, sim::NatConfig nat) {
  auto& firewall = net.add_firewall({.udp = sim::Policy::drop, .unsolicited = sim::Policy::allow});
  return net.add_nat(std::move(nat), firewall);
}
}  // namespace

sim::Gateway& make_box(sim::Network& net, Box box) {
  switch (box) {
    case Box::no_udp:
      return net.add_firewall({.udp = sim::Policy::drop, .unsolicited = sim::Policy::allow});
    case Box::no_udp_drop:
      return make_box_without_udp(net, {});
    case Box::no_udp_reject:
      return make_box_without_udp(net, {.unsolicited = sim::Unsolicited::reject});
    case Box::no_udp_cone:
      return make_box_without_udp(net, {.filtering = Behavior::endpoint_independent});
    case Box::no_udp_symmetric:
      return make_box_without_udp(
          net, {.mapping = Behavior::address_and_port_dependent, .allocation = sim::PortAllocation::random});
    case Box::open:
      return net.add_router();
    case Box::firewall:
      return net.add_firewall();
    case Box::full_cone:
      return net.add_nat({.filtering = Behavior::endpoint_independent});
    case Box::restricted:
      return net.add_nat({.filtering = Behavior::address_dependent});
    case Box::drop:
      return net.add_nat(sim::linux_masquerade(sim::Unsolicited::drop));
    case Box::reject:
      return net.add_nat(sim::linux_masquerade(sim::Unsolicited::reject));
    case Box::accept:
      return net.add_nat(sim::linux_masquerade(sim::Unsolicited::accept));
    case Box::symmetric:
      return net.add_nat({.mapping = Behavior::address_and_port_dependent, .allocation = sim::PortAllocation::random});
    case Box::random_ports:
      return net.add_nat({.allocation = sim::PortAllocation::random});
  }
  return net.add_router();
}

void Party::start(Instant now) {
  hub.start(now);
  id = hub.open(now, relays_);
  hear(now);
}

void Party::handle_datagram(Instant now, const Datagram& in) {
  if (std::ranges::find(cut, in.remote.address) == cut.end()) hub.handle_datagram(now, in);
  hear(now);
}

void Party::handle_timeout(Instant now) {
  hub.handle_timeout(now);
  hear(now);
}

void Party::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  hub.handle_socket_opened(now, socket, local);
  hear(now);
}

void Party::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  hub.handle_socket_failure(now, socket, why);
  hear(now);
}

std::optional<Datagram> Party::poll_transmit() {
  while (auto out = hub.poll_transmit()) {
    ++sent;
    if (out->remote.address == relay && out->remote.port != stun_port) ++sent_to_relay;
    if (std::ranges::find(cut, out->remote.address) == cut.end()) return out;
  }
  return std::nullopt;
}

void Party::hear(Instant now) {
  while (auto event = hub.poll_event()) {
    if (const auto* found = std::get_if<link::Hub::Found>(&*event); found && found->only.value_or(*id) == *id)
      outbox.push_back(found->local.candidate);
    if (const auto* knocked = std::get_if<link::Hub::Knocked>(&*event)) knocks.push_back(*knocked);
    auto* said = std::get_if<link::Hub::LinkEvent>(&*event);
    if (!said) continue;
    events.push_back(said->event);
    if (const auto* connected = std::get_if<link::Link::Connected>(&said->event)) {
      connected_at = now;
      if (!connected->path.is_relayed()) direct_at = now;
    } else if (const auto* changed = std::get_if<link::Link::PathChanged>(&said->event)) {
      if (!direct_at && !changed->path.is_relayed()) direct_at = now;
    } else if (std::holds_alternative<link::Link::Secured>(said->event)) {
      secured_at = now;
      secured.push_back(said->link);
    } else if (const auto* over = std::get_if<link::Link::Ended>(&said->event)) {
      ended_at = now;
      ended = *over;
    } else if (const auto* message = std::get_if<channel::Message>(&said->event)) {
      if (!message_at) message_at = now;
      heard.insert(heard.end(), message->payload.begin(), message->payload.end());
    }
  }
  hub.flush(now);
}

Encounter::Encounter(const EncounterConfig& config)
    : config_(config),
      net{config.seed},
      server{net.add_host({.link = {.delay = half_trip}})},
      home_a{add_box(config.box_a)},
      home_b{config.place == EncounterConfig::Place::same_lan ? home_a : add_box(config.box_b)},
      host_a{net.add_host({}, home_a)},
      host_b{net.add_host({}, home_b)},
      a{hub_config(host_a, "a", config.box_a), net.rng(), config.relay_use_a},
      b{hub_config(host_b, "b", config.box_b), net.rng(), config.relay_use_b},
      responder_{{.listeners = {{.socket = SocketId{0}, .endpoint = {server.addresses().front(), stun_port}},
                                {.socket = SocketId{1},
                                 .endpoint = {server.addresses().front(), stun_port},
                                 .protocol = Protocol::tcp}},
                  .allowance_per_address = {.burst = 1e6, .per_second = 1e6},
                  .allowance_for_all = {.burst = 1e6, .per_second = 1e6}},
                 net.rng()},
      relay_{relay_config(server.addresses().front()), net.rng()} {
  a.relay = b.relay = server.addresses().front();
  set_virtual_time(net.now());
  relay_.tell_time(net.now(), some_day);
  server.attach(responder_, {{SocketId{0}, {server.addresses().front(), stun_port}},
                             {SocketId{1}, {server.addresses().front(), stun_port}, Protocol::tcp}});
  server.attach(relay_, {{SocketId{0}, {server.addresses().front(), turn_port}},
                         {SocketId{1}, {server.addresses().front(), turn_port}, Protocol::tcp}});
  host_a.attach(a);
  host_b.attach(b);
}

sim::LinkConfig Encounter::line() const { return {.delay = half_trip, .jitter = config_.jitter, .loss = config_.loss}; }

sim::Gateway& Encounter::add_box(Box box) {
  auto& gateway = make_box(net, box);
  gateway.set_link(line());
  return gateway;
}

link::Hub::Config Encounter::hub_config(const sim::Host& host, std::string_view name, Box box) {
  const auto& address = server.addresses().front();
  link::Hub::Config config{.gathering = {}, .agent = {}, .channel = {}, .identity = identity_of(name)};
  config.gathering.addresses = host.addresses();
  config.gathering.stun = {{address, stun_port}};
  config.gathering.directly = config_.directly;
  config.gathering.allocate = config_.allocate;
  if (config_.relaying == EncounterConfig::Relaying::yes)
    config.gathering.relays = {
        {.address = {has_udp(box) ? Protocol::udp : Protocol::tcp, {address, turn_port}},
         .credentials = turn::make_rest_credentials(relay_secret, some_day + config_.relay_names_for, name)}};
  return config;
}

void Encounter::tell() {
  run(config_.loss > 0 ? 1000ms : 300ms);
  told = net.now() + config_.skew_b;
  tell_b_at_ = told;
  begin(a, b, ice::Role::controlling, host_a);
}

void Encounter::begin(Party& party, Party& peer, ice::Role role, sim::Host& host) {
  const auto now = net.now();
  auto description = peer.hub.describe(*peer.id);
  peer.outbox.clear();
  if (role == ice::Role::controlling) description.fingerprint = identity_of(config_.certificate_of_b).fingerprint();
  party.hub.begin(now, *party.id, {.description = description, .role = role, .start_at = now, .rtt_guess = 50ms});
  party.hear(now);
  host.wake();
}

void Encounter::carry(Party& from, Party& to, std::vector<Letter>& letters, sim::Host& host) {
  const auto now = net.now();
  for (auto& candidate : std::exchange(from.outbox, {})) letters.push_back({now + 50ms, std::move(candidate)});
  for (const auto& letter : letters)
    if (letter.at <= now) to.hub.add_remote(now, *to.id, letter.candidate);
  std::erase_if(letters, [&](const Letter& letter) { return letter.at <= now; });
  to.hear(now);
  host.wake();
}

void Encounter::step() {
  set_virtual_time(net.now());
  if (tell_b_at_ && *tell_b_at_ <= net.now()) {
    tell_b_at_.reset();
    begin(b, a, ice::Role::controlled, host_b);
  }
  if (a.link().has_begun() && b.link().has_begun()) {
    carry(a, b, to_b_, host_b);
    carry(b, a, to_a_, host_a);
  }
  net.run_for(1ms);
}

void Encounter::run(Duration time, const std::function<bool()>& is_over) {
  for (const auto end = net.now() + time; net.now() < end && !is_over();) step();
}

void Encounter::rest(Duration time) {
  for (const auto end = net.now() + time; net.now() < end;) {
    set_virtual_time(net.now());
    net.run_for(100ms);
  }
}

double Encounter::connected_after() const {
  return std::chrono::duration<double, std::milli>(std::max(*a.connected_at, *b.connected_at) - told).count();
}
}  // namespace natkit::test
