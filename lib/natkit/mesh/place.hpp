#pragma once
/// Where a member can be reached, as it tells the others: so that any of them can make an invite (invite.hpp), and find
/// it again when nobody is left who could introduce the two.
///
///   anywhere 198.51.100.1:4000
///   network 192.168.1.7:4000
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/ice/check_list.hpp"
#include "natkit/mesh/view.hpp"

namespace natkit::mesh {
/// Whose packets get there; more is better.
enum class Scope : std::uint8_t {
  network,   ///< hosts of the same network: the address means something else elsewhere
  perhaps,   ///< a NAT lets its own host out there, and may let in only whom that host has written to
  anywhere,  ///< a public address, or one that a router maps; a firewall may be in the way all the same
};
struct Place {
  Endpoint endpoint{};
  Scope scope{};
  bool operator==(const Place&) const = default;
};
/// One of each family on the host, behind its NAT and by its router, and one to spare.
inline constexpr std::size_t most_places = 7;

[[nodiscard]] std::string_view to_text(Scope scope);  ///< "network", "perhaps", "anywhere"
/// Whether this endpoint may be knocked at: a host's address and a port.
[[nodiscard]] bool is_place(const Endpoint& endpoint);
/// What this host's UDP candidates are worth to strangers, the best first. `reach` is how its NAT answers them.
[[nodiscard]] std::vector<Place> places_of(const std::vector<ice::LocalCandidate>& candidates, Reach reach);
/// The best of them; nothing where there is none.
[[nodiscard]] std::optional<Scope> scope_of(const std::vector<Place>& places);

[[nodiscard]] std::string write_places(const std::vector<Place>& places);
/// Lines that say nothing known are passed over, and those after the first few.
[[nodiscard]] std::vector<Place> parse_places(std::string_view text);
}  // namespace natkit::mesh
