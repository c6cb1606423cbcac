#pragma once
/// Who holds which name: the only state that a second process of the server would have to share. In memory; a store
/// behind the same calls that asks another machine (Redis) would need them to answer later, and is not there yet.
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "natkit/rendezvous/message.hpp"

namespace natkit::rendezvous {
/// The server's number for one registered client.
enum class SessionId : std::uint64_t {};

/// Rooms for pairs, names to listen under and gatherings do not get into each other's way.
struct NameKey {
  enum class Kind : std::uint8_t { room, listened, gathering } kind{};
  std::string name{};
  auto operator<=>(const NameKey&) const = default;
};
[[nodiscard]] constexpr NameKey::Kind kind_of(Purpose purpose) {
  return purpose == Purpose::pair     ? NameKey::Kind::room
         : purpose == Purpose::gather ? NameKey::Kind::gathering
                                      : NameKey::Kind::listened;
}

/// One place at a name.
struct Seat {
  SessionId session{};
  PlaceId place{};
  Purpose purpose{};
  bool operator==(const Seat&) const = default;
};

class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  /// In order of arrival. The view holds until the next change.
  [[nodiscard]] virtual std::span<const Seat> seats(const NameKey& key) const = 0;
  virtual void add(const NameKey& key, const Seat& seat) = 0;
  virtual void remove(const NameKey& key, const Seat& seat) = 0;
};

class MemoryStore final : public Store {
 public:
  [[nodiscard]] std::span<const Seat> seats(const NameKey& key) const override;
  void add(const NameKey& key, const Seat& seat) override;
  void remove(const NameKey& key, const Seat& seat) override;

 private:
  std::map<NameKey, std::vector<Seat>> names_;  // ordered: nobody can choose names that all collide
};
}  // namespace natkit::rendezvous
