#include "own_side.hpp"

#include <algorithm>
#include <set>
#include <variant>

#include "natkit/base/address_kind.hpp"
#include "natkit/io/interfaces.hpp"

namespace natkit {
namespace {
std::set<IpAddress> addresses_used(const probe::Trace& trace) {
  std::set<IpAddress> all;
  for (const auto& event : trace.events)
    if (const auto* received = std::get_if<probe::Received>(&event)) all.insert(received->local.address);
  return all;
}
/// None where the name was not found at all: that is the resolver's failure, since everywhere it has IPv4 addresses.
std::optional<std::vector<IpAddress>> ipv6_of(const std::optional<io::Resolved>& resolved) {
  if (!resolved || resolved->endpoints.empty()) return std::nullopt;
  std::vector<IpAddress> all;
  for (const auto& endpoint : resolved->endpoints)
    if (endpoint.address.is_v6()) all.push_back(endpoint.address);
  return all;
}

/// clatd and others call it "clat" or "clat4".
bool is_translators(const io::InterfaceAddress& one) {
  return one.interface.starts_with("clat") || kind_of(one.address) == AddressKind::clat;
}
}  // namespace

OwnSide::OwnSide(Nat64Question question) : addresses_(io::ipv6_addresses()) {
  if (question == Nat64Question::ask) ipv4only_.emplace(HostPort{.host = "ipv4only.arpa", .port = 0});
}

probe::HostFacts OwnSide::facts(const probe::Trace& trace) const {
  probe::HostFacts facts;
  const auto used = addresses_used(trace);
  for (const auto& [address, is_temporary] : addresses_)
    if (used.contains(address)) (is_temporary ? facts.temporary : facts.stable).push_back(address);
  facts.ipv4only = ipv4only_ ? ipv6_of(ipv4only_->answer()) : std::nullopt;
  facts.has_clat = std::ranges::any_of(io::interface_addresses(), is_translators);
  return facts;
}
}  // namespace natkit
