#pragma once
/// One home router's port mapping: PCP (RFC 6887), NAT-PMP (RFC 6886), SSDP and UPnP IGD over one table of rules. A
/// machine over datagrams; IGD calls are answered as values, because `portmap` hands them out as errands.
///
///   datagram to :5351 or :1900, or to a group --> PortMapper --> answers, some of them late
///   igd::Call                                 --> call()     --> igd::Reply
///   a packet to the external address          --> forward()  --> the inside host that gets it, if any
///
/// `Datagram::remote` is the source as the router sees it; `Datagram::local` says where it was sent to.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/datagram.hpp"
#include "natkit/base/time.hpp"
#include "natkit/portmap/igd.hpp"
#include "natkit/portmap/natpmp.hpp"
#include "natkit/portmap/pcp.hpp"
#include "natkit/sim/router_config.hpp"
#include "natkit/sim/rule_table.hpp"

namespace natkit::sim {
class PortMapper {
 public:
  explicit PortMapper(RouterConfig config) : config_(std::move(config)) {}

  void start(Instant now);
  void handle_datagram(Instant now, const Datagram& in);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Datagram> poll_transmit();
  [[nodiscard]] std::optional<Instant> poll_timeout() const;

  /// Whether a call to this URL reaches its HTTP server. One that never answers is the caller's to give up.
  [[nodiscard]] bool serves(const std::string& url) const;
  [[nodiscard]] portmap::igd::Reply call(Instant now, const portmap::igd::Call& call, const IpAddress& from);
  [[nodiscard]] std::string location(Family family = Family::ipv4) const;

  /// A packet from outside to the external address: the inside host and port that get it.
  [[nodiscard]] std::optional<Endpoint> forward(Instant now, Protocol protocol, std::uint16_t external_port);
  [[nodiscard]] std::vector<Rule> rules(Instant now);

  /// A port of an inside IPv6 address that packets from outside may go to. There is nothing to translate.
  struct Pinhole {
    Protocol protocol{};
    Endpoint internal{};
    Instant expires{};
    std::optional<portmap::Nonce> nonce{};  ///< of PCP
  };
  [[nodiscard]] std::vector<Pinhole> pinholes(Instant now);
  /// A rule that somebody else made.
  void plant(Rule rule) { table_.put(std::move(rule)); }

  /// Everything is forgotten and the clock begins anew; away until then.
  void reboot(Instant now, Duration away);
  [[nodiscard]] bool is_away(Instant now) const { return now < back_at_; }
  void set_external(Instant now, const IpAddress& address);
  [[nodiscard]] const RouterConfig& config() const { return config_; }
  RouterConfig& config() { return config_; }

 private:
  struct Placed {
    Rule* rule = nullptr;
    enum class Failure : std::uint8_t { none, full, denied, taken } failure = Failure::none;
  };

  [[nodiscard]] std::chrono::seconds epoch(Instant now) const;
  [[nodiscard]] bool is_allowed(std::uint16_t port) const {
    return port >= config_.first_port && port <= config_.last_port;
  }
  [[nodiscard]] std::uint16_t free_port(Protocol protocol, std::uint16_t wished) const;
  [[nodiscard]] bool may_touch(const Rule& rule, portmap::Method via) const;
  void send(Instant at, const Endpoint& to, Bytes payload, std::uint16_t from_port = portmap::pcp::server_port);
  void announce(Instant now);
  void announce(Instant now, Family family);

  void handle_control(Instant now, const Datagram& in);
  void handle_pcp(Instant now, const Datagram& in, const portmap::pcp::Request& request);
  [[nodiscard]] portmap::pcp::ResultCode map_pcp(Instant now, const IpAddress& from,
                                                 const portmap::pcp::Request& request, portmap::pcp::Response& reply);
  [[nodiscard]] portmap::pcp::ResultCode delete_pcp(const IpAddress& from, const portmap::pcp::Map& map);
  [[nodiscard]] portmap::pcp::ResultCode open_pinhole(Instant now, const IpAddress& from,
                                                      const portmap::pcp::Request& request,
                                                      portmap::pcp::Response& reply);
  void handle_nat_pmp(Instant now, const Datagram& in, const portmap::natpmp::Request& request);
  [[nodiscard]] portmap::natpmp::ResultCode map_nat_pmp(Instant now, const IpAddress& from,
                                                        portmap::natpmp::MappingRequest request,
                                                        portmap::natpmp::MappingResponse& reply);
  void handle_search(Instant now, const Datagram& in);

  [[nodiscard]] portmap::igd::Reply answer(Instant now, const portmap::igd::Describe& call, const IpAddress& from);
  [[nodiscard]] portmap::igd::Reply answer(Instant now, const portmap::igd::Add& call, const IpAddress& from);
  [[nodiscard]] portmap::igd::Reply answer(Instant now, const portmap::igd::Delete& call, const IpAddress& from);
  [[nodiscard]] portmap::igd::Reply answer(Instant now, const portmap::igd::Look& call, const IpAddress& from);
  [[nodiscard]] portmap::igd::Reply answer(Instant now, const portmap::igd::List& call, const IpAddress& from);
  [[nodiscard]] portmap::igd::Reply answer(Instant now, const portmap::igd::AddPinhole& call, const IpAddress& from);
  [[nodiscard]] portmap::igd::Reply answer(Instant now, const portmap::igd::UpdatePinhole& call, const IpAddress& from);
  [[nodiscard]] portmap::igd::Reply answer(Instant now, const portmap::igd::DeletePinhole& call, const IpAddress& from);
  [[nodiscard]] std::optional<int> objection(const portmap::igd::Add& call, const IpAddress& from) const;
  [[nodiscard]] std::optional<IpAddress> told_external() const;

  RouterConfig config_;
  RuleTable table_;
  std::map<std::uint16_t, Pinhole> pinholes_;  ///< by the number that IGD gives
  std::uint16_t last_pinhole_ = 0;
  std::uint16_t restarts_ = 0;
  Instant booted_at_{};
  Instant back_at_{};
  bool has_announced_ = true;
  Instant now_{};
  std::multimap<Instant, Datagram> outgoing_;
};
}  // namespace natkit::sim
