#pragma once
// Whole members (mesh/node.hpp) on a simulated internet, without any server but for towns (town.hpp), each behind
// something. A round trip takes 50 ms from anybody to anybody.
#include <deque>
#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "link/encounter.hpp"
#include "natkit/mesh/certificate_signatures.hpp"
#include "natkit/mesh/node.hpp"

namespace natkit::test {
/// A node, and what it has said. What is sent to or comes from a `cut` address is lost.
class Villager {
 public:
  Villager(mesh::Node::Config config, Rng& rng)
      : signatures_(config.hub.identity), node(std::move(config), signatures_, rng) {}

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_connected(Instant now, SocketId socket, const Endpoint& remote);
  void handle_send_failure(Instant now, const Datagram& lost, std::string_view why);
  void handle_socket_opened(Instant now, SocketId socket, const Endpoint& local);
  void handle_socket_failure(Instant now, SocketId socket, std::string_view why);
  [[nodiscard]] std::optional<SocketChange> poll_socket() { return node.poll_socket(); }
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  template <class E>
  [[nodiscard]] std::vector<E> all() const {
    std::vector<E> found;
    for (const auto& event : events)
      if (const auto* one = std::get_if<E>(&event)) found.push_back(*one);
    return found;
  }
  [[nodiscard]] const mesh::MemberId& id() const { return node.member().id(); }
  [[nodiscard]] bool has_joined() const { return node.member().is_member() && !all<mesh::Joined>().empty(); }

 private:
  mesh::CertificateSignatures signatures_;  // the node refers to it

 public:
  mesh::Node node;
  std::vector<mesh::NodeEvent> events;
  std::set<IpAddress> cut;
  bool is_dead = false;  ///< and nobody was told
  sim::Host* host = nullptr;
  IpAddress outside{};  ///< its address, as others see it

 private:
  void hear();
};

class Village {
 public:
  explicit Village(std::uint64_t seed) : net(seed) { set_virtual_time(net.now()); }

  Villager& add(std::string_view name, Box box, std::uint8_t forwards = 0);
  void found(Villager& founder, mesh::Settings settings) const;
  void join(Villager& joiner, const mesh::Invite& invite) const;
  /// Nothing passes between these and those any more, or everything.
  static void cut(std::initializer_list<Villager*> these, std::initializer_list<Villager*> those);
  void mend();
  void run(Duration time) {
    run(time, [] { return false; });
  }
  /// False: it did not come true in that time.
  bool run(Duration time, const std::function<bool()>& is_over);
  /// All of them are members and have a link with each other.
  [[nodiscard]] static bool are_together(std::initializer_list<const Villager*> all);

  /// What the members that are added from then on know of servers.
  struct Servers {
    Endpoint stun{}, meeting{};
  };

  sim::Network net;
  std::optional<Servers> servers{};
  std::deque<Villager> villagers;
};

/// A session that anybody may join, by knocks too.
[[nodiscard]] mesh::Settings open_session();
}  // namespace natkit::test
