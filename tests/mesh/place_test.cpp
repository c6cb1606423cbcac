// Where a member can be reached.
#include "natkit/mesh/place.hpp"

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::test;
using mesh::Place, mesh::Scope;

namespace {
ice::LocalCandidate local(ice::Kind kind, const IpAddress& address, ice::Manner manner = ice::Manner::fires) {
  const Endpoint endpoint{address, 4000};
  return {.candidate = ice::make_candidate(kind, ice::Transport::udp, endpoint, {.base = endpoint}), .manner = manner};
}
}  // namespace

TEST_CASE("Addresses are ordered by whose packets get there", "[place]") {
  const std::vector candidates{local(ice::Kind::host, "192.168.1.7"_ip),
                               local(ice::Kind::server_reflexive, "203.0.113.7"_ip),
                               local(ice::Kind::mapped, "203.0.113.8"_ip),
                               local(ice::Kind::relayed, "198.51.100.1"_ip),
                               local(ice::Kind::server_reflexive, "203.0.113.9"_ip, ice::Manner::opens),
                               local(ice::Kind::host, "2001:db8::1"_ip)};
  CHECK(mesh::places_of(candidates, mesh::Reach::unknown) ==
        std::vector<Place>{{{"203.0.113.8"_ip, 4000}, Scope::anywhere},
                           {{"2001:db8::1"_ip, 4000}, Scope::anywhere},
                           {{"203.0.113.7"_ip, 4000}, Scope::perhaps},
                           {{"192.168.1.7"_ip, 4000}, Scope::network}});
  CHECK(mesh::places_of(candidates, mesh::Reach::open).front().endpoint.address == "203.0.113.7"_ip);
}

TEST_CASE("What a router maps to an address that is not public is no address for the world", "[place]") {
  for (const auto& address : {"10.0.0.1"_ip, "100.64.3.4"_ip, "169.254.1.1"_ip, "127.0.0.1"_ip})
    CHECK(mesh::scope_of(mesh::places_of({local(ice::Kind::mapped, address)}, mesh::Reach::open)) == Scope::network);
  CHECK_FALSE(mesh::scope_of({}));
}

TEST_CASE("Places are read as they were written, few and none that nobody can be at", "[place]") {
  const std::vector<Place> places{{{"203.0.113.8"_ip, 4000}, Scope::anywhere}, {{"fd00::1"_ip, 1}, Scope::network}};
  CHECK(mesh::parse_places(mesh::write_places(places)) == places);
  CHECK(mesh::parse_places("").empty());
  CHECK(mesh::parse_places("anywhere\nsomewhere 203.0.113.8:1\nanywhere 203.0.113.8\nanywhere 224.0.0.1:9\n"
                           "network 203.0.113.8:0\nperhaps 203.0.113.8:7") ==
        std::vector<Place>{{{"203.0.113.8"_ip, 7}, Scope::perhaps}});
  std::string many;
  for (int i = 1; i < 100; ++i) many += "anywhere 203.0.113.8:" + std::to_string(i) + "\n";
  CHECK(mesh::parse_places(many).size() == mesh::most_places);
}
