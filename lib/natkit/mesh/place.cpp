#include "natkit/mesh/place.hpp"

#include <algorithm>
#include <array>

namespace natkit::mesh {
namespace {
constexpr std::array<std::string_view, 3> scopes{"network", "perhaps", "anywhere"};

bool is_public(const IpAddress& address) {
  return !address.is_private() && !address.is_shared() && !address.is_loopback() && !address.is_link_local();
}

Scope scope_of(const ice::Candidate& candidate, Reach reach) {
  if (!is_public(candidate.endpoint.address)) return Scope::network;
  if (candidate.kind == ice::Kind::host || candidate.kind == ice::Kind::mapped || reach == Reach::open)
    return Scope::anywhere;
  return Scope::perhaps;
}

std::optional<Place> parse_place(std::string_view line) {
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const auto* const scope = std::ranges::find(scopes, line.substr(0, blank));
  const auto endpoint = parse_endpoint(line.substr(blank + 1));
  if (scope == scopes.end() || !endpoint || !is_place(*endpoint)) return std::nullopt;
  return Place{*endpoint, static_cast<Scope>(scope - scopes.begin())};
}
}  // namespace

std::string_view to_text(Scope scope) { return scopes.at(static_cast<std::size_t>(scope)); }

bool is_place(const Endpoint& endpoint) {
  return endpoint.port != 0 && !endpoint.address.is_unspecified() && !endpoint.address.is_multicast();
}

std::vector<Place> places_of(const std::vector<ice::LocalCandidate>& candidates, Reach reach) {
  std::vector<Place> places;
  for (const auto& [candidate, base, manner] : candidates) {
    const bool is_own = candidate.kind == ice::Kind::host || candidate.kind == ice::Kind::mapped ||
                        candidate.kind == ice::Kind::server_reflexive;
    if (!is_own || candidate.transport != ice::Transport::udp || manner != ice::Manner::fires ||
        !is_place(candidate.endpoint))
      continue;
    const Place place{candidate.endpoint, scope_of(candidate, reach)};
    const auto known = std::ranges::find(places, place.endpoint, &Place::endpoint);
    if (known == places.end())
      places.push_back(place);
    else
      known->scope = std::max(known->scope, place.scope);
  }
  std::ranges::stable_sort(places, std::greater{}, &Place::scope);
  places.resize(std::min(places.size(), most_places));
  return places;
}

std::optional<Scope> scope_of(const std::vector<Place>& places) {
  if (places.empty()) return std::nullopt;
  return std::ranges::max(places, {}, &Place::scope).scope;
}

std::string write_places(const std::vector<Place>& places) {
  std::string text;
  for (const auto& [endpoint, scope] : places)
    text.append(to_text(scope)).append(" ").append(to_text(endpoint)).append("\n");
  return text;
}

std::vector<Place> parse_places(std::string_view text) {
  std::vector<Place> places;
  while (!text.empty() && places.size() < most_places) {
    const auto end = std::min(text.find('\n'), text.size());
    if (const auto place = parse_place(text.substr(0, end))) places.push_back(*place);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return places;
}
}  // namespace natkit::mesh
