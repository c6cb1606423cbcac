#include "natkit/report/against.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace natkit::report {
namespace {
using enum Behavior;
using probe::Need;

constexpr unsigned ipv6_network_bits = 64;  // RFC 4291 §2.5.1

constexpr std::string_view advise_relay =
    "Have a relay (TURN) ready, or a member of the session that both sides reach: it can carry the packets.";
constexpr std::string_view advise_two_addresses =
    "Run nat-probe again where something is unknown, against a server with two addresses (rendezvousd --alternate).";

struct Side {
  std::string_view name;   ///< "this side"
  std::string_view place;  ///< "at this side"
  const probe::Report& report;
};
using Sides = std::array<Side, 2>;

const std::optional<probe::FamilyReport>& of(const probe::Report& report, Family family) {
  return family == Family::ipv4 ? report.ipv4 : report.ipv6;
}
bool is_answered(const Side& side, Family family) {
  const auto& found = of(side.report, family);
  return found && found->mapped;
}
bool was_silent(const Side& side, Family family) {
  const auto& found = of(side.report, family);
  return found && !found->mapped;
}
probe::NatFindings findings_of(const probe::FamilyReport& family) {
  return {.mapping = family.mapping, .filtering = family.filtering};
}

/// Names joined by "and".
std::string names(const Sides& sides, bool (*is_meant)(const Side&)) {
  std::vector<std::string_view> meant;
  for (const auto& side : sides)
    if (is_meant(side)) meant.push_back(side.name);
  return fmt::format("{}", fmt::join(meant, " and "));
}

/// What one address family allows.
struct Outlook {
  Need need = Need::unknown;
  std::string reason{};
  bool is_one_network = false;  ///< perhaps; a mapped port is no matter then
};

/// Whether the two share a network. A public address that is shared proves none, since a carrier's NAT has many
/// customers; but where a router is known to have that address itself, whoever else shows it is behind that router.
Outlook shared_network(const probe::FamilyReport& own, const probe::FamilyReport& peer) {
  const auto is_edge = [](const probe::FamilyReport& family) { return family.layers && *family.layers <= 1; };
  if (own.mapped->address.is_v6() || is_edge(own) || is_edge(peer))
    return {Need::direct,
            "both are in the same network and reach each other over it; should it keep its members apart, the router "
            "must hairpin",
            true};
  // The NAT that has the address is the same one, so what either side has measured of it holds for both.
  if (own.hairpin == true || peer.hairpin == true)
    return {Need::direct,
            "both have the same public address, and its NAT hairpins: they reach each other over the network that they "
            "share, or else through that NAT",
            true};
  const bool is_refused = own.hairpin == false || peer.hairpin == false;
  return {Need::unknown,
          fmt::format("both have the same public address: in one network they reach each other directly over it, but "
                      "not as two customers of a carrier's NAT, {}",
                      is_refused ? "which does not hairpin" : "unless that hairpins (nat-probe --hairpin tells)"),
          true};
}

bool is_near(const probe::FamilyReport& own, const probe::FamilyReport& peer) {
  const auto& one = own.mapped->address;
  const auto& other = peer.mapped->address;
  // What is redacted in two reports may well look the same.
  if (one.is_placeholder() || other.is_placeholder()) return false;
  return one.is_v6() ? one.shares_prefix(other, ipv6_network_bits) : one == other;
}

bool lets_in(const probe::FamilyReport& family) {
  return family.mapping == endpoint_independent && family.filtering == endpoint_independent;
}
bool is_hard(const probe::FamilyReport& family) { return !family.mapping.contains(endpoint_independent); }

std::string why_direct(const std::array<const probe::FamilyReport*, 2>& families, const Sides& sides) {
  for (std::size_t i = 0; i < sides.size(); ++i)
    if (lets_in(*families.at(i))) return fmt::format("whatever is before {} lets everybody in", sides.at(i).name);
  if (families[0]->mapping == endpoint_independent && families[1]->mapping == endpoint_independent)
    return "both sides have one public port for every peer, so each can be told where to send";
  for (std::size_t i = 0; i < sides.size(); ++i)
    if (is_hard(*families.at(i)))
      return fmt::format("{} shows every peer another port, but {} lets in whoever it has sent to, from any port",
                         sides.at(i).name, sides.at(1 - i).name);
  return "everything that is still possible on both sides allows it";
}

std::string why_prediction(const std::array<const probe::FamilyReport*, 2>& families, const Sides& sides) {
  const std::size_t hard = is_hard(*families[0]) ? 0 : 1;
  return fmt::format(
      "{} shows every peer another port, and {} lets in only the very port that it has sent to: a port "
      "must be guessed",
      sides.at(hard).name, sides.at(1 - hard).name);
}

std::string why_unknown(const std::array<const probe::FamilyReport*, 2>& families, const Sides& sides) {
  std::vector<std::string> open;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    if (!families.at(i)->mapping.single()) open.push_back(fmt::format("the mapping of {}", sides.at(i).name));
    if (!families.at(i)->filtering.single()) open.push_back(fmt::format("the filtering of {}", sides.at(i).name));
  }
  return fmt::format("it depends on what was not found out: {}", fmt::join(open, ", "));
}

Outlook outlook(const Sides& sides, Family family) {
  const std::array families{&*of(sides[0].report, family), &*of(sides[1].report, family)};
  if (is_near(*families[0], *families[1])) return shared_network(*families[0], *families[1]);
  const auto need = need_of(findings_of(*families[0]), findings_of(*families[1]));
  switch (need) {
    case Need::direct:
      return {need, why_direct(families, sides)};
    case Need::prediction:
      return {need, why_prediction(families, sides)};
    case Need::member:
    case Need::relay:
      return {Need::relay, "both sides show every peer another port, so neither can be told where to send"};
    case Need::unknown:
      break;
  }
  return {Need::unknown, why_unknown(families, sides)};
}

/// The easiest of several; where one is unknown it may be that one, unless another is as easy as can be.
Outlook best_of(const std::vector<Outlook>& outlooks) {
  const auto first = [&](Need need) {
    return std::ranges::find_if(outlooks, [need](const Outlook& one) { return one.need == need; });
  };
  for (const auto need : {Need::direct, Need::unknown, Need::prediction, Need::relay})
    if (const auto found = first(need); found != outlooks.end()) return *found;
  return {};
}

/// Whether a port that the router maps can be reached by strangers: not where another NAT is before it.
bool can_map(const Side& side) {
  const auto& ipv4 = side.report.ipv4;
  if (!ipv4 || !ipv4->mapped || ipv4->cgn == true) return false;
  const auto& all = side.report.port_mapping;
  return std::ranges::any_of(std::array{all.pcp, all.nat_pmp, all.upnp}, [&](const probe::PortMapping& one) {
    return one.available == true && (!one.external || one.external == ipv4->mapped->address);
  });
}
bool is_forwardable(const Side& side) {
  const auto& ipv4 = side.report.ipv4;
  return ipv4 && ipv4->mapped && ipv4->nat == true && ipv4->cgn != true && (!ipv4->layers || *ipv4->layers == 1);
}

std::vector<std::string> port_advice(const Sides& sides) {
  std::vector<std::string> advice;
  for (const auto& side : sides)
    if (can_map(side))
      advice.push_back(
          fmt::format("Map one UDP port {}, whose router offers that (upnp-map add; punch does it by "
                      "itself): that makes the connection direct.",
                      side.place));
  if (!advice.empty()) return advice;
  for (const auto& side : sides)
    if (is_forwardable(side))
      advice.push_back(fmt::format(
          "Forward one UDP port to the host in the router {}, or turn UPnP on there: that makes the connection direct.",
          side.place));
  return advice;
}

std::vector<std::string> advice_for(const Outlook& outlook, const Sides& sides, const std::vector<Family>& families) {
  std::vector<std::string> advice;
  if (outlook.need == Need::direct) return advice;
  if (outlook.is_one_network)
    return {"Let each side try the addresses that the other has inside of its network first."};
  if (std::ranges::find(families, Family::ipv4) != families.end()) advice = port_advice(sides);
  advice.emplace_back(outlook.need == Need::unknown ? advise_two_addresses : advise_relay);
  return advice;
}

Against blocked(const Sides& sides) {
  const auto is_blocked = [](const Side& side) { return side.report.udp == probe::UdpState::blocked; };
  Against against{.expected = Need::relay,
                  .reason = fmt::format("UDP does not get through at {}", names(sides, is_blocked))};
  for (const auto& side : sides)
    if (is_blocked(side))
      against.advice.push_back(fmt::format("Ask whoever runs the network {} to let UDP out.", side.place));
  against.advice.emplace_back("Until then use a relay over TCP (TURN).");
  return against;
}

bool is_behind_a_portal(const Side& side) { return side.report.captive_portal == true; }

Against shut_in(const Sides& sides) {
  Against against{.reason = fmt::format("a login page lets nothing out at {}, so what is behind it is not known",
                                        names(sides, is_behind_a_portal))};
  for (const auto& side : sides)
    if (is_behind_a_portal(side))
      against.advice.push_back(fmt::format("Log in with a browser {}, and run nat-probe there again.", side.place));
  return against;
}

Against unmeasured(const Sides& sides) {
  const auto is_unknown = [](const Side& side) { return side.report.udp == probe::UdpState::unknown; };
  return {.reason =
              fmt::format("no server answered {}, so what is in the way there is not known", names(sides, is_unknown)),
          .advice = {"Run nat-probe there again, with a server that answers."}};
}

bool is_answered_at_all(const Side& side) { return is_answered(side, Family::ipv4) || is_answered(side, Family::ipv6); }

/// A family is out only where one side has tried it and was not answered.
Against without_family(const Sides& sides) {
  for (const auto& side : sides)
    if (!is_answered_at_all(side))
      return {.reason = fmt::format("no server said which public address {} has", side.name),
              .advice = {fmt::format("Run nat-probe again {}, with another server.", side.place)}};
  for (const auto family : {Family::ipv4, Family::ipv6})
    if (!was_silent(sides[0], family) && !was_silent(sides[1], family)) {
      const auto& side = is_answered(sides[0], family) ? sides[1] : sides[0];
      return {.reason = fmt::format("no address family was seen to work on both sides, but {} was not asked over {}",
                                    side.name, to_text(family)),
              .advice = {fmt::format("Run nat-probe {} with servers of both families.", side.place)}};
    }
  const auto family_of = [](const Side& side) { return is_answered(side, Family::ipv4) ? Family::ipv4 : Family::ipv6; };
  return {.expected = Need::relay,
          .reason = fmt::format("{} has {} only and {} has {} only", sides[0].name, to_text(family_of(sides[0])),
                                sides[1].name, to_text(family_of(sides[1]))),
          .advice = {"Use a relay that has both, or a member of the session that has both."}};
}

bool is_redacted(const Side& side) {
  for (const auto family : {Family::ipv4, Family::ipv6})
    if (is_answered(side, family) && of(side.report, family)->mapped->address.is_placeholder()) return true;
  return false;
}
}  // namespace

Against against_of(const probe::Report& own, const probe::Report& peer) {
  const Sides sides{Side{"this side", "at this side", own}, Side{"the peer", "at the peer", peer}};
  const auto is = [&](probe::UdpState state) { return own.udp == state || peer.udp == state; };
  if (std::ranges::any_of(sides, is_behind_a_portal)) return shut_in(sides);
  if (is(probe::UdpState::blocked)) return blocked(sides);
  if (is(probe::UdpState::unknown)) return unmeasured(sides);
  std::vector<Family> families;
  std::vector<Outlook> outlooks;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    if (!is_answered(sides[0], family) || !is_answered(sides[1], family)) continue;
    families.push_back(family);
    outlooks.push_back(outlook(sides, family));
  }
  if (families.empty()) return without_family(sides);
  const auto best = best_of(outlooks);
  Against against{best.need, best.reason, advice_for(best, sides, families), std::move(families)};
  if (is_redacted(sides[0]) || is_redacted(sides[1]))
    against.reason += " (whether both are in one network cannot be told, for addresses were redacted)";
  return against;
}

std::string to_text(const Against& against) {
  std::vector<std::string_view> families;
  for (const auto family : against.families) families.push_back(to_text(family));
  const auto word = to_text(against.expected);
  auto out = fmt::format("\nconnection with the peer\n  expected  {}\n  because   {}\n",
                         word.empty() ? "unknown" : word, against.reason);
  if (!families.empty()) out += fmt::format("  over      {}\n", fmt::join(families, " and "));
  for (const auto& advice : against.advice) out += fmt::format("  advice    {}\n", advice);
  return out;
}
}  // namespace natkit::report
