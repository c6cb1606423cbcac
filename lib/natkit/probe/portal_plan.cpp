#include "natkit/base/address_kind.hpp"
#include "natkit/probe/planning.hpp"
#include "natkit/probe/web_page.hpp"

namespace natkit::probe {
namespace {
/// A portal stands between this network and the internet, so where the server is on this one there is none to find,
/// and nothing may be sent beyond.
bool is_beyond_this_network(const IpAddress& server) {
  switch (kind_of(server).value_or(AddressKind::loopback)) {
    case AddressKind::loopback:
    case AddressKind::link_local:
    case AddressKind::private_use:
    case AddressKind::unique_local:
    case AddressKind::shared:
      return false;
    default:
      return true;
  }
}
}  // namespace

void plan_portal(Planning& planning) {
  bool is_asked[2] = {false, false};  // NOLINT(*-c-arrays): indexed by Family
  for (std::uint32_t server = 0; server < planning.digest.servers.size(); ++server) {
    const auto family = planning.family_of(server);
    const auto* mapping = planning.digest.find(Question::mapping, server);
    if (is_asked[static_cast<std::size_t>(family)] || mapping == nullptr || mapping->is_unsendable() ||
        !is_beyond_this_network(planning.digest.servers[server].address.address))
      continue;
    is_asked[static_cast<std::size_t>(family)] = true;
    const Step step{.question = Question::web_page, .server = server, .to = nobodys_page(family)};
    if (planning.digest.find(step.question, server, step.to) == nullptr) planning.send(step);
  }
}
}  // namespace natkit::probe
