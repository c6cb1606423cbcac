#pragma once
/// Who could map ports here, by which protocol, and with which external address: asked of every router on the way out
/// at once, without making any mapping.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/portmap/gateway.hpp"

namespace natkit::portmap {
/// What one protocol at one gateway had to say.
struct Finding {
  enum class State : std::uint8_t { unasked, silent, refused, available } state = State::unasked;
  std::optional<IpAddress> external{};
  std::optional<Refusal> refusal{};
};

struct FoundDevice {
  std::string location;
  IpAddress host{};
  std::string udn{};  ///< as it claims; empty where it does not
  igd::Device device{};
};

struct RouteFindings {
  Route route{};
  Finding pcp{};
  Finding nat_pmp{};
  Finding upnp{};
  std::vector<FoundDevice> devices{};     ///< UPnP: the one to ask first
  std::vector<std::string> objections{};  ///< answers that were not followed, in words
  [[nodiscard]] const Finding& operator[](Method method) const;
};

struct Findings {
  std::vector<RouteFindings> routes;  ///< in the order given
};

class Discovery {
 public:
  struct Config {
    std::vector<Route> routes;
    std::vector<Method> methods{Method::pcp, Method::nat_pmp, Method::upnp};
    std::uint32_t first_socket = 16;  ///< so that another machine can run beside this one
    Gateway::Timing timing{};
    Duration patience = std::chrono::seconds{1};  ///< for all but a description that is being read (2 s)
  };
  Discovery(Config config, Rng& rng) : config_(std::move(config)), rng_(&rng) {}

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

  /// As far as it is known now: who has not answered is `unasked` until the patience is over, `silent` after.
  [[nodiscard]] Findings findings(Instant now) const;
  [[nodiscard]] bool is_over(Instant now) const;

 private:
  /// One gateway for each protocol: PCP and NAT-PMP are asked apart, so that each is known.
  struct Asked {
    Route route{};
    std::unique_ptr<Gateway> gateway;
    Method method{};
  };
  [[nodiscard]] bool has_answered(const Asked& asked, Instant now) const;
  [[nodiscard]] Finding finding_of(const Asked& asked, Instant now) const;

  Config config_;
  Rng* rng_;
  std::vector<Asked> asked_;
  Instant deadline_{};
};
static_assert(SansIo<Discovery> && OpensSockets<Discovery> && RunsErrands<Discovery>);
}  // namespace natkit::portmap
