#pragma once
// An encounter with members who forward between the two, 20 ms on each way, and a stream that is to survive what
// happens to them.
#include <algorithm>
#include <functional>
#include <string_view>
#include <vector>

#include "catch.hpp"
#include "link/encounter.hpp"

namespace natkit::test {
inline const auto router_x = Bytes(32, 'x');
inline const auto router_y = Bytes(32, 'y');
inline const auto by_x = link::Gathering::route_socket(0);
inline const auto by_y = link::Gathering::route_socket(1);

inline Bytes numbered(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>((i * 131 + (i >> 8) * 29) & 0xFF);
  return bytes;
}

class RoutedEncounter {
 public:
  explicit RoutedEncounter(const EncounterConfig& config) : encounter{config} {}

  void add(SocketId route, const Bytes& router, std::uint16_t preference) {
    add_at(encounter.a, route, router, preference, "a");
    add_at(encounter.b, route, router, preference, "b");
  }
  /// Whoever it was forwards no more; nobody has been told.
  void kill(SocketId route) { dead_.push_back(route); }
  void tell_of_death(SocketId route) {
    for (auto* party : {&encounter.a, &encounter.b}) {
      party->hub.remove_route(encounter.net.now(), *party->id, route);
      party->hear(encounter.net.now());
    }
  }
  void run(Duration time, const std::function<bool()>& is_over = [] { return false; }) {
    for (const auto end = encounter.net.now() + time; encounter.net.now() < end && !is_over();) step();
  }
  void step() {
    carry(encounter.a, to_b_);
    carry(encounter.b, to_a_);
    deliver(to_a_, encounter.a);
    deliver(to_b_, encounter.b);
    encounter.host_a.wake();
    encounter.host_b.wake();
    encounter.step();
  }
  [[nodiscard]] bool are_routed() {
    const auto& a = encounter.a.link().path();
    const auto& b = encounter.b.link().path();
    return a && b && a->is_routed() && b->is_routed();
  }

  Encounter encounter;
  std::size_t carried = 0;

 private:
  struct Parcel {
    Instant at;
    link::Hub::Routed routed;
  };
  static constexpr Duration way = 20ms;

  void add_at(Party& party, SocketId route, const Bytes& router, std::uint16_t preference, std::string_view name) {
    const auto now = encounter.net.now();
    const auto own = ice::virtual_endpoint(router, identity_of(name).fingerprint().digest);
    REQUIRE(party.hub.add_route(now, *party.id, route, own, preference));
    const auto& peer = identity_of(name == "a" ? "b" : "a").fingerprint();
    party.hub.add_remote(now, *party.id, ice::make_routed(ice::virtual_endpoint(router, peer.digest), preference));
    party.hear(now);
  }
  void carry(Party& from, std::vector<Parcel>& parcels) {
    while (auto out = from.hub.poll_routed()) {
      if (std::ranges::find(dead_, out->route) != dead_.end()) continue;
      ++carried;
      parcels.push_back({encounter.net.now() + way, std::move(*out)});
    }
  }
  /// As who forwards knows the sender: by its virtual endpoint there.
  void deliver(std::vector<Parcel>& parcels, Party& to) {
    const auto now = encounter.net.now();
    const std::string_view name = &to == &encounter.a ? "b" : "a";
    for (auto& parcel : parcels) {
      if (parcel.at > now) continue;
      auto in = std::move(parcel.routed.datagram);
      const auto& router = parcel.routed.route == by_x ? router_x : router_y;
      in.remote = ice::virtual_endpoint(router, identity_of(name).fingerprint().digest);
      to.hub.handle_routed(now, *to.id, in);
      to.hear(now);
    }
    std::erase_if(parcels, [&](const Parcel& parcel) { return parcel.at <= now; });
  }

  std::vector<SocketId> dead_;
  std::vector<Parcel> to_a_, to_b_;
};

/// Sends `bytes` from A to B while things happen.
class Pouring {
 public:
  Pouring(RoutedEncounter& routed, const Bytes& bytes) : routed_(routed), bytes_(bytes) {
    const auto stream = routed.encounter.a.link().open_stream(routed.encounter.net.now(), {.label = "bulk"});
    REQUIRE(stream);
    stream_ = *stream;
  }
  void run(Duration time) {
    routed_.run(time, [&] {
      auto& a = routed_.encounter.a;
      while (sent_ < bytes_.size()) {
        const auto piece = ByteView{bytes_}.subspan(sent_, std::min<std::size_t>(16384, bytes_.size() - sent_));
        if (!a.link().send(routed_.encounter.net.now(), stream_, channel::MessageKind::binary, piece)) break;
        sent_ += piece.size();
      }
      a.hub.flush(routed_.encounter.net.now());
      return routed_.encounter.b.heard.size() >= bytes_.size();
    });
  }

 private:
  RoutedEncounter& routed_;
  const Bytes& bytes_;
  channel::StreamId stream_{};
  std::size_t sent_ = 0;
};
}  // namespace natkit::test
