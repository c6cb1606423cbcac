// Any datagrams and greetings at a channel whose handshake is not done: as client and as server, with a path and before
// there is one, before and after the peer's true hello. Nobody may get through, nothing may be delivered, and little be
// said.
#include <algorithm>
#include <chrono>

#include "fuzz/fuzz.hpp"
#include "natkit/channel/channel.hpp"

using namespace natkit;
using namespace natkit::channel;
using namespace std::chrono_literals;
using fuzz::must_hold;

namespace {
struct Said {
  std::size_t datagrams = 0;
  std::size_t bytes = 0;
};

void drain(Channel& channel, Said& said) {
  while (const auto event = channel.poll_event()) {
    must_hold(std::holds_alternative<Closed>(*event));  // never Secured, nor anything behind it
  }
  while (const auto datagram = channel.poll_transmit()) {
    must_hold(datagram->size() <= Channel::Config{}.mtu);
    ++said.datagrams;
    said.bytes += datagram->size();
  }
}

const crypto::Identity& us() {
  static const auto identity = crypto::Identity::make();
  return identity;
}
const crypto::Identity& them() {
  static const auto identity = crypto::Identity::make();
  return identity;
}

/// A server that has answered a true hello waits for what only the true peer can say.
void give_hello(Channel& server, Said& said) {
  Channel client{{.role = Role::client}, them()};
  client.start(Instant{}, us().fingerprint());
  while (const auto datagram = client.poll_transmit()) server.handle_datagram(Instant{}, *datagram);
  drain(server, said);
}
}  // namespace

// First byte: bit 0 the role, bit 1 whether the true hello came, bit 2 whether there is no path yet. Then datagrams,
// each behind its length in two bytes, of which the highest bit says that it is a greeting.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto role = (data[0] & 1) != 0 ? Role::client : Role::server;
  Channel channel{{.role = role}, us()};
  Said said;
  const bool is_early = (data[0] & 4) != 0;
  if (is_early)
    channel.prepare(Instant{}, them().fingerprint());
  else
    channel.start(Instant{}, them().fingerprint());
  drain(channel, said);
  if (role == Role::server && (data[0] & 2) != 0) give_hello(channel, said);
  auto now = Instant{};
  ByteReader reader{{data + 1, size - 1}};
  std::size_t given = 0;
  while (const auto length = reader.read_u16()) {
    const auto bytes = reader.read_bytes(std::min<std::size_t>(*length & 0x7FFFU, reader.remaining()));
    now += 1ms;
    if ((*length & 0x8000U) != 0)
      channel.handle_greeting(now, *bytes);
    else
      channel.handle_datagram(now, *bytes);
    must_hold(channel.greeting().size() <= Channel::Config{}.mtu);
    ++given;
    drain(channel, said);
  }
  if (is_early) channel.start(now, them().fingerprint());
  // A flight is two datagrams here, and each of those given can have asked for one.
  must_hold(said.datagrams <= 4 * (given + 2));
  channel.handle_timeout(now + 20s);
  drain(channel, said);
  channel.handle_timeout(now + 40s);
  drain(channel, said);
  must_hold(!channel.poll_timeout());
  return 0;
}
