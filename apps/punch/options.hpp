#pragma once
// What can be typed, and what it means.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/time.hpp"
#include "natkit/link/forwarder.hpp"
#include "natkit/link/gathering.hpp"
#include "natkit/rendezvous/message.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): not our name
class App;
}

namespace natkit {
struct Options {
  rendezvous::Purpose purpose = rendezvous::Purpose::pair;
  bool by_hand = false;              ///< people carry the descriptions
  bool sdp = false;                  ///< … as lines that other ICE agents know
  std::string name;                  ///< of the room, or of the listener
  std::vector<std::string> servers;  ///< HOST[:PORT], by preference
  std::vector<std::string> stun;     ///< beside those servers
  std::vector<std::string> turn;     ///< turn:HOST[:PORT][?transport=udp|tcp]
  std::string turn_user;
  std::string turn_password_file;
  std::string secret_file;
  enum class Relay : std::uint8_t { automatic, never, only } relay = Relay::automatic;
  enum class Map : std::uint8_t { automatic, never } map = Map::automatic;
  bool is_fresh = false;         ///< what is remembered of the peer is not used
  std::uint16_t local_port = 0;  ///< 0: the system picks
  /// How long for the peer to appear, and from there to a path. People who carry descriptions take their time, and the
  /// one who pastes first waits for the other.
  struct Patience {
    Duration wait;
    Duration timeout;
  };
  Patience by_server{.wait = std::chrono::seconds{60}, .timeout = std::chrono::seconds{10}};
  Patience by_people{.wait = std::chrono::minutes{10}, .timeout = std::chrono::minutes{1}};
  [[nodiscard]] const Patience& patience() const { return by_hand ? by_people : by_server; }
  enum class Expect : std::uint8_t { nothing, direct, relayed } expect = Expect::nothing;
  enum class Then : std::uint8_t { report, pipe, forward, exec } then = Then::report;
  Duration measure = std::chrono::seconds{2};  ///< --for
  std::vector<std::string> tcp_forwards;       ///< -L [BIND:]PORT:HOST:HOSTPORT
  std::vector<std::string> udp_forwards;       ///< --udp, the same
  std::vector<std::string> permits;            ///< HOST:PORT, HOST:*
  link::Forwarder::Config forwarding{};        ///< what these three mean, names looked up
  std::vector<std::string> program;            ///< of `--then exec`: what stands after "--"
  enum class Transport : std::uint8_t { udp, tcp, any } transport = Transport::any;
};

void add_commands(CLI::App& app, Options& options);
}  // namespace natkit
