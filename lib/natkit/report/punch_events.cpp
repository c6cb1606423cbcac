#include "natkit/report/punch_events.hpp"

#include <fmt/format.h>

#include <cmath>

#include "natkit/base/printable.hpp"
#include "natkit/report/json.hpp"
#include "natkit/report/remembered.hpp"

namespace natkit::report {
namespace {
Json milliseconds(Duration duration) { return std::round(to_ms(duration) * 1000.0) / 1000.0; }
Json or_null(std::optional<Duration> duration) { return duration ? milliseconds(*duration) : Json(nullptr); }

Json event(std::string_view name) { return {{"schema", "natkit/punch/1"}, {"event", name}}; }

Json path_json(const PathFacts& path) {
  return {{"kind", to_text(path.kind)},
          {"transport", to_text(path.transport)},
          {"local", path.local ? Json(to_text(*path.local)) : Json(nullptr)},
          {"remote", to_text(path.remote)},
          {"rtt_ms", or_null(path.rtt)}};
}

std::string rtt_words(std::optional<Duration> rtt) {
  return rtt ? fmt::format(", round trip {:.1f} ms", to_ms(*rtt)) : std::string{};
}

std::string_view way(const PathFacts& path) {
  switch (path.kind) {
    case PathKind::host:
      return "directly, address to address";
    case PathKind::reflexive:
      return "directly, through the NATs";
    case PathKind::mapped:
      return "directly, by a port that the router was asked to open";
    case PathKind::predicted:
    case PathKind::sprayed:
      return "directly, by a port that was guessed";
    case PathKind::routed:
      return "through another member";
    case PathKind::relayed:
      return "through the relay";
  }
  return "";
}

/// A fingerprint is long; its beginning is enough to tell two apart by eye.
std::string short_name(std::string_view peer) {
  constexpr std::string_view hash = "sha-256 ";
  if (peer.starts_with(hash)) peer.remove_prefix(hash.size());
  return printable(peer.substr(0, 11));
}
}  // namespace

std::string_view to_text(PathKind kind) {
  switch (kind) {
    case PathKind::host:
      return "host";
    case PathKind::reflexive:
      return "reflexive";
    case PathKind::mapped:
      return "mapped";
    case PathKind::predicted:
      return "predicted";
    case PathKind::sprayed:
      return "sprayed";
    case PathKind::routed:
      return "routed";
    case PathKind::relayed:
      return "relayed";
  }
  return "";
}

std::string PunchEvents::registered(const Endpoint& server, const Endpoint& seen_as, std::optional<Duration> rtt) {
  auto out = event("registered");
  out["server"] = to_text(server);
  out["address"] = to_text(seen_as);
  out["rtt_ms"] = or_null(rtt);
  return dump(out);
}

std::string PunchEvents::candidate(std::string_view kind, std::string_view transport, const Endpoint& endpoint) {
  auto out = event("candidate");
  out["kind"] = kind;
  out["transport"] = transport;
  out["address"] = to_text(endpoint);
  return dump(out);
}

std::string PunchEvents::description(std::string_view text) {
  auto out = event("description");
  out["text"] = text;
  return dump(out);
}

std::optional<bool> PeerFacts::share_public_address() const {
  if (!address || !own || address->address.family() != own->family()) return std::nullopt;
  return address->address == *own;
}

std::string PunchEvents::peer_found(const PeerFacts& peer) {
  auto out = event("peer-found");
  out["peer"] = peer.name.empty() ? Json(nullptr) : Json(printable(peer.name));
  out["role"] = peer.role;
  out["address"] = peer.address ? Json(to_text(*peer.address)) : Json(nullptr);
  const auto shared = peer.share_public_address();
  out["same_public_address"] = shared ? Json(*shared) : Json(nullptr);
  return dump(out);
}

std::string PunchEvents::path(const PathFacts& path) {
  auto out = event("path");
  out.update(path_json(path));
  return dump(out);
}

std::string PunchEvents::connected(const PathFacts& path, Duration elapsed, std::optional<Duration> relayed_ago) {
  auto out = event("connected");
  out["path"] = path_json(path);
  out["elapsed_ms"] = milliseconds(elapsed);
  out["direct"] = path.is_direct();
  out["remembered"] = relayed_ago ? Json{{"direct", false}, {"age_ms", milliseconds(*relayed_ago)}} : Json(nullptr);
  return dump(out);
}

std::string PunchEvents::secured(std::string_view peer, Duration elapsed) {
  auto out = event("secured");
  out["peer"] = printable(peer);
  out["elapsed_ms"] = milliseconds(elapsed);
  return dump(out);
}

std::string PunchEvents::upgraded(const PathFacts& before, const PathFacts& path) {
  auto out = event("upgraded");
  out["before"] = path_json(before);
  out["path"] = path_json(path);
  out["direct"] = path.is_direct();
  return dump(out);
}

std::string PunchEvents::lost(const PathFacts& path) {
  auto out = event("lost");
  out["path"] = path_json(path);
  return dump(out);
}

std::string PunchEvents::quality(const PathFacts& path, const PathQuality& quality) {
  auto out = event("report");
  out["path"] = path_json(path);
  out["sent"] = quality.sent;
  out["answered"] = quality.answered;
  out["loss"] = quality.loss() ? Json(std::round(*quality.loss() * 1e4) / 1e4) : Json(nullptr);
  out["rtt_ms"] = or_null(quality.median);
  out["least_rtt_ms"] = or_null(quality.least);
  out["most_rtt_ms"] = or_null(quality.most);
  out["jitter_ms"] = or_null(quality.jitter);
  return dump(out);
}

std::string PunchEvents::listening(Protocol protocol, const Endpoint& at, std::string_view to) {
  auto out = event("listening");
  out["protocol"] = to_text(protocol);
  out["at"] = to_text(at);
  out["to"] = printable(to);
  return dump(out);
}

std::string PunchEvents::refused(std::string_view by, Protocol protocol, std::string_view to, std::string_view detail) {
  auto out = event("refused");
  out["by"] = by;
  out["protocol"] = to_text(protocol);
  out["to"] = printable(to);
  out["detail"] = printable(detail);
  return dump(out);
}

std::string PunchEvents::closed(std::string_view reason, std::string_view detail) {
  auto out = event("closed");
  out["reason"] = reason;
  out["detail"] = detail.empty() ? Json(nullptr) : Json(printable(detail));
  return dump(out);
}

std::string PunchEvents::trouble(const Error& error) {
  auto out = event("trouble");
  out["reason"] = error.reason;
  out["detail"] = printable(error.detail);
  out["advice"] = error.advice.empty() ? Json(nullptr) : Json(error.advice);
  return dump(out);
}

std::string PunchWords::registered(const Endpoint& server, const Endpoint& seen_as, std::optional<Duration> rtt) {
  return fmt::format("registered at {}, which sees this host at {}{}", to_text(server), to_text(seen_as),
                     rtt_words(rtt));
}

std::string PunchWords::candidate(std::string_view kind, Protocol transport, const Endpoint& endpoint) {
  return fmt::format("this host may be reached at {} {} ({})", to_text(transport), to_text(endpoint), kind);
}

std::string PunchWords::peer_found(const PeerFacts& peer) {
  const auto name = peer.name.empty() ? std::string{"without a certificate"} : short_name(peer.name);
  if (!peer.address) return fmt::format("peer      {}", name);
  return fmt::format("peer      {} at {}{}", name, to_text(*peer.address),
                     peer.share_public_address().value_or(false) ? ", the same public address as this host's" : "");
}

std::string PunchWords::relay_leads() {
  return "who was met under this name before was reached by a relay only: so no server but the relay is waited for, "
         "and "
         "the peer is told of other addresses when they are known";
}

std::string PunchWords::remembered(Duration relayed_ago, Relay relay) {
  return fmt::format(
      "known     no direct path was found here to this peer {} ago; {}", age_text(relayed_ago),
      relay == Relay::at_hand ? "the relay is used at once, and a direct one is still tried" : "it is tried again");
}

std::string PunchWords::sending() {
  return "both sides send now, at the same time: a packet that goes out makes this side's NAT or firewall expect an "
         "answer from just that address and port, so what the peer sends from there comes in; and the other way round";
}

std::string PunchWords::secured() { return "the peer has shown the certificate that was announced; all is encrypted"; }

std::string PunchWords::lost() { return "lost      the path; looking for another"; }

std::string PunchWords::connected(const PathFacts& path, Duration elapsed) {
  return fmt::format("connected {} ({} {}) after {:.0f} ms", way(path), to_text(path.transport), to_text(path.remote),
                     to_ms(elapsed));
}

std::string PunchWords::upgraded(const PathFacts& path) {
  return fmt::format("goes on   {} ({} {}){}", way(path), to_text(path.transport), to_text(path.remote),
                     rtt_words(path.rtt));
}

std::string PunchWords::quality(const PathFacts& path, const PathQuality& quality) {
  if (!quality.median) return fmt::format("measured  nothing came back of {} probes", quality.sent);
  return fmt::format(
      "measured  round trip {:.1f} ms (least {:.1f}, most {:.1f}), jitter {:.1f} ms, {:.1f} % of {} lost, {}",
      to_ms(*quality.median), to_ms(*quality.least), to_ms(*quality.most),
      quality.jitter ? to_ms(*quality.jitter) : 0.0, 100 * quality.loss().value_or(0), quality.sent, way(path));
}

std::string PunchWords::listening(Protocol protocol, const Endpoint& at, std::string_view to) {
  return fmt::format("listening on {} {}, for {} at the peer", to_text(protocol), to_text(at), printable(to));
}

std::string PunchWords::forwarded(Protocol protocol, const std::optional<Endpoint>& from, std::string_view to) {
  if (!from) return fmt::format("the peer reaches {} {}", to_text(protocol), printable(to));
  return fmt::format("{} {} goes to {} at the peer", to_text(protocol), to_text(*from), printable(to));
}
}  // namespace natkit::report
