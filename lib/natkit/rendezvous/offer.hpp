#pragma once
/// What a server hands out to those who register: its own services and others', with names for the relays that a shared
/// secret makes (turn/credentials.hpp). Each client gets a name of its own, by which the relay counts what it uses; it
/// is made of a hash of the client's id, so that the relay's log tells nobody who that was.
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/time.hpp"
#include "natkit/rendezvous/service.hpp"

namespace natkit::rendezvous {
class Offer {
 public:
  struct Config {
    std::vector<Service> here{};        ///< of this server itself, without addresses
    std::vector<Endpoint> addresses{};  ///< where it serves, one of each family: told to clients of the other family
    std::vector<Service> elsewhere{};   ///< as they are
    std::string secret{};               ///< of the relay here
    std::string secret_elsewhere{};     ///< of those elsewhere; empty: they are handed out without a name
    /// The names' lifetime. Long enough to start a session by hand, short enough for a leaked one to be worth little.
    Duration lifetime = std::chrono::hours{1};
  };

  explicit Offer(Config config);
  /// Names end by the clock on the wall, which machines do not see: the owner tells it, and again when it jumped.
  /// Before that nothing with a name is handed out.
  void tell_time(Instant now, turn::UnixTime unix_now);
  /// None where nobody has told it.
  [[nodiscard]] std::optional<turn::UnixTime> unix_time(Instant now) const;
  /// Of the relay here and of those elsewhere.
  void replace_secret(const std::string& secret);

  /// For a client of this id that has reached the server at its address `local`.
  [[nodiscard]] std::vector<Service> services(Instant now, const Endpoint& local, std::string_view id) const;
  /// None where nothing of it ends.
  [[nodiscard]] std::optional<Duration> lifetime() const;

 private:
  void name_relays(std::span<Service> services, std::string_view secret, Instant now, std::string_view id) const;

  Config config_;
  Instant told_at_{};
  std::optional<turn::UnixTime> told_;
};
}  // namespace natkit::rendezvous
