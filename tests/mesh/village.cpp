#include "mesh/village.hpp"

#include <algorithm>
#include <utility>

#include "natkit/crypto/signature.hpp"

namespace natkit::test {
void Villager::hear() {
  while (auto event = node.poll_event()) events.push_back(std::move(*event));
}

void Villager::start(Instant now) {
  node.start(now);
  hear();
}

void Villager::handle_datagram(Instant now, const Datagram& in) {
  if (is_dead || cut.contains(in.remote.address)) return;
  node.handle_datagram(now, in);
  hear();
}

void Villager::handle_timeout(Instant now) {
  if (is_dead) return;
  node.handle_timeout(now);
  hear();
}

void Villager::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  node.handle_connected(now, socket, remote);
  hear();
}

void Villager::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  node.handle_send_failure(now, lost, why);
  hear();
}

void Villager::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  node.handle_socket_opened(now, socket, local);
  hear();
}

void Villager::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  node.handle_socket_failure(now, socket, why);
  hear();
}

std::optional<Datagram> Villager::poll_transmit() {
  while (auto out = node.poll_transmit())
    if (!is_dead && !cut.contains(out->remote.address)) return out;
  return std::nullopt;
}

std::optional<Instant> Villager::poll_timeout() const { return is_dead ? std::nullopt : node.poll_timeout(); }

Villager& Village::add(std::string_view name, Box box, std::uint8_t forwards) {
  auto& gateway = make_box(net, box);
  gateway.set_link({.delay = 12500us});
  auto& host = net.add_host({}, gateway);
  const auto& identity = identity_of(name);
  mesh::Node::Config config{
      .hub = {.gathering = {.addresses = host.addresses()}, .agent = {}, .channel = {}, .identity = identity},
      .server = mesh::Node::ServerUse::welcome,
      .member = {}};
  config.member.self = {.id = {identity.fingerprint().digest},
                        .incarnation = mesh::Incarnation{net.rng().next()},
                        .name = std::string{name},
                        .certificate = crypto::certificate_of(identity),
                        .forwards = forwards};
  if (servers) {
    config.hub.gathering.stun = {servers->stun};
    config.hub.relay_after = 100ms;  // so that relays are tempting
    config.client =
        rendezvous::Client::Config{.servers = {servers->meeting}, .id = crypto::to_text(identity.fingerprint())};
    config.server = mesh::Node::ServerUse::needed;
  }
  auto& villager = villagers.emplace_back(std::move(config), net.rng());
  villager.host = &host;
  villager.outside = box == Box::open ? host.addresses().front() : gateway.addresses().front();
  host.attach(villager);
  return villager;
}

void Village::found(Villager& founder, mesh::Settings settings) const {
  founder.node.found(net.now(), std::move(settings));
  founder.host->wake();
}

void Village::join(Villager& joiner, const mesh::Invite& invite) const {
  joiner.node.join(net.now(), {.name = invite.name, .invite = invite});
  joiner.host->wake();
}

void Village::cut(std::initializer_list<Villager*> these, std::initializer_list<Villager*> those) {
  for (auto* one : these)
    for (auto* other : those) {
      one->cut.insert(other->outside);
      other->cut.insert(one->outside);
    }
}

void Village::mend() {
  for (auto& villager : villagers) villager.cut.clear();
}

bool Village::run(Duration time, const std::function<bool()>& is_over) {
  for (const auto end = net.now() + time; net.now() < end && !is_over();) {
    set_virtual_time(net.now());
    net.run_for(1ms);
  }
  return is_over();
}

bool Village::are_together(std::initializer_list<const Villager*> all) {
  return std::ranges::all_of(all, [&](const Villager* one) {
    return one->has_joined() && one->node.member().view()->members.size() == all.size() &&
           std::ranges::all_of(
               all, [&](const Villager* other) { return one == other || one->node.path_to(other->id()).has_value(); });
  });
}

mesh::Settings open_session() { return {.name = "den", .most = 16, .knock = Bytes(32, 7)}; }
}  // namespace natkit::test
