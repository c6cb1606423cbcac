#pragma once
/// Takes mappings of earlier runs back, from what the journal says of them: by PCP with the nonce they were made with,
/// by NAT-PMP, by UPnP with the port, or with the id in the description where the port was never told. `gc` is the same
/// for the entries of runs that are gone.
///
///   entry --> releasing (written) --> asked of its gateway --Gone--> erased
///                                          └─ refused, silent --> still in the journal, and told
///
/// What may have been asked for by several methods is taken back by each of them.
#include <memory>
#include <optional>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/portmap/gateway.hpp"
#include "natkit/portmap/journal.hpp"

namespace natkit::portmap {
class Removal {
 public:
  struct Config {
    std::vector<JournalEntry> entries;
    /// The ways out now. An entry whose gateway none of them leads to cannot be removed from here.
    std::vector<Route> routes;
    RunId run{};
    Gateway::Timing timing{};
    Duration patience = std::chrono::seconds{3};  ///< for all of it
  };
  struct Result {
    JournalEntry entry{};
    enum class End : std::uint8_t { pending, gone, refused, unreachable } end = End::pending;
    std::vector<Refusal> refusals{};
  };

  Removal(Config config, Journal& journal, Rng& rng);

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  void handle_errand_reply(Instant now, const ErrandReply& reply);
  void handle_socket_opened(Instant /*now*/, SocketId /*socket*/, const Endpoint& /*local*/) {}
  void handle_socket_failure(Instant /*now*/, SocketId /*socket*/, std::string_view /*why*/) {}
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Errand> poll_errand();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// In the order of the entries.
  [[nodiscard]] const std::vector<Result>& results() const { return results_; }

 private:
  [[nodiscard]] const Route* route_to(const JournalEntry& entry) const;
  [[nodiscard]] Gateway& gateway_for(Instant now, const JournalEntry& entry, const Route& route);
  void hear();

  Config config_;
  Journal* journal_;
  Rng* rng_;
  std::vector<std::unique_ptr<Gateway>> gateways_;
  std::vector<Result> results_;
  Instant deadline_{};
};
static_assert(SansIo<Removal> && OpensSockets<Removal> && RunsErrands<Removal>);
}  // namespace natkit::portmap
