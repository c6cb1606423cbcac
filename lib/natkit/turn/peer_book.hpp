#pragma once
/// What a client has arranged with its relay about its peers, and what of that is due: permissions by address (RFC 8656
/// §9; they end after 300 s), channels by endpoint (§12; after 600 s, and their permission with the others). It counts
/// and remembers; the requests are made by the client.
///
///   permission   wanted --asked--> asked --granted--> held --refresh time--> wanted …
///                  ^  '---postpone---'  '--refused--> refused, and not asked for again for a while
///
/// What nobody has used for as long as a permission lasts is not renewed, unless it was asked for by name.
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/time.hpp"

namespace natkit::turn {
class PeerBook {
 public:
  struct Config {
    /// The one used longest ago makes place. Each costs the server a few dozen bytes; ICE with a mesh stays below.
    std::size_t most_peers = 64;
    /// A channel saves 32 bytes a datagram but cannot be given to another peer for ten minutes, so it is for those that
    /// get more than a connectivity check or two. 0: at once.
    unsigned datagrams_before_channel = 4;
  };
  enum class Wish : std::uint8_t { while_used, until_forgotten };
  struct Binding {
    Endpoint peer{};
    std::uint16_t channel = 0;
  };

  explicit PeerBook(Config config) : config_(config) {}

  void permit(Instant now, const IpAddress& peer, Wish wish);
  void want_channel(Instant now, const Endpoint& peer);
  void forget(const IpAddress& peer);
  /// A datagram is about to go there: notes the use, and gives the channel where one is bound.
  [[nodiscard]] std::optional<std::uint16_t> use(Instant now, const Endpoint& peer);

  /// Permissions to ask for now, at most so many in one request; they count as asked. Empty when none is due. All that
  /// fall due within the next while come along, so that they stay together.
  [[nodiscard]] std::vector<IpAddress> take_due_permissions(Instant now, std::size_t most);
  [[nodiscard]] std::optional<Binding> take_due_channel(Instant now);
  void granted(Instant now, std::span<const IpAddress> peers);
  void refused(Instant now, const IpAddress& peer);
  void postpone(std::span<const IpAddress> peers, Instant until);
  void bound(Instant now, const Binding& binding);
  void channel_refused(Instant now, const Binding& binding);
  void postpone_channel(const Binding& binding, Instant until);

  /// Whether the relay was asked to let datagrams of this address in, and has not refused.
  [[nodiscard]] bool is_expected(const IpAddress& peer) const;
  /// Whether a request for it is out or was granted, so that data may follow.
  [[nodiscard]] bool was_asked_for(const IpAddress& peer) const;
  [[nodiscard]] bool is_permitted(const IpAddress& peer) const;
  [[nodiscard]] std::optional<Endpoint> peer_of(std::uint16_t channel) const;
  /// May be too early, never too late.
  [[nodiscard]] std::optional<Instant> next_due() const { return next_due_; }

 private:
  enum class State : std::uint8_t { wanted, asked, held, refused };
  struct Permission {
    State state = State::wanted;
    Wish wish = Wish::while_used;
    bool is_granted = false;  // once; it holds while a renewal is asked for
    Instant due{};            // when to ask (again)
    Instant last_used{};
  };
  struct Channel {
    std::uint16_t number = 0;  // 0: none yet
    State state = State::refused;
    bool is_bound = false;
    bool is_wanted = false;
    Instant due{};
    Instant last_used{};
    unsigned datagrams = 0;
  };
  void make_room();
  [[nodiscard]] Channel& channel_of(Instant now, const Endpoint& peer);
  [[nodiscard]] std::uint16_t number_for(const Endpoint& peer);
  [[nodiscard]] static bool is_due(const Permission& permission, Instant by);
  void consider(Instant due);
  void reckon();

  Config config_;
  std::map<IpAddress, Permission> permissions_;
  std::map<Endpoint, Channel> channels_;
  std::map<std::uint16_t, Endpoint> by_number_;  // those of peers that were forgotten stay until they are given anew
  std::uint16_t numbers_given_ = 0;
  std::optional<Instant> next_due_;
};
}  // namespace natkit::turn
