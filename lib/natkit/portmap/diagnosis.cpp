#include "natkit/portmap/diagnosis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

#include "natkit/base/printable.hpp"

namespace natkit::portmap {
namespace {
constexpr std::array methods{Method::pcp, Method::nat_pmp, Method::upnp};
/// Ports below are for the privileged; IGD 2 keeps them from plain control points (UPnP WANIPConnection:2 §2.5.16).
constexpr std::uint16_t first_unprivileged = 1024;

/// The most telling first. A method that is off, or not spoken well, explains nothing while another works and has a
/// reason of its own.
constexpr std::array by_weight{
    Cause::no_gateway,   Cause::tunnel_owns_route, Cause::carrier_nat,    Cause::double_nat,    Cause::port_denied,
    Cause::port_taken,   Cause::table_full,        Cause::not_authorized, Cause::not_connected, Cause::address_mismatch,
    Cause::switched_off, Cause::unsupported,       Cause::malformed,      Cause::failed,        Cause::unknown,
    Cause::silent,
};
auto weight(Cause cause) { return std::ranges::find(by_weight, cause) - by_weight.begin(); }

/// What one gateway's words come to.
struct Reading {
  const HeardGateway* gateway = nullptr;
  const Refusal* refusal = nullptr;  ///< the one that decides; null: none but silence
  Cause cause = Cause::unknown;
};

bool is_low(std::uint16_t port) { return port != 0 && port < first_unprivileged; }

/// "Not authorised" has two meanings: this host is one that may ask for itself, so a low port is the likelier one.
Cause cause_of(const Refusal& refusal, const std::optional<Wish>& wish) {
  const bool is_about_port = wish && (is_low(wish->external_port) || is_low(wish->internal.port));
  return refusal.cause == Cause::not_authorized && is_about_port ? Cause::port_denied : refusal.cause;
}

const Refusal* decisive(const std::vector<Refusal>& refusals, const std::optional<Wish>& wish) {
  const Refusal* found = nullptr;
  for (const auto& refusal : refusals) {
    if (refusal.cause == Cause::silent) continue;
    if (found == nullptr || weight(cause_of(refusal, wish)) < weight(cause_of(*found, wish))) found = &refusal;
  }
  return found;
}

/// Found by walking outwards, not read off an address.
bool is_hidden_beyond(Cause cause) { return cause == Cause::double_nat || cause == Cause::carrier_nat; }

/// A tunnel, and an address that the internet does not know, explain more than what a gateway says about them.
Reading read(const HeardGateway& gateway, const std::optional<Wish>& wish) {
  Reading reading{.gateway = &gateway, .refusal = decisive(gateway.refusals, wish)};
  const bool is_told = reading.refusal != nullptr && is_hidden_beyond(reading.refusal->cause);
  if (gateway.place == HeardGateway::Place::further_out)
    reading.cause = is_told ? reading.refusal->cause : Cause::double_nat;
  else if (gateway.route.kind == Route::Kind::tunnel)
    reading.cause = Cause::tunnel_owns_route;
  else if (gateway.external && gateway.external->is_shared())
    reading.cause = Cause::carrier_nat;
  else if (gateway.external && gateway.external->is_private())
    reading.cause = Cause::double_nat;
  else if (reading.refusal != nullptr)
    reading.cause = cause_of(*reading.refusal, wish);
  else
    reading.cause = gateway.refusals.empty() || !gateway.pending.empty() ? Cause::unknown : Cause::silent;
  return reading;
}

/// As people write them.
std::string_view name_of(Method method) {
  if (method == Method::pcp) return "PCP";
  return method == Method::nat_pmp ? "NAT-PMP" : "UPnP";
}

/// "PCP", "PCP nor UPnP", "PCP, NAT-PMP nor UPnP".
std::string names_of(const std::vector<Method>& spoken, std::string_view last_link) {
  std::string text;
  for (std::size_t i = 0; i < spoken.size(); ++i) {
    if (i > 0) text += i + 1 == spoken.size() ? last_link : ", ";
    text += name_of(spoken[i]);
  }
  return text;
}

std::string silence_text(const HeardGateway& gateway) {
  std::vector<Method> asked;
  for (const auto method : methods)
    if (std::ranges::find(gateway.refusals, method, &Refusal::method) != gateway.refusals.end())
      asked.push_back(method);
  return fmt::format("{} {}", asked.size() == 1 ? "does not answer" : "answers neither", names_of(asked, " nor "));
}

/// What is said of the gateway, after its name.
std::string predicate(const Reading& reading) {
  const auto& gateway = *reading.gateway;
  if (reading.refusal != nullptr)
    return fmt::format("{} ({})", printable(reading.refusal->detail), to_text(reading.refusal->method));
  if (!gateway.pending.empty()) return fmt::format("had no time to answer {}", names_of(gateway.pending, " and "));
  return gateway.refusals.empty() ? "was not heard" : silence_text(gateway);
}

/// Where its own address says more than its words; empty where it does not.
std::string sentence_of_address(const Reading& reading) {
  const auto& gateway = *reading.gateway;
  if (!gateway.external) return {};
  if (reading.cause == Cause::carrier_nat)
    return fmt::format("the router {} has the address {}, behind a NAT of the provider", to_text(gateway.address),
                       to_text(*gateway.external));
  if (reading.cause == Cause::double_nat)
    return fmt::format("the router {} has the private address {}: another router stands behind it",
                       to_text(gateway.address), to_text(*gateway.external));
  return {};
}

std::string sentence_of(const Reading& reading) {
  const auto& gateway = *reading.gateway;
  const auto router = to_text(gateway.address);
  const auto way_out = to_text(gateway.route.router);
  if (gateway.place == HeardGateway::Place::further_out)
    return fmt::format("the router {} mapped it and was made to take it back: behind it, the router {} {}", way_out,
                       router, predicate(reading));
  if (gateway.place == HeardGateway::Place::beside)
    return fmt::format("the gateway {} is not this host's way out, which is {}, and {}", router, way_out,
                       predicate(reading));
  if (reading.cause == Cause::tunnel_owns_route)
    return fmt::format("a tunnel ({}) owns the way out, so the router behind it is not asked",
                       printable(gateway.route.interface));
  if (reading.cause == Cause::no_gateway && reading.refusal != nullptr) return printable(reading.refusal->detail);
  if (auto told = sentence_of_address(reading); !told.empty()) return told;
  const auto* const doubt = reading.cause == Cause::unknown ? "the reason is not known: " : "";
  return fmt::format("{}the router {} {}", doubt, router, predicate(reading));
}

NextStep next_step_of(const Reading& reading) {
  using enum Cause;
  const bool is_told = reading.refusal != nullptr && is_hidden_beyond(reading.refusal->cause);
  if (is_told && reading.cause == double_nat) return NextStep::join_routers;
  if (!is_told && reading.gateway->place == HeardGateway::Place::further_out) return NextStep::switch_on_outer;
  if (reading.gateway->place == HeardGateway::Place::beside) return NextStep::use_other_router;
  switch (reading.cause) {
    case unknown:
      return NextStep::wait_longer;
    case no_gateway:
      return NextStep::connect_host;
    case tunnel_owns_route:
      return NextStep::leave_tunnel;
    case silent:
    case switched_off:
      return NextStep::switch_on;
    case not_authorized:
      return NextStep::allow_host;
    case port_denied:
      return NextStep::take_high_port;
    case port_taken:
      return NextStep::take_other_port;
    case table_full:
      return NextStep::clear_table;
    case not_connected:
      return NextStep::check_uplink;
    case double_nat:
    case address_mismatch:
      return NextStep::map_all_layers;
    case carrier_nat:
      return NextStep::ask_provider;
    case unsupported:
    case malformed:
    case failed:
      break;
  }
  return NextStep::try_other_method;
}

/// A rule in this router helps neither behind the provider's NAT nor where no router is, and is too early to ask for
/// while nobody knows.
std::optional<ManualRule> rule_of(const Reading& reading, const std::optional<Wish>& wish) {
  using enum Cause;
  const auto& gateway = *reading.gateway;
  if (reading.cause == carrier_nat || reading.cause == no_gateway || reading.cause == unknown) return std::nullopt;
  if (gateway.place == HeardGateway::Place::further_out) return std::nullopt;  // its inner address is not ours to name
  if (reading.refusal != nullptr && is_hidden_beyond(reading.refusal->cause)) return std::nullopt;  // this one did map
  ManualRule rule{.router = gateway.route.router, .internal = {gateway.route.local, 0}};
  if (wish) {
    rule.protocol = wish->protocol;
    rule.internal = wish->internal;
    rule.external_port = wish->external_port == 0 ? wish->internal.port : wish->external_port;
  }
  return rule;
}

void add_evidence(std::vector<std::string>& out, const HeardGateway& gateway) {
  const auto router = to_text(gateway.address);
  for (const auto& refusal : gateway.refusals)
    out.push_back(fmt::format("{} by {}: it {}{}", router, name_of(refusal.method), printable(refusal.detail),
                              refusal.code ? fmt::format(" (code {})", *refusal.code) : std::string{}));
  for (const auto method : gateway.pending)
    out.push_back(fmt::format("{} by {}: it had no time to answer", router, name_of(method)));
  if (gateway.external)
    out.push_back(fmt::format("{}: its external address is {}", router, to_text(*gateway.external)));
  if (gateway.route.kind == Route::Kind::tunnel)
    out.push_back(fmt::format("{}: {} is a tunnel", router, printable(gateway.route.interface)));
}

/// By every route the router, and whoever else answered UPnP's search there.
void add_heard(std::vector<HeardGateway>& out, const RouteFindings& found) {
  HeardGateway router{.route = found.route, .address = found.route.router};
  std::optional<HeardGateway> beside;
  for (const auto method : methods) {
    const auto& finding = found[method];
    const bool is_device = method == Method::upnp && !found.devices.empty();
    const bool is_other = is_device && found.devices.front().host != found.route.router &&
                          found.devices.front().host.family() == found.route.router.family() &&
                          !found.route.router.is_link_local();
    auto& speaker =
        is_other
            ? beside.emplace(HeardGateway{
                  .route = found.route, .address = found.devices.front().host, .place = HeardGateway::Place::beside})
            : router;
    if (finding.refusal)
      speaker.refusals.push_back(*finding.refusal);
    else if (finding.state == Finding::State::silent)
      speaker.refusals.push_back({.method = method, .cause = Cause::silent, .detail = "did not answer"});
    else if (finding.state == Finding::State::unasked && (method != Method::nat_pmp || found.route.router.is_v4()))
      speaker.pending.push_back(method);  // NAT-PMP has no IPv6
    if (finding.external && !speaker.external) speaker.external = finding.external;
  }
  out.push_back(std::move(router));
  if (beside) out.push_back(std::move(*beside));
}
}  // namespace

Symptoms symptoms_of(const Findings& findings) {
  Symptoms symptoms;
  for (const auto& route : findings.routes) add_heard(symptoms.gateways, route);
  return symptoms;
}

Symptoms symptoms_of(const Wish& wish, const Route& route, const Keeper::Failed& failed) {
  HeardGateway heard{.route = route, .address = route.router, .refusals = failed.refusals, .external = failed.external};
  if (!failed.gateways.empty() && failed.gateways.front() != route.router) {
    heard.address = failed.gateways.front();
    heard.place = HeardGateway::Place::further_out;
  }
  return {.gateways = {std::move(heard)}, .wish = wish};
}

Diagnosis diagnose(const Symptoms& symptoms) {
  if (symptoms.gateways.empty())
    return {.cause = Cause::no_gateway,
            .sentence = "this host has no default route, so no router to ask",
            .next_step = NextStep::connect_host};
  std::vector<Reading> readings;
  Diagnosis diagnosis;
  for (const auto& gateway : symptoms.gateways) {
    readings.push_back(read(gateway, symptoms.wish));
    add_evidence(diagnosis.evidence, gateway);
  }
  // Of two with the same weight the first; one that is not the way out only where no other says anything.
  const auto order = [](const Reading& one) {
    const bool is_mute = one.cause == Cause::silent || one.cause == Cause::unknown;
    return std::tuple{is_mute, one.gateway->place == HeardGateway::Place::beside, weight(one.cause)};
  };
  const auto& worst = *std::ranges::min_element(readings, {}, order);
  diagnosis.cause = worst.cause;
  diagnosis.sentence = sentence_of(worst);
  diagnosis.next_step = next_step_of(worst);
  diagnosis.rule = rule_of(worst, symptoms.wish);
  return diagnosis;
}

std::string to_text(const ManualRule& rule) {
  const auto where = rule.router.is_v4() ? fmt::format(" (http://{}/)", natkit::to_text(rule.router)) : std::string{};
  if (rule.external_port == 0)
    return fmt::format("enter a rule by hand in the router's settings{}: the port that is needed, to {}", where,
                       natkit::to_text(rule.internal.address));
  return fmt::format("enter a rule by hand in the router's settings{}: {} port {} to {} port {}", where,
                     natkit::to_text(rule.protocol), rule.external_port, natkit::to_text(rule.internal.address),
                     rule.internal.port);
}
}  // namespace natkit::portmap
