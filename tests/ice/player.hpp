#pragma once
// One host that wants to reach another: what a program around an agent does, as a machine. It gathers, keeps what is to
// be signalled in `outbox`, opens a fresh base when the agent wants one, and wraps what goes by the relay.
#include <algorithm>
#include <optional>
#include <variant>
#include <vector>

#include "ice/relay.hpp"
#include "natkit/ice/agent.hpp"
#include "natkit/ice/gatherer.hpp"

namespace natkit::test {
/// Whether a base that only opens is there from the outset, or once the agent asks for it.
enum class Reserve { eager, lazy };
enum class Relaying { no, yes };

struct PlayerConfig {
  ice::Role role = ice::Role::controlling;
  IpAddress address{};
  std::vector<Endpoint> servers{};
  std::optional<Endpoint> relay{};
  Reserve reserve = Reserve::lazy;
  ice::Agent::Config agent{};
};

class Player {
 public:
  static constexpr std::uint32_t most_sockets = 4;
  static constexpr SocketId relayed_base{100};

  Player(const PlayerConfig& config, Rng& rng)
      : agent(with_credentials(config, rng), rng),
        config_(config),
        gatherer_({.servers = config.servers}, rng),
        first_port_(static_cast<std::uint16_t>(20000 + rng.below(20000))) {}

  [[nodiscard]] std::vector<sim::Binding> bindings() const {
    std::vector<sim::Binding> all;
    for (std::uint32_t i = 0; i < most_sockets; ++i) all.push_back({SocketId{i}, endpoint(i)});
    return all;
  }

  void start(Instant now) {
    open_base(now, ice::Manner::fires);
    if (config_.reserve == Reserve::eager) open_base(now, ice::Manner::opens);
    if (config_.relay) ask_relay(now);
  }
  void handle_datagram(Instant now, const Datagram& in) {
    if (is_cut && in.remote != config_.relay) return;
    if (config_.relay && in.remote == *config_.relay) {
      handle_relay(now, in);
    } else if (!gatherer_.handle_datagram(now, in) && !agent.handle_datagram(now, in)) {
      ++strays;
    }
    note_events(now);
  }
  void handle_timeout(Instant now) {
    if (relay_due_ && *relay_due_ <= now) ask_relay(now);
    gatherer_.handle_timeout(now);
    agent.handle_timeout(now);
    note_events(now);
  }
  std::optional<Datagram> poll_transmit() {
    if (!outgoing_.empty()) {
      auto out = outgoing_.front();
      outgoing_.pop_front();
      return out;
    }
    if (auto out = gatherer_.poll_transmit()) return out;
    auto out = agent.poll_transmit();
    if (!out) return std::nullopt;
    if (out->hop_limit == 64) ++checks_sent;
    if (out->socket != relayed_base) return out;
    return Datagram{.socket = SocketId{0}, .remote = *config_.relay, .payload = wrap(out->remote, out->payload)};
  }
  [[nodiscard]] std::optional<Instant> poll_timeout() const {
    auto due = agent.poll_timeout();
    for (const auto at : {gatherer_.poll_timeout(), relay_due_})
      if (at && (!due || *at < *due)) due = at;
    return due;
  }
  /// After calls to the agent from outside.
  void note_events(Instant now) {
    while (const auto event = gatherer_.poll_event())
      if (const auto* found = std::get_if<ice::Gatherer::Found>(&*event)) announce(now, found->candidate);
    while (const auto event = agent.poll_event()) {
      events.push_back(*event);
      if (const auto* selected = std::get_if<ice::Agent::PathSelected>(&*event)) {
        if (!connected_at) connected_at = now;
        if (!direct_at && !selected->path.is_relayed()) direct_at = now;
      }
      if (std::holds_alternative<ice::Agent::PathLost>(*event)) lost_at = now;
      if (std::holds_alternative<ice::Agent::Failed>(*event)) failed_at = now;
      if (std::holds_alternative<ice::Agent::WantsFreshBase>(*event)) open_base(now, ice::Manner::opens);
    }
  }
  [[nodiscard]] bool has_gathered() const { return gatherer_.is_done() && !relay_due_; }

  ice::Agent agent;
  std::vector<ice::Candidate> outbox;  ///< local candidates in the order they were found
  std::vector<ice::Agent::Event> events;
  std::optional<Instant> connected_at, direct_at, lost_at, failed_at;
  std::size_t strays = 0;
  std::size_t checks_sent = 0;
  std::uint32_t bases = 0;
  bool is_cut = false;  ///< only what comes by the relay arrives

 private:
  static ice::Agent::Config with_credentials(const PlayerConfig& config, Rng& rng) {
    auto agent = config.agent;
    agent.role = config.role;
    agent.local = ice::make_credentials(rng);
    return agent;
  }
  [[nodiscard]] Endpoint endpoint(std::uint32_t i) const {
    return {config_.address, static_cast<std::uint16_t>(first_port_ + i)};
  }
  void open_base(Instant now, ice::Manner manner) {
    if (bases >= most_sockets) return;
    const auto own = endpoint(bases);
    const ice::LocalCandidate host{
        .candidate = ice::make_candidate(ice::Kind::host, ice::Transport::udp, own,
                                         {.base = own, .local_preference = ice::preference_of(manner)}),
        .base = SocketId{bases},
        .manner = manner};
    ++bases;
    announce(now, host);
    gatherer_.add_base(now, host);
  }
  void announce(Instant now, const ice::LocalCandidate& candidate) {
    agent.add_local(now, candidate);
    outbox.push_back(candidate.candidate);
  }
  void ask_relay(Instant now) {
    outgoing_.push_back({.socket = SocketId{0}, .remote = *config_.relay, .payload = wrap({}, {})});
    relay_due_ = now + std::chrono::milliseconds{200};
  }
  void handle_relay(Instant now, const Datagram& in) {
    auto inner = unwrap(in.payload);
    if (!inner) return;
    if (inner->payload.empty()) {
      if (!relay_due_) return;
      relay_due_.reset();
      announce(now, {.candidate = ice::make_candidate(ice::Kind::relayed, ice::Transport::udp, inner->peer,
                                                      {.base = endpoint(0), .server = config_.relay->address}),
                     .base = relayed_base});
      return;
    }
    agent.handle_datagram(now, {.socket = relayed_base, .remote = inner->peer, .payload = std::move(inner->payload)});
  }

  PlayerConfig config_;
  ice::Gatherer gatherer_;
  std::uint16_t first_port_;
  std::optional<Instant> relay_due_;
  std::deque<Datagram> outgoing_;
};
}  // namespace natkit::test
