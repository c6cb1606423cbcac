#pragma once
// The internet of most network tests: a reflector on two addresses and two ports each, as an RFC 5780 server has.
#include "literals.hpp"
#include "machines.hpp"
#include "natkit/sim/network.hpp"

namespace natkit::test {
inline const Endpoint ip1_port1 = "198.51.100.1:3478"_ep;
inline const Endpoint ip1_port2 = "198.51.100.1:3479"_ep;
inline const Endpoint ip2_port1 = "198.51.100.2:3478"_ep;
inline const Endpoint ip2_port2 = "198.51.100.2:3479"_ep;
/// The reflector's sockets, by which an Asker says who shall answer.
inline constexpr std::uint8_t from_ip1_port1 = 0, from_ip1_port2 = 1, from_ip2_port1 = 2, from_ip2_port2 = 3;
/// Sockets of an Asker.
inline constexpr SocketId one{1}, two{2}, three{3};

struct World {
  explicit World(std::uint64_t seed = 1) : net(seed) {
    server.attach(reflector, {{SocketId{from_ip1_port1}, ip1_port1},
                              {SocketId{from_ip1_port2}, ip1_port2},
                              {SocketId{from_ip2_port1}, ip2_port1},
                              {SocketId{from_ip2_port2}, ip2_port2}});
  }
  sim::Network net;
  Reflector reflector;
  sim::Host& server = net.add_host({.addresses = {ip1_port1.address, ip2_port1.address}});
};
}  // namespace natkit::test
