#pragma once
/// Calls that need no second tries: each is made once, all at the same time, and what came of it is kept. For reading a
/// gateway's list, and for removing what no journal knows.
#include <deque>
#include <optional>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/portmap/igd.hpp"

namespace natkit::portmap {
class IgdCalls {
 public:
  struct Config {
    std::vector<igd::Call> calls;
    Duration allowance =
        std::chrono::seconds{2};  ///< for each, absolute; a list of 100 entries takes most routers less
  };
  explicit IgdCalls(Config config) : config_(std::move(config)), replies_(config_.calls.size()) {}

  void start(Instant now);
  void handle_datagram(Instant /*now*/, const Datagram& /*in*/) {}
  void handle_timeout(Instant now);
  void handle_errand_reply(Instant now, const ErrandReply& reply);
  [[nodiscard]] static std::optional<Datagram> poll_transmit() { return std::nullopt; }
  [[nodiscard]] std::optional<Errand> poll_errand();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// In the order of the calls; nullopt for one that has not been answered.
  [[nodiscard]] const std::vector<std::optional<igd::Reply>>& replies() const { return replies_; }

 private:
  Config config_;
  std::vector<std::optional<igd::Reply>> replies_;
  std::deque<Errand> errands_;
  std::optional<Instant> deadline_;
};
static_assert(SansIo<IgdCalls> && RunsErrands<IgdCalls>);
}  // namespace natkit::portmap
