#pragma once
/// Finds the UPnP gateways around a host: SSDP by unicast to the router and by multicast, then the description of each
/// that answers.
///
///   start() --> M-SEARCH (both ways), with more targets after a while, repeated
///                   └─ answer, LOCATION on the answering host --> Describe (errand) --> devices()
///
/// Where nobody answers at once, the question goes out from port 1900 as well: some answer to no other
/// (upnp-service#5).
///
/// A device is `best` at once when it is the router itself and connected; else the best of those that came within
/// `collect` after the first (several gateways on one network, or one that answers for another).
#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/errand.hpp"
#include "natkit/base/socket.hpp"
#include "natkit/base/time.hpp"
#include "natkit/portmap/igd.hpp"

namespace natkit::portmap {
class IgdSearch {
 public:
  struct Timing {
    Duration repeat = std::chrono::milliseconds{250};
    /// Until the less usual targets are asked for too, unless the router has shown by then that it can be used.
    /// miniupnpd answers one question after the other, its first answer comes after 50 ms, and it serves nothing else
    /// meanwhile: asked for all at once, a mapping took 4 ms longer, and asked while it maps, 50 ms.
    Duration widening = std::chrono::milliseconds{75};
    Duration patience = std::chrono::seconds{1};       ///< for answers; miniupnpd 2.3.1 waits 50 ms before its own
    Duration description = std::chrono::seconds{2};    ///< for one Describe, absolute
    Duration collect = std::chrono::milliseconds{50};  ///< after the first answer, for better ones
  };
  struct Config {
    SocketId socket{};
    SocketId standard_socket{};  ///< on port 1900
    IpAddress local{};
    IpAddress router{};
    std::string interface{};        ///< of a router that is link-local
    std::size_t most_devices = 16;  ///< answers beyond are dropped: anybody on the network can make them up
    Timing timing{};
    /// Ask the router alone: it stands behind another NAT, where multicast does not reach.
    enum class Reach : std::uint8_t { network, router_only } reach = Reach::network;
  };
  struct Found {
    std::string location;
    IpAddress host{};
    std::string udn{};                    ///< "uuid:…", as its answer claims; empty where it does not
    std::optional<igd::Device> device{};  ///< nullopt while it is asked, or when it failed
    std::optional<igd::Fault> fault{};
    /// Whether it answered as a gateway, and not only as some root device: a printer in the same box does that.
    enum class AnsweredAs : std::uint8_t { root_device, gateway } answered_as{};
  };

  explicit IgdSearch(Config config) : config_(std::move(config)) {}

  void start(Instant now);
  /// Begins with what an earlier run knew, without waiting for SSDP.
  void try_location(Instant now, const std::string& location);
  void stop();

  bool handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  /// The reply to a Describe that was handed out for `host`; see `poll_describe`.
  void handle_described(Instant now, const std::string& location, const igd::Reply& reply);
  [[nodiscard]] std::optional<SocketChange> poll_socket();
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<igd::Describe> poll_describe();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  [[nodiscard]] const std::vector<Found>& found() const { return found_; }
  /// The one to ask; nullopt while a better one may come, and when there is none.
  [[nodiscard]] std::optional<std::size_t> best(Instant now) const;
  /// Nothing will come any more.
  [[nodiscard]] bool is_over(Instant now) const;
  /// LOCATIONs that were refused, in words, for evidence; at most a few.
  [[nodiscard]] const std::vector<std::string>& objections() const { return objections_; }

 private:
  void send_searches();
  void send_searches(SocketId socket, std::span<const std::string_view> targets);
  void add(Instant now, Found found);
  void widen(Instant now);
  [[nodiscard]] bool is_describing() const;

  Config config_;
  std::vector<Found> found_;
  std::vector<std::string> objections_;
  std::optional<Instant> next_search_;
  std::optional<Instant> widens_at_;
  Instant started_at_{};
  Instant deadline_{};
  std::optional<Instant> collected_at_;
  Duration step_{};
  bool has_started_ = false;
  bool has_standard_socket_ = false;
  std::deque<SocketChange> sockets_;
  std::deque<Datagram> outgoing_;
  std::deque<igd::Describe> describes_;
};

/// Whether a gateway that says this of its connection can be used. Some say "Up", some nothing at all.
[[nodiscard]] bool is_connected(const igd::Connection& connection);
}  // namespace natkit::portmap
