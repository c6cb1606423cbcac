#pragma once
/// A network for the machines of portmap: one host, the routers on its network, routers behind routers, and what lies
/// between them (delay, loss, duplicates, reordering). Virtual time, one seed, so every run can be replayed.
///
///   host 192.168.77.2 ── routers on its network ── (behind the first one) a second router ── … ── internet
///
/// The first router is the way out. What is sent beyond it leaves with its external address, as a NAT does; ports are
/// kept. IGD calls take their delay and reach a router as datagrams do, but are never lost (TCP).
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "natkit/base/sans_io.hpp"
#include "natkit/portmap/igd.hpp"
#include "natkit/portmap/journal.hpp"
#include "natkit/sim/link.hpp"
#include "natkit/sim/port_mapper.hpp"

namespace natkit::portmap {
inline const IpAddress host_address = IpAddress::v4(0xC0A84D02);  // 192.168.77.2
inline const IpAddress host_address_v6 = IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});
/// The same host's temporary address (RFC 8981), and the router's, which is link-local as in most networks.
inline const IpAddress temporary_v6 =
    IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0x77, 0, 0, 0xa1, 0xb2, 0, 0, 0, 0, 0, 9});
inline const IpAddress router_v6 = IpAddress::v6({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
inline const IpAddress another_host = IpAddress::v4(0xC0A84D09);  // on the same network
inline const IpAddress isp_hop = IpAddress::v4(0x0B00FFFE);       // the first router of the internet: public

/// What a test has instead of a file.
class MemoryJournal final : public Journal {
 public:
  Result<void> put(const JournalEntry& entry) override;
  Result<void> note(const JournalEntry& entry) override { return put(entry); }
  Result<void> erase(MappingId id) override;
  [[nodiscard]] std::vector<JournalEntry> entries() const;

 private:
  std::map<MappingId, JournalEntry> entries_;
};

class Lan {
 public:
  explicit Lan(std::uint64_t seed, const sim::LinkConfig& link = {.delay = std::chrono::microseconds{100}});

  /// On the host's own network; the first one is its default router.
  sim::PortMapper& add_router(const sim::RouterConfig& config);
  /// Further out than all that were added by this: the way goes through it.
  sim::PortMapper& add_outer_router(const sim::RouterConfig& config);
  [[nodiscard]] Route route() const { return {host_, routers_.front()->config().inside, "eth0", Route::Kind::link}; }
  [[nodiscard]] Route route_v6(const IpAddress& local = host_address_v6) const {
    return {local, routers_.front()->config().inside_v6.value_or(router_v6), "eth0", Route::Kind::link};
  }
  /// The host has this one as well.
  void add_address(const IpAddress& address) { more_.insert(address); }
  /// The host's own address is another one now.
  void set_host(const IpAddress& address) { host_ = address; }

  /// One at a time; starts it now.
  void attach(MachineRef machine);
  /// It is killed: what it sent stays on the way, what comes for it meets nobody.
  void kill();
  /// Its outputs again, after somebody called it from outside.
  void drain();

  /// One event; false when nothing is left to happen.
  bool step();
  void run_for(Duration time);
  /// False: the bound was reached before.
  bool run_until(const std::function<bool()>& is_done, Duration bound);
  /// Until the machine waits for nothing; false: the bound was reached before.
  bool run_to_end(Duration bound);
  /// The machine sleeps: everything else goes on.
  void suspend_for(Duration time);
  /// Time passes inside a call that the machine makes (a write to a busy disk).
  void stall(Duration time) { now_ += time; }

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Rng& rng() { return rng_; }
  /// Where a packet from the internet to this endpoint ends; nullopt where nobody gets it.
  [[nodiscard]] std::optional<Endpoint> reach(Protocol protocol, const Endpoint& external);
  /// Rules at any router that lead to this host or to an inner router's external address.
  [[nodiscard]] std::vector<sim::Rule> rules_of_ours();
  /// Every LOCATION and control address that somebody was asked to fetch.
  [[nodiscard]] const std::vector<std::string>& fetched() const { return fetched_; }
  [[nodiscard]] std::size_t datagrams_sent() const { return sent_; }
  /// What is sent to the host gets lost for so long; what it sends arrives.
  void lose_answers_for(Duration time) { deaf_until_ = now_ + time; }
  [[nodiscard]] const std::set<IpAddress>& written_to() const { return written_to_; }
  /// PCP requests that wished for more than a plain mapping.
  [[nodiscard]] std::size_t requests_with_options() const { return requests_with_options_; }
  [[nodiscard]] std::vector<std::unique_ptr<sim::PortMapper>>& routers() { return routers_; }

 private:
  struct Socket {
    Endpoint local{};
    std::vector<IpAddress> groups{};
    PathErrors errors = PathErrors::ignored;
  };
  using Happening = std::function<void()>;

  void at(Instant when, Happening happening) { queue_.emplace(when, std::move(happening)); }
  void travel(const Happening& happening);
  void open(const SocketWish& wish);
  void transmit(Datagram out);
  void deliver(sim::PortMapper& router, Datagram in);
  void carry(sim::PortMapper& router);
  void receive(const Datagram& from_router);
  void report(SocketId socket, const Endpoint& remote, const IpAddress& offender);
  void run_errand(const Errand& errand);
  [[nodiscard]] std::optional<Instant> next_time() const;
  [[nodiscard]] IpAddress address_seen_by(const sim::PortMapper& router) const;
  [[nodiscard]] IpAddress caller_of(const igd::Call& call, const sim::PortMapper& router) const;
  [[nodiscard]] bool is_own(const IpAddress& address) const;
  [[nodiscard]] bool is_outer(const sim::PortMapper& router) const;

  SeededRng rng_;
  sim::LinkConfig link_;
  IpAddress host_ = host_address;
  std::vector<std::unique_ptr<sim::PortMapper>> routers_;
  std::vector<sim::PortMapper*> way_out_;
  std::optional<MachineRef> machine_;
  std::optional<Instant> asleep_until_;
  std::uint64_t life_ = 0;  ///< counts machines: what was for a dead one is dropped
  std::map<SocketId, Socket> sockets_;
  std::uint16_t next_port_ = 40000;
  std::multimap<Instant, Happening> queue_;
  std::vector<std::string> fetched_;
  std::size_t sent_ = 0;
  Instant deaf_until_{};
  std::set<IpAddress> written_to_;
  std::size_t requests_with_options_ = 0;
  std::set<IpAddress> more_;
  Instant now_{};
};
}  // namespace natkit::portmap
