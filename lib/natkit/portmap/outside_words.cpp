// The words for what outside_check.hpp finds out.
#include <fmt/format.h>

#include "natkit/portmap/outside_check.hpp"

namespace natkit::portmap {
std::string_view to_text(Openness openness) {
  switch (openness) {
    case Openness::unknown:
      return "unknown";
    case Openness::open:
      return "open";
    case Openness::closed:
      return "closed";
  }
  return "unknown";
}

std::string_view to_text(OutsideReason reason) {
  switch (reason) {
    case OutsideReason::token_arrived:
      return "token-arrived";
    case OutsideReason::port_answered:
      return "port-answered";
    case OutsideReason::port_accepted:
      return "port-accepted";
    case OutsideReason::nothing_arrived:
      return "nothing-arrived";
    case OutsideReason::refused:
      return "refused";
    case OutsideReason::connection_silent:
      return "connection-silent";
    case OutsideReason::another_answered:
      return "another-answered";
    case OutsideReason::server_silent:
      return "server-silent";
    case OutsideReason::server_cannot_check:
      return "server-cannot-check";
    case OutsideReason::server_busy:
      return "server-busy";
    case OutsideReason::server_refused:
      return "server-refused";
    case OutsideReason::server_unable:
      return "server-unable";
    case OutsideReason::server_inside:
      return "server-inside";
    case OutsideReason::holder_silent:
      return "holder-silent";
    case OutsideReason::nobody_listened:
      return "nobody-listened";
    case OutsideReason::too_much_loss:
      return "too-much-loss";
    case OutsideReason::not_asked:
      return "not-asked";
  }
  return "not-asked";
}

std::string_view to_text(LikelyCause cause) {
  switch (cause) {
    case LikelyCause::other_wan:
      return "other-wan";
    case LikelyCause::double_nat:
      return "double-nat";
    case LikelyCause::carrier_nat:
      return "carrier-nat";
    case LikelyCause::shadowed:
      return "shadowed";
    case LikelyCause::host_firewall:
      return "host-firewall";
    case LikelyCause::not_mapped:
      return "not-mapped";
    case LikelyCause::filtered_on_way:
      return "filtered-on-way";
    case LikelyCause::nobody_listens:
      return "nobody-listens";
  }
  return "not-mapped";
}

std::string_view advice(LikelyCause cause) {
  switch (cause) {
    case LikelyCause::other_wan:
      return "the router's external address is not the one you are seen with: leave the VPN, or map on the line that "
             "carries your traffic";
    case LikelyCause::double_nat:
      return "another router stands before this one: map there as well (--through-all), or put one of them into bridge "
             "mode";
    case LikelyCause::carrier_nat:
      return "your provider shares one address among customers: ask it for a public one, or use IPv6";
    case LikelyCause::shadowed:
      return "look in the router for a static rule or a DMZ host that takes this port, or map another port";
    case LikelyCause::host_firewall:
      return "let the port in at this computer's firewall";
    case LikelyCause::not_mapped:
      return "restart the router, or enter the rule by hand";
    case LikelyCause::filtered_on_way:
      return "ask your provider whether it filters this port, or try one above 1024";
    case LikelyCause::nobody_listens:
      return "start the program, or name the internal port so that we can listen there ourselves";
  }
  return {};
}

namespace {
std::string_view name_of(LikelyCause cause) {
  switch (cause) {
    case LikelyCause::other_wan:
      return "another way out than the router's (a VPN, a second line)";
    case LikelyCause::double_nat:
      return "a second NAT before this router";
    case LikelyCause::carrier_nat:
      return "the provider's NAT";
    case LikelyCause::shadowed:
      return "another rule of the router that takes the port";
    case LikelyCause::host_firewall:
      return "the firewall of this computer";
    case LikelyCause::not_mapped:
      return "a router that does not forward the port";
    case LikelyCause::filtered_on_way:
      return "a filter of the provider";
    case LikelyCause::nobody_listens:
      return "no program at the port";
  }
  return {};
}

std::string sender(const OutsideResult& result) {
  const auto from = result.arrived_from ? result.arrived_from : result.sent_from;
  if (from && from->port != 0) return to_text(*from);
  return "a fresh port of " + to_text(from ? from->address : result.server.address);
}

std::string explain(const OutsideResult& result) {
  const auto server = to_text(result.server);
  const auto place =
      fmt::format("{} {}", to_text(result.protocol), result.tried ? to_text(*result.tried) : "the external port");
  const std::string_view thing = result.protocol == Protocol::tcp ? "connections" : "datagrams";
  switch (result.reason) {
    case OutsideReason::token_arrived:
      return fmt::format("{} was reached from {}", place, sender(result));
    case OutsideReason::port_answered:
      return fmt::format("{} answered {}", place, sender(result));
    case OutsideReason::port_accepted:
      return fmt::format("{} accepted a connection from {}", place, sender(result));
    case OutsideReason::nothing_arrived:
      return fmt::format("{} {} from {} to {} and none arrived", result.tries, thing, sender(result), place);
    case OutsideReason::refused:
      return fmt::format("{} refused a connection from {}", place, sender(result));
    case OutsideReason::connection_silent:
      return fmt::format("{} neither accepted nor refused {} connections from {}", place, result.tries, sender(result));
    case OutsideReason::another_answered:
      return fmt::format("somebody else answers at {}", place);
    case OutsideReason::server_silent:
      return fmt::format("{} does not answer", server);
    case OutsideReason::server_cannot_check:
      return fmt::format("{} does not check ports; it takes a rendezvousd with --reachability on", server);
    case OutsideReason::server_busy:
      return fmt::format("{} has too many checks to do", server);
    case OutsideReason::server_refused:
      return fmt::format("{} does not try {}", server, place);
    case OutsideReason::server_unable:
      return fmt::format("{} could not send anything to {}", server, place);
    case OutsideReason::server_inside:
      return fmt::format("{} sees a private address of this host: it is not outside", server);
    case OutsideReason::holder_silent:
      return fmt::format("a program holds the port and did not answer {} {} to {}", result.tries, thing, place);
    case OutsideReason::nobody_listened:
      return fmt::format("nothing answered {} {} to {}, and we could not listen there", result.tries, thing, place);
    case OutsideReason::too_much_loss:
      return fmt::format("too much is lost on the way to {} to tell loss from a closed port", server);
    case OutsideReason::not_asked:
      return fmt::format("could not ask {} from here", server);
  }
  return {};
}
}  // namespace

std::string to_text(const OutsideResult& result) {
  const auto sentence = fmt::format("{}: {}", to_text(result.openness), explain(result));
  if (result.likely.empty()) return sentence;
  std::string causes;
  for (std::size_t i = 0; i < result.likely.size(); ++i) {
    if (i != 0) causes += i + 1 == result.likely.size() ? " or " : ", ";
    causes += name_of(result.likely[i]);
  }
  if (result.likely.size() == 1) return fmt::format("{}; likely {}", sentence, causes);
  return fmt::format("{}; it may be {}, which cannot be told apart from here", sentence, causes);
}
}  // namespace natkit::portmap
