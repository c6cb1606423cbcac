#pragma once
// Clients and servers in virtual time, over connections that take their time, come in pieces, and can be cut.
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "natkit/rendezvous/client.hpp"
#include "natkit/rendezvous/server.hpp"
#include "natkit/rendezvous/store.hpp"

namespace natkit::test {
using namespace std::chrono_literals;
using namespace natkit::rendezvous;

inline Endpoint endpoint(std::string_view text) { return parse_endpoint(text).value(); }
inline const Endpoint server_place = endpoint("192.0.2.1:3478");
inline constexpr SocketId listener{7};

/// How a connection ends when it is cut.
enum class Cut : std::uint8_t {
  noticed,  ///< both ends hear of it
  silent,   ///< nothing arrives any more, and nobody is told
};

class World {
 public:
  explicit World(std::uint64_t seed = 1, const Server::Config& config = {})
      : rng_(seed), config_(config), now_(Instant{1h}) {
    start_server();
  }

  struct Player {
    std::unique_ptr<Client> client;
    Duration half_trip{};  ///< to the server
    IpAddress address{};
    std::vector<ClientEvent> events{};
    std::vector<Instant> told{};  ///< when each event came
    /// What an application would do at once.
    std::function<void(Player&, const ClientEvent&)> react{};
    bool is_killed = false;

    template <class T>
    [[nodiscard]] std::vector<T> all() const {
      std::vector<T> found;
      for (const auto& event : events)
        if (const auto* wanted = std::get_if<T>(&event)) found.push_back(*wanted);
      return found;
    }
    template <class T>
    [[nodiscard]] std::optional<Instant> when() const {
      for (std::size_t i = 0; i < events.size(); ++i)
        if (std::holds_alternative<T>(events[i])) return told[i];
      return std::nullopt;
    }
  };

  /// Starts a client; its wishes come after.
  Player& join(std::string id, Duration round_trip = 20ms, std::string token = {}) {
    return join({.servers = {server_place}, .id = std::move(id), .token = std::move(token)}, round_trip);
  }
  Player& join(Client::Config config, Duration round_trip = 20ms) {
    auto& player = *players_.emplace_back(std::make_unique<Player>());
    player.half_trip = round_trip / 2;
    player.address = IpAddress::v4(0xC6336400U + static_cast<std::uint32_t>(players_.size()));
    player.client = std::make_unique<Client>(std::move(config), rng_);
    player.client->start(now_);
    settle(player);
    return player;
  }
  PlaceId open(Player& player, Purpose purpose, std::string name, std::optional<Duration> wait = {}) {
    const auto place = player.client->open(
        now_, {.purpose = purpose, .name = std::move(name), .description = "of " + name_of(player), .wait = wait});
    settle(player);
    return place;
  }
  /// After a test has called a client by itself.
  void settle(Player& player) {
    if (player.is_killed) return;
    while (auto out = player.client->poll_transmit()) to_server(player, *out);
    while (auto change = player.client->poll_socket())
      if (const auto* end = std::get_if<ConnectionEnd>(&*change)) close_from_client(player, end->socket);
    while (auto event = player.client->poll_event()) {
      player.events.push_back(*event);
      player.told.push_back(now_);
      if (player.react) player.react(player, *event);
      while (auto out = player.client->poll_transmit()) to_server(player, *out);
    }
    wake(player);
  }

  void kill(Player& player) {
    cut(player, Cut::noticed);
    player.is_killed = true;
  }
  void cut(Player& player, Cut how) {
    for (auto& [number, wire] : wires_)
      if (wire.player == &player && wire.is_alive) cut_wire(number, how);
  }
  /// Ends and starts anew: it forgets everything.
  void restart_server() {
    for (auto& [number, wire] : wires_)
      if (wire.is_alive) cut_wire(number, Cut::noticed);
    server.reset();
    start_server();
  }
  void stop_server() {
    is_server_up_ = false;
    for (auto& [number, wire] : wires_)
      if (wire.is_alive) cut_wire(number, Cut::noticed);
    server.reset();
  }
  void start_server() {
    is_server_up_ = true;
    server_due_.reset();
    store_ = std::make_unique<MemoryStore>();
    server = std::make_unique<Server>(config_, *store_, rng_);
    server->start(now_);
  }
  void settle_server() {
    while (auto out = server->poll_transmit()) to_client(*out);
    while (auto change = server->poll_socket()) {
      const auto* end = std::get_if<ConnectionEnd>(&*change);
      for (auto& [number, wire] : wires_)
        if (wire.remote == end->remote) close_from_server(number);
    }
    const auto due = server->poll_timeout();
    if (due && due != server_due_)
      at(std::max(*due, now_), [this] {
        if (!is_server_up_) return;
        const auto still_due = server->poll_timeout();
        if (still_due && *still_due <= now_) {
          server->handle_timeout(now_);
          settle_server();
        }
      });
    server_due_ = due;
  }

  void run_for(Duration time) {
    const auto end = now_ + time;
    while (!queue_.empty() && queue_.begin()->first.first <= end) step();
    now_ = end;
  }
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Rng& rng() { return rng_; }
  void at(Instant when, std::function<void()> what) { queue_.emplace(std::pair{when, ++serial_}, std::move(what)); }
  /// Cuts TCP's pieces anywhere.
  bool splits_pieces = true;
  std::unique_ptr<Server> server;

 private:
  struct Wire {
    Player* player = nullptr;
    SocketId socket{};
    Endpoint remote{};  ///< the client's end
    Instant open_at{};
    Instant last_up{};
    Instant last_down{};
    bool is_alive = true;
    bool is_deaf = false;  ///< cut silently
  };

  static std::string name_of(const Player& player) { return to_text(player.address); }

  void step() {
    const auto next = queue_.begin();
    now_ = next->first.first;
    const auto what = std::move(next->second);
    queue_.erase(next);
    what();
  }

  void wake(Player& player) {
    const auto due = player.client->poll_timeout();
    if (!due) return;
    at(std::max(*due, now_), [this, &player] {
      if (player.is_killed) return;
      const auto still_due = player.client->poll_timeout();
      if (!still_due || *still_due > now_) return;
      player.client->handle_timeout(now_);
      settle(player);
    });
  }

  void to_server(Player& player, const Datagram& out) {
    auto number = find_wire(player, out.socket);
    if (!number) {
      number = ++wires_made_;
      const auto trip = 2 * player.half_trip;
      wires_[*number] = {.player = &player,
                         .socket = out.socket,
                         .remote = {player.address, static_cast<std::uint16_t>(40000 + *number % 20000)},
                         .open_at = now_ + trip,
                         .last_up = now_ + trip,
                         .last_down = now_};
      at(now_ + trip, [this, number = *number, remote = out.remote] { connect(number, remote); });
      if (!is_server_up_ || out.remote != server_place) return;
    }
    auto& wire = wires_.at(*number);
    if (wire.is_deaf) return;
    wire.last_up = std::max(std::max(now_, wire.open_at) + player.half_trip, wire.last_up);
    for (auto& piece : pieces_of(out.payload))
      at(wire.last_up, [this, number = *number, piece = std::move(piece)] {
        auto& arriving = wires_.at(number);
        if (!arriving.is_alive || !is_server_up_) return;
        server->handle_datagram(now_, {.socket = listener,
                                       .protocol = Protocol::tcp,
                                       .local = server_place,
                                       .remote = arriving.remote,
                                       .payload = piece});
        settle_server();
      });
  }

  void connect(std::uint64_t number, const Endpoint& remote) {
    auto& wire = wires_.at(number);
    auto& player = *wire.player;
    if (player.is_killed || !wire.is_alive) return;
    if (!is_server_up_ || remote != server_place) {
      wire.is_alive = false;
      player.client->handle_send_failure(now_, {.socket = wire.socket, .protocol = Protocol::tcp, .remote = remote},
                                         "Connection refused");
    } else {
      player.client->handle_connected(now_, wire.socket, remote);
    }
    settle(player);
  }

  void to_client(const Datagram& out) {
    for (auto& [number, wire] : wires_) {
      if (wire.remote != out.remote || !wire.is_alive || wire.is_deaf) continue;
      wire.last_down = std::max(now_ + wire.player->half_trip, wire.last_down);
      for (auto& piece : pieces_of(out.payload))
        at(wire.last_down, [this, which = number, piece = std::move(piece)] {
          auto& arriving = wires_.at(which);
          auto& player = *arriving.player;
          if (!arriving.is_alive || player.is_killed) return;
          player.client->handle_datagram(now_, {.socket = arriving.socket,
                                                .protocol = Protocol::tcp,
                                                .local = arriving.remote,
                                                .remote = server_place,
                                                .payload = piece});
          settle(player);
        });
    }
  }

  void cut_wire(std::uint64_t number, Cut how) {
    auto& wire = wires_.at(number);
    if (how == Cut::silent) {
      wire.is_deaf = true;
      return;
    }
    wire.is_alive = false;
    at(now_, [this, number] { tell_server(number); });
    at(now_, [this, number] { tell_client(number); });
  }

  void close_from_client(Player& player, SocketId socket) {
    const auto number = find_wire(player, socket);
    if (!number) return;
    auto& wire = wires_.at(*number);
    at(std::max(wire.last_up, now_ + player.half_trip), [this, number = *number] {
      if (!std::exchange(wires_.at(number).is_alive, false)) return;
      tell_server(number);
    });
  }
  void close_from_server(std::uint64_t number) {
    auto& wire = wires_.at(number);
    if (!wire.is_alive) return;
    at(std::max(wire.last_down, now_ + wire.player->half_trip), [this, number] {
      if (std::exchange(wires_.at(number).is_alive, false)) tell_client(number);
    });
  }
  void tell_server(std::uint64_t number) {
    if (!is_server_up_) return;
    server->handle_send_failure(
        now_,
        {.socket = listener, .protocol = Protocol::tcp, .local = server_place, .remote = wires_.at(number).remote},
        "the other side closed the connection");
    settle_server();
  }
  void tell_client(std::uint64_t number) {
    const auto& wire = wires_.at(number);
    if (wire.player->is_killed) return;
    wire.player->client->handle_send_failure(
        now_, {.socket = wire.socket, .protocol = Protocol::tcp, .local = wire.remote, .remote = server_place},
        "the other side closed the connection");
    settle(*wire.player);
  }

  [[nodiscard]] std::optional<std::uint64_t> find_wire(const Player& player, SocketId socket) const {
    for (const auto& [number, wire] : wires_)
      if (wire.player == &player && wire.socket == socket) return number;
    return std::nullopt;
  }

  std::vector<Bytes> pieces_of(const Bytes& payload) {
    if (!splits_pieces || payload.size() < 2 || rng_.chance(0.5)) return {payload};
    const auto middle = static_cast<std::ptrdiff_t>(1 + rng_.below(payload.size() - 1));
    return {Bytes(payload.begin(), payload.begin() + middle), Bytes(payload.begin() + middle, payload.end())};
  }

  SeededRng rng_;
  Server::Config config_;
  Instant now_;
  std::unique_ptr<MemoryStore> store_;
  bool is_server_up_ = false;
  std::optional<Instant> server_due_;
  std::vector<std::unique_ptr<Player>> players_;
  std::map<std::uint64_t, Wire> wires_;
  std::uint64_t wires_made_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> queue_;
  std::uint64_t serial_ = 0;
};
}  // namespace natkit::test
