#include "natkit/link/by_hand.hpp"

#include <algorithm>
#include <utility>

namespace natkit::link {
namespace {
/// Checks are repeated for as long as the other user may need, rather than given up as impossible.
ice::Timing patient(ice::Timing timing, Duration patience) {
  timing.patience = patience;
  timing.most_sends =
      std::max(timing.most_sends, static_cast<unsigned>(patience / timing.longest_rto) + timing.most_sends);
  return timing;
}

Hub::Config hub_config(Hub::Config config, Duration patience) {
  config.agent.own = patient(config.agent.own, patience);
  config.agent.rfc = patient(config.agent.rfc, patience);
  // A peer that can be reached at once answers checks before its user has given it our description, and nothing else.
  config.channel.handshake_deadline = std::max(config.channel.handshake_deadline, patience);
  config.most_links = 1;
  return config;
}
}  // namespace

ByHand::ByHand(Config config, Rng& rng)
    : config_(std::move(config)), hub_(hub_config(config_.hub, config_.patience), rng) {}

void ByHand::start(Instant now) {
  link_ = hub_.open(now);
  describe_by_ = now + config_.gathering;
  hub_.start(now);
  hear();
}

void ByHand::describe() {
  describe_by_.reset();
  auto description = hub_.describe(*link_);
  description.ice.gathering = ice::Gathering::complete;  // no more of it will reach the peer
  events_.emplace_back(Described{write_description(description)});
}

void ByHand::hear() {
  while (auto event = hub_.poll_own_event()) {
    if (const auto* found = std::get_if<Hub::Found>(&*event)) {
      events_.emplace_back(CandidateFound{found->local.candidate});
    } else if (std::holds_alternative<Hub::Gathered>(*event)) {
      if (describe_by_) describe();
    } else if (const auto* failed = std::get_if<Gathering::RelayFailed>(&*event)) {
      events_.emplace_back(Trouble{turn::to_error(failed->failure)});
    } else if (const auto* closed = std::get_if<Gathering::SocketFailed>(&*event)) {
      if (config_.hub.gathering.port != 0)
        events_.emplace_back(Over{to_error(*closed)});
      else
        events_.emplace_back(Trouble{to_error(*closed)});
    }
  }
}

/// The greater fingerprint controls, as at the meeting place: one side has to speak first in DTLS, and nobody else
/// decides.
ice::Role ByHand::role_towards(const Description& peer) const {
  if (!peer.fingerprint || peer.ice.dialect != ice::Dialect::natkit || peer.setup != Setup::either) return config_.role;
  const auto ours = crypto::to_text(config_.hub.identity.fingerprint());
  return ours > crypto::to_text(*peer.fingerprint) ? ice::Role::controlling : ice::Role::controlled;
}

Result<void> ByHand::hear_description(Instant now, std::string_view text) {
  const auto refuse = [](std::string detail) {
    return std::unexpected(Error{.code = Errc::usage,
                                 .reason = "bad-description",
                                 .detail = "the peer's description cannot be used: " + std::move(detail),
                                 .advice = "copy all of what punch printed at the other side"});
  };
  const auto parsed = parse_description(text, config_.fingerprints);
  if (!parsed) return refuse(std::string{to_text(parsed.error())});
  auto* link = hub_.find(*link_);
  if (!link || link->has_begun()) return refuse("there is one already");
  if (parsed->description.ice.credentials == link->agent().credentials())
    return refuse("it is the one that was printed here");
  const auto& fingerprint = parsed->description.fingerprint;
  const auto role = role_towards(parsed->description);
  events_.emplace_back(
      PeerFound{.link = *link_, .peer = fingerprint ? crypto::to_text(*fingerprint) : std::string{}, .role = role});
  give_up_at_ = now + config_.patience;
  hub_.begin(now, *link_, {.description = parsed->description, .role = role, .start_at = now});
  return {};
}

void ByHand::add_mapped(Instant now, const Endpoint& external) {
  hub_.add_mapped(now, external);
  hear();
}

void ByHand::close(Instant now) {
  describe_by_.reset();
  give_up_at_.reset();
  if (auto* link = hub_.find(*link_)) link->close(now);
  hub_.flush(now);
  hub_.close(now);
}

void ByHand::handle_datagram(Instant now, const Datagram& in) {
  hub_.handle_datagram(now, in);
  hear();
}

void ByHand::handle_timeout(Instant now) {
  hub_.handle_timeout(now);
  if (describe_by_ && *describe_by_ <= now) describe();
  if (give_up_at_ && *give_up_at_ <= now) {
    give_up_at_.reset();
    events_.emplace_back(
        Hub::LinkEvent{*link_, Link::Ended{EndReason::punch_failed, "no path within the time that was given"}});
  }
  hear();
}

void ByHand::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  hub_.handle_send_failure(now, lost, why);
  hear();
}

void ByHand::handle_path_error(Instant now, const PathError& error) { hub_.handle_path_error(now, error); }

void ByHand::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  hub_.handle_socket_opened(now, socket, local);
  hear();
}

void ByHand::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  hub_.handle_socket_failure(now, socket, why);
  hear();
}

std::optional<Instant> ByHand::poll_timeout() const {
  auto due = hub_.poll_timeout();
  for (const auto at : {describe_by_, give_up_at_})
    if (at && (!due || *at < *due)) due = at;
  return due;
}

std::optional<Introduction::Event> ByHand::poll_event(Instant /*now*/) {
  if (events_.empty()) {
    auto said = hub_.poll_link_event();
    if (!said) return std::nullopt;
    if (std::holds_alternative<Link::Connected>(said->event)) give_up_at_.reset();
    return Event{std::move(*said)};
  }
  auto out = std::move(events_.front());
  events_.pop_front();
  return out;
}
}  // namespace natkit::link
