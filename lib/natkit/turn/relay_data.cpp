// The relay's data path: what every datagram takes, so nothing here looks further than it must.
#include <utility>

#include "natkit/turn/channel_data.hpp"
#include "natkit/turn/relay.hpp"

namespace natkit::turn {
namespace {
using stun::AttributeType;
}  // namespace

void Relay::handle_channel_data(Instant now, const Datagram& in) {
  const auto data = parse_channel_data(in.payload);
  auto* allocation = data ? find(in) : nullptr;
  const auto* channel = allocation != nullptr ? allocation->channel(now, data->channel) : nullptr;
  if (channel == nullptr) {
    ++counters_.not_permitted;
    return;
  }
  from_client(now, *allocation, channel->peer, data->payload);
}

void Relay::handle_send_indication(Instant now, const Datagram& in, const stun::Message& message) {
  auto* allocation = message.method() == stun::Method::send ? find(in) : nullptr;
  const auto peer = allocation != nullptr ? message.endpoint(AttributeType::xor_peer_address) : std::nullopt;
  const auto data = peer ? message.find(AttributeType::data) : std::nullopt;
  // DONT-FRAGMENT and whatever else we do not know: the indication is dropped (RFC 8656 §11.2, RFC 8489 §6.3.2).
  constexpr std::array known{AttributeType::xor_peer_address, AttributeType::data};
  if (!data || !message.unknown_to(known).is_empty()) {
    ++counters_.not_permitted;
    return;
  }
  from_client(now, *allocation, *peer, *data);
}

bool Relay::may_carry(Instant now, Allocation& allocation, std::size_t bytes) {
  const auto size = static_cast<double>(bytes);
  if (allocation.bytes.level(config_.bytes, now) < size) {
    ++counters_.over_rate;
    return false;
  }
  allocation.bytes.take(size);
  counters_.relayed_bytes += bytes;
  return true;
}

void Relay::from_client(Instant now, Allocation& allocation, const Endpoint& peer, ByteView payload) {
  const auto& socket = allocation.socket_of(peer.address.family());
  if (socket.state != RelayedSocket::State::open || !allocation.is_permitted(now, peer.address) || peer.port == 0) {
    ++counters_.not_permitted;
    return;
  }
  if (!may_carry(now, allocation, payload.size())) return;
  ++counters_.to_peers;
  if (const auto other = by_relayed_.find(peer); other != by_relayed_.end())
    return from_peer(now, other->second, socket.announced, payload);
  // A permission for a relayed address of ours opens that machine's other ports to nobody.
  if (is_own(peer.address) || !config_.peers.admits(peer.address)) {
    ++counters_.not_permitted;
    return;
  }
  out_.push_back({.socket = socket.socket, .remote = peer, .payload = Bytes(payload.begin(), payload.end())});
}

void Relay::from_peer(Instant now, const Place& place, const Endpoint& peer, ByteView payload) {
  auto& allocation = *place.allocation;
  if (!allocation.is_permitted(now, peer.address)) {
    ++counters_.not_permitted;
    return;
  }
  if (!may_carry(now, allocation, payload.size())) return;
  ++counters_.to_clients;
  if (const auto* channel = allocation.channel_to(now, peer))
    return transmit(allocation.client, write_channel_data(channel->number, payload, allocation.client.protocol));
  constexpr std::size_t room_for_attributes = 64;
  if (payload.size() + room_for_attributes > 0xFFFF) return;  // the header could not say how long it is
  transmit(allocation.client,
           stun::MessageWriter{stun::MessageClass::indication, stun::Method::data, stun::make_transaction_id(rng_)}
               .add_endpoint(AttributeType::xor_peer_address, peer)
               .add(AttributeType::data, payload)
               .finish());
}
}  // namespace natkit::turn
