#pragma once
// A relay for tests, simpler than TURN but with its rules: a client's packets leave from an endpoint of its own, and
// only who was sent something may send back.
//
//   client --[ to: peer | payload ]--> relay:3478      relay:50000 --payload--> peer
//   client <-[ from: peer | payload ]--                            <--payload--
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "natkit/base/bytes.hpp"
#include "natkit/base/sans_io.hpp"
#include "natkit/sim/host.hpp"

namespace natkit::test {
inline Bytes wrap(const Endpoint& peer, ByteView payload) {
  Bytes out;
  ByteWriter writer{out};
  writer.write_u8(0xff);  // no STUN message begins so
  writer.write_u32(peer.address.v4_value());
  writer.write_u16(peer.port);
  writer.write_bytes(payload);
  return out;
}
struct Unwrapped {
  Endpoint peer;
  Bytes payload;
};
inline std::optional<Unwrapped> unwrap(ByteView bytes) {
  ByteReader reader{bytes};
  const auto mark = reader.read_u8();
  const auto address = reader.read_u32();
  const auto port = reader.read_u16();
  if (mark != 0xff || !address || !port) return std::nullopt;
  const auto rest = *reader.read_bytes(reader.remaining());
  return Unwrapped{{IpAddress::v4(*address), *port}, Bytes(rest.begin(), rest.end())};
}

class Relay {
 public:
  static constexpr std::uint16_t port = 3479;
  static constexpr std::uint16_t first_relayed = 50000;
  static constexpr std::uint32_t most_clients = 8;

  explicit Relay(const IpAddress& address) : address_(address) {}
  [[nodiscard]] std::vector<sim::Binding> bindings() const {
    std::vector<sim::Binding> all{{SocketId{0}, {address_, port}}};
    for (std::uint32_t i = 0; i < most_clients; ++i) all.push_back({SocketId{i + 1}, relayed(i)});
    return all;
  }
  [[nodiscard]] Endpoint relayed(std::uint32_t client) const {
    return {address_, static_cast<std::uint16_t>(first_relayed + client)};
  }

  void start(Instant /*now*/) {}
  void handle_timeout(Instant /*now*/) {}
  void handle_datagram(Instant /*now*/, const Datagram& in) {
    if (in.socket == SocketId{0}) {
      const auto asked = unwrap(in.payload);
      if (!asked) return;
      const auto client = allocate(in.remote);
      permitted_.insert({client, asked->peer.address});
      if (asked->peer.port == 0) {  // an allocation: say where
        outgoing_.push_back({.socket = SocketId{0}, .remote = in.remote, .payload = wrap(relayed(client), {})});
      } else {
        outgoing_.push_back({.socket = SocketId{client + 1}, .remote = asked->peer, .payload = asked->payload});
      }
      return;
    }
    const auto client = static_cast<std::uint32_t>(in.socket) - 1;
    if (client >= clients_.size() || !permitted_.contains({client, in.remote.address})) return;
    outgoing_.push_back({.socket = SocketId{0}, .remote = clients_[client], .payload = wrap(in.remote, in.payload)});
  }
  std::optional<Datagram> poll_transmit() {
    if (outgoing_.empty()) return std::nullopt;
    auto out = outgoing_.front();
    outgoing_.pop_front();
    return out;
  }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return std::nullopt; }

 private:
  std::uint32_t allocate(const Endpoint& client) {
    const auto known = std::ranges::find(clients_, client);
    if (known == clients_.end() && clients_.size() < most_clients) clients_.push_back(client);
    return static_cast<std::uint32_t>(std::ranges::find(clients_, client) - clients_.begin());
  }

  IpAddress address_;
  std::vector<Endpoint> clients_;
  std::set<std::pair<std::uint32_t, IpAddress>> permitted_;
  std::deque<Datagram> outgoing_;
};
}  // namespace natkit::test
