#pragma once
// `--map`: the router is asked for a port, which is held as long as this runs and then given back. A machine of its own
// beside the connection, on sockets of its own.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/io/journal_file.hpp"
#include "natkit/portmap/keeper.hpp"

namespace natkit {
class PortMapping {
 public:
  /// What there is to tell: the port, or why there is none.
  struct Granted {
    portmap::Grant grant;
  };
  struct Refused {
    std::string why;
  };
  using Event = std::variant<Granted, Refused>;

  /// Without a journal nothing is asked for: a killed run would leave the port open, and nobody knew.
  [[nodiscard]] static Result<std::unique_ptr<PortMapping>> make(Rng& rng);
  PortMapping(std::unique_ptr<io::JournalFile> journal, Rng& rng) : journal_(std::move(journal)), rng_(rng) {}

  /// The port at the router. `another` than ours, because the peer may have knocked at ours before it was open: some
  /// routers (Linux with an open INPUT chain, "accept") remember such a flow as their own and go on keeping it.
  enum class At : std::uint8_t { same, another };
  /// Once: packets to this endpoint of ours shall be let in.
  void begin(Instant now, const Endpoint& internal, At at);
  [[nodiscard]] bool has_begun() const { return keeper_ != nullptr; }
  /// Gives it back; finished when `poll_timeout` is empty.
  void close(Instant now);
  /// Whether this socket is one of ours, for owners that route.
  [[nodiscard]] static bool owns(SocketId socket);

  void handle_datagram(Instant now, Datagram in);
  void handle_timeout(Instant now);
  void handle_errand_reply(Instant now, const ErrandReply& reply);
  void handle_path_error(Instant now, PathError error);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Errand> poll_errand();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;
  [[nodiscard]] std::optional<Event> poll_event(Instant now);

 private:
  std::unique_ptr<io::JournalFile> journal_;
  Rng& rng_;
  std::unique_ptr<portmap::Keeper> keeper_;
  bool is_closing_ = false;
};
}  // namespace natkit
