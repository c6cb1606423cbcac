#include "natkit/io/listen_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace natkit::io {
namespace {
/// One address with its two ports.
struct Site {
  IpAddress address;
  std::uint16_t port = 0;
  std::uint16_t alternate_port = 0;
  std::string reach;  ///< sites with the same reach can be each other's alternates
  Presence presence = Presence::required;
};

// Bridges and taps that container and virtual machine software makes; only their own guests reach them.
constexpr std::array<std::string_view, 10> guest_interfaces{"docker", "br-",     "virbr",  "lxcbr", "lxdbr",
                                                            "cni",    "flannel", "podman", "vmnet", "vboxnet"};

std::string_view scope(const IpAddress& address) {
  if (address.is_loopback()) return "loopback";
  if (address.is_link_local()) return "link-local";
  if (address.is_private()) return "private";
  return address.is_shared() ? "shared" : "global";
}

/// Private networks on two interfaces are two networks; which of them an address belongs to is not asked when the user
/// named it.
std::string reach_of(const InterfaceAddress& here) {
  const bool is_for_guests = std::ranges::any_of(
      guest_interfaces, [&](std::string_view prefix) { return here.interface.starts_with(prefix); });
  const bool is_local = is_for_guests || here.address.is_private();
  return fmt::format("{} {}", scope(here.address), is_local ? here.interface : "");
}

std::uint16_t next_port(std::uint16_t port) {
  if (port == 0) return 0;
  return port == 65535 ? std::uint16_t{65534} : static_cast<std::uint16_t>(port + 1);
}

class Planner {
 public:
  Planner(const ListenWish& wish, std::span<const InterfaceAddress> here) : wish_(wish), here_(here) {}

  Result<std::vector<PlannedListener>> plan() {
    for (const auto& endpoint : wish_.listen) add_listening(endpoint);
    if (sites_.empty())
      return std::unexpected(Error{.code = Errc::usage,
                                   .reason = "no-address",
                                   .detail = "this machine has no address of the family to listen on",
                                   .advice = "`ip address` lists what it has"});
    for (const auto& alternate : wish_.alternates)
      if (auto error = add_alternate(alternate)) return std::unexpected(std::move(*error));
    return listeners();
  }

 private:
  void add_listening(const Endpoint& endpoint) {
    if (!endpoint.address.is_unspecified())
      return add_site(endpoint.address, endpoint.port, std::string(scope(endpoint.address)), Presence::required);
    for (const auto& here : here_) {
      // A link-local address means nothing without its interface, and an Endpoint has no room for that.
      const bool is_usable =
          here.address.family() == endpoint.address.family() && !(here.address.is_v6() && here.address.is_link_local());
      if (is_usable) add_site(here.address, endpoint.port, reach_of(here), Presence::expected);
    }
  }

  void add_site(const IpAddress& address, std::uint16_t port, std::string reach, Presence presence) {
    for (const auto& site : sites_)
      if (site.address == address && (site.port == port || (port != 0 && site.alternate_port == port))) return;
    sites_.push_back({address, port, next_port(port), std::move(reach), presence});
  }

  std::optional<Error> add_alternate(const Endpoint& alternate) {
    const auto family = alternate.address.family();
    const auto beside = std::ranges::find_if(sites_, [&](const Site& s) { return s.address.family() == family; });
    const auto bad = [&](std::string_view why) {
      return Error{.code = Errc::usage,
                   .reason = "bad-alternate",
                   .detail = fmt::format("alternate {} {}", to_text(alternate), why),
                   .advice = "an alternate is a second address of this machine, with another port than the first"};
    };
    if (alternate.address.is_unspecified()) return bad("is no particular address");
    if (beside == sites_.end()) return bad("has no listening address of its family beside it");
    if (alternate.port != 0 && alternate.port == beside->port) return bad("has the listening port");
    const auto port = beside->port;
    const auto alternate_port = alternate.port != 0 ? alternate.port : beside->alternate_port;
    join(alternate.address, port, alternate_port);
    std::erase_if(sites_, [&](const Site& s) { return s.address == alternate.address && s.port == alternate_port; });
    const bool is_there =
        std::ranges::any_of(sites_, [&](const Site& s) { return s.address == alternate.address && s.port == port; });
    // In front, so that it is found before any other listening address is.
    if (!is_there)
      sites_.insert(sites_.begin(), {alternate.address, port, alternate_port, "chosen", Presence::required});
    return std::nullopt;
  }

  /// An alternate goes with the listening addresses of its own scope. Where there is none, the user vouches that who
  /// reaches one of the others reaches it too; loopback is never meant then.
  void join(const IpAddress& alternate, std::uint16_t port, std::uint16_t alternate_port) {
    const auto is_candidate = [&](const Site& site) {
      return site.address.family() == alternate.family() && site.port == port && site.address != alternate;
    };
    const auto is_alike = [&](const Site& site) { return scope(site.address) == scope(alternate); };
    const bool any_alike =
        std::ranges::any_of(sites_, [&](const Site& site) { return is_candidate(site) && is_alike(site); });
    for (auto& site : sites_) {
      const bool is_meant = any_alike ? is_alike(site) : !site.address.is_loopback();
      if (site.address != alternate && !(is_candidate(site) && is_meant)) continue;
      site.alternate_port = alternate_port;
      site.reach = "chosen";
    }
  }

  [[nodiscard]] std::vector<PlannedListener> listeners() const {
    std::vector<PlannedListener> planned;
    std::uint32_t sockets = 0;
    for (const auto& site : sites_) {
      for (const std::uint32_t slot : {0U, 1U}) {
        const Endpoint endpoint{site.address, slot == 0 ? site.port : site.alternate_port};
        const bool is_there = endpoint.port != 0 && std::ranges::any_of(planned, [&](const PlannedListener& p) {
                                return p.listener.endpoint == endpoint;
                              });
        if (is_there) continue;
        const SocketId id{sockets++};
        for (const auto protocol : {Protocol::udp, Protocol::tcp})
          planned.push_back({{id, protocol, endpoint, slot, site.presence}, group_of(site)});
      }
    }
    return planned;
  }

  /// The number of the first site that it goes together with.
  [[nodiscard]] std::uint32_t group_of(const Site& site) const {
    const auto first = std::ranges::find_if(sites_, [&](const Site& other) {
      return other.reach == site.reach && other.address.family() == site.address.family();
    });
    return static_cast<std::uint32_t>(first - sites_.begin());
  }

  const ListenWish& wish_;
  std::span<const InterfaceAddress> here_;
  std::vector<Site> sites_;
};
}  // namespace

Result<std::vector<PlannedListener>> plan_listeners(const ListenWish& wish, std::span<const InterfaceAddress> here) {
  return Planner{wish, here}.plan();
}
}  // namespace natkit::io
