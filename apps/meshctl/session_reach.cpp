#include <fmt/format.h>

#include <algorithm>

#include "natkit/io/routes.hpp"
#include "natkit/portmap/diagnosis.hpp"
#include "natkit/report/probe_text.hpp"
#include "session.hpp"

// This host's own network: what its NAT does, and the port that its router opens. Beside the session: nothing waits for
// it. A port is needed to be found, not to stay connected: so it is given back while the session is locked and this
// host has a link with every member, and asked for again when either ends.
namespace natkit {
namespace {
using report::MeshEvents;

/// Links that stood for so long will stand without the port, too: its router knows their flows.
constexpr Duration settled_after = std::chrono::seconds{2};

/// What is found at this very moment for a host whose router was not asked, or gave no reason to ask by hand.
portmap::ManualRule rule_for(const Endpoint& internal) {
  portmap::ManualRule rule{.external_port = internal.port, .internal = internal};
  for (const auto& route : io::default_routes())
    if (route.local == internal.address) rule.router = route.router;
  return rule;
}
}  // namespace

void Session::mind_reach(Instant now) {
  if (is_over_) return;
  while (const auto event = reach_.poll_event(now)) {
    if (std::holds_alternative<mesh::OwnReach::PortRefused>(*event)) was_refused_ = true;
    const auto* opened = std::get_if<mesh::OwnReach::PortOpened>(&*event);
    if (opened && !opened->external.address.is_private() && !opened->external.address.is_shared())
      node_.add_mapped(now, opened->external);
  }
  mind_port(now);
  node_.set_reach(now, reach_.reach(), mesh::pack(reach_.findings()));
  tell_reach();
}

bool Session::is_port_wanted(Instant now) {
  const auto& view = node_.member().view();
  const auto is_linked = [&](const mesh::Member& member) {
    return member.self.id == node_.member().id() || node_.path_to(member.self.id);
  };
  const bool is_complete =
      view && view->settings.standing == mesh::Standing::locked && std::ranges::all_of(view->members, is_linked);
  if (!is_complete) {
    complete_since_.reset();
    return true;
  }
  if (!complete_since_) complete_since_ = now;
  return now - *complete_since_ < settled_after;
}

void Session::mind_port(Instant now) {
  if (!reach_.may_ask_router() || is_leaving_) return;
  using Reason = mesh::OwnReach::Reason;
  // Whom everybody reaches needs no port. Most of the time that is known by then.
  if ((!has_joined_ || reach_.reason() == Reason::measuring) && now < *port_from_) return;
  if (reach_.reason() == Reason::open) return;
  if (!is_port_wanted(now)) {
    was_refused_ = false;
    return reach_.close_port(now);
  }
  const auto state = reach_.port_state();
  const bool is_open = state != mesh::OwnReach::Port::not_asked && state != mesh::OwnReach::Port::given_back;
  if (is_open || was_refused_) return;
  const auto internal = node_.hub().gathering().first_base(Family::ipv4);
  if (!internal || internal->address.is_loopback()) return;
  using portmap::HeldPort;
  // Who names a port wants to be reached at just that one.
  reach_.ask_router(now, io::default_routes(), internal->port,
                    options_.local_port != 0 ? HeldPort::At::same : HeldPort::At::another);
}

report::MeshReach Session::reach_facts() const {
  using mesh::OwnReach;
  const auto state = reach_.port_state();
  report::MeshReach facts{.reason = std::string{to_text(reach_.reason())},
                          .port = {.state = std::string{to_text(state)}}};
  switch (reach_.reach()) {
    case mesh::Reach::unknown:
      break;
    case mesh::Reach::hard:
      facts.reach = "hard";
      break;
    case mesh::Reach::easy:
      facts.reach = "easy";
      break;
    case mesh::Reach::open:
      facts.reach = "open";
      break;
  }
  if (reach_.reach() != mesh::Reach::unknown) facts.can_host = reach_.reach() != mesh::Reach::hard;
  if (const auto* family = reach_.family()) {
    facts.nat = family->nat;
    facts.mapping = family->mapping;
    facts.filtering = family->filtering;
    facts.seen_as = family->mapped;
  }
  if (const auto& grant = reach_.grant(); grant && state != OwnReach::Port::given_back) {
    facts.port.external = grant->external;
    facts.port.internal = grant->internal;
    facts.port.method = std::string{portmap::to_text(grant->via)};
  }
  if (const auto& refused = reach_.refused()) facts.port.detail = refused->diagnosis.sentence;
  if (const auto& report = reach_.report()) facts.evidence = report::evidence_lines(*report);
  if (state == OwnReach::Port::useless)
    facts.port.detail = "the router opened " + to_text(reach_.grant()->external) +
                        ", which is not where servers see this host: another NAT stands behind it";
  if (reach_.reason() == OwnReach::Reason::port_each_peer && reach_.is_settled()) facts.forward = forward_by_hand();
  return facts;
}

/// Where the router said why it opens nothing, a rule by hand may not help either (a provider's NAT, a second router).
std::optional<report::MeshReach::Forward> Session::forward_by_hand() const {
  const auto internal = node_.hub().gathering().first_base(Family::ipv4);
  const auto& refused = reach_.refused();
  const bool is_in_vain = reach_.port_state() == mesh::OwnReach::Port::useless || (refused && !refused->diagnosis.rule);
  if (!internal || is_in_vain) return std::nullopt;
  auto rule = refused ? *refused->diagnosis.rule : rule_for(*internal);
  rule.external_port = rule.internal.port;
  auto words = to_text(rule);
  if (options_.local_port == 0)
    words += fmt::format("; with --local-port {0} this host is at that port the next time, too", internal->port);
  return report::MeshReach::Forward{rule.internal, rule.external_port, std::move(words)};
}

/// Once it is known, and whenever it is another. A host that strangers cannot reach is told what is to be done.
void Session::tell_reach() {
  using Reason = mesh::OwnReach::Reason;
  if (!reach_.is_settled()) return;
  const auto state = reach_.port_state();
  const auto& grant = reach_.grant();
  const auto known = std::tuple{reach_.reason(), state, grant ? std::optional{grant->external} : std::nullopt};
  if (reach_told_ == known || std::get<0>(known) == Reason::not_measured) return;
  reach_told_ = known;
  const auto facts = reach_facts();
  // What is not known helps nobody but who asks.
  if (output_.is_json() || !facts.reach.empty())
    say(MeshEvents::reach(facts), report::reach_text(facts));
  else
    output_.explain(cli::Verbosity::steps, report::reach_text(facts));
  for (const auto& line : facts.evidence) output_.explain(cli::Verbosity::steps, line);
  if (options_.command != Options::Command::create) return;
  if (const auto words = report::forward_text(facts); !words.empty()) output_.warn(words);
}
}  // namespace natkit
