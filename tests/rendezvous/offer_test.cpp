// What clients are told to use besides.
#include "natkit/rendezvous/offer.hpp"
#include "catch.hpp"
#include "raw.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
using Kind = Service::Kind;
using Transport = Service::Transport;
constexpr turn::UnixTime long_ago{std::chrono::seconds{1'000'000'000}};

Offer::Config with_relay() {
  return {
      .here = {{.kind = Kind::stun, .transport = Transport::udp}, {.kind = Kind::turn, .transport = Transport::udp}},
      .secret = "north"};
}

std::vector<Service> relays(const std::vector<Service>& services) {
  std::vector<Service> found;
  std::ranges::copy_if(services, std::back_inserter(found), [](const auto& one) { return one.kind == Kind::turn; });
  return found;
}
}  // namespace

TEST_CASE("Relays are handed out with a name that ends and that the shared secret makes", "[rendezvous][offer]") {
  Offer offer{with_relay()};
  offer.tell_time(Instant{10s}, long_ago);
  const auto found = relays(offer.services(Instant{70s}, server_place, "anna"));
  REQUIRE(found.size() == 1);
  REQUIRE(found[0].credentials);
  const auto& [name, password] = *found[0].credentials;
  CHECK(turn::end_of_rest_username(name) == long_ago + 1h + 60s);
  CHECK(password == turn::rest_password("north", name));
  CHECK(name.find("anna") == std::string::npos);
  CHECK(relays(offer.services(Instant{70s}, server_place, "bert"))[0].credentials->username != name);
  CHECK(offer.lifetime() == Duration{1h});
}

TEST_CASE("A relay of this server that nobody could use is not handed out", "[rendezvous][offer]") {
  Offer untold{with_relay()};
  CHECK(relays(untold.services(Instant{70s}, server_place, "anna")).empty());
  CHECK(untold.services(Instant{70s}, server_place, "anna").size() == 1);
  CHECK_FALSE(untold.lifetime());
}

TEST_CASE("Relays elsewhere have a secret of their own, or no name", "[rendezvous][offer]") {
  auto config = with_relay();
  config.elsewhere = {
      {.kind = Kind::turn, .transport = Transport::tls, .address = endpoint("198.51.100.9:5349"), .name = "relay"}};
  SECTION("without a secret") {
    Offer offer{config};
    offer.tell_time(Instant{}, long_ago);
    const auto found = relays(offer.services(Instant{}, server_place, "anna"));
    REQUIRE(found.size() == 2);
    CHECK(found[1].name == "relay");
    CHECK_FALSE(found[1].credentials);
  }
  SECTION("with one") {
    config.secret_elsewhere = "south";
    Offer offer{config};
    offer.tell_time(Instant{}, long_ago);
    const auto found = relays(offer.services(Instant{}, server_place, "anna"));
    REQUIRE(found.size() == 2);
    CHECK(found[1].credentials->password == turn::rest_password("south", found[1].credentials->username));
  }
}

TEST_CASE("Clients are told of addresses of the other family that they can use", "[rendezvous][offer]") {
  const Offer offer{
      {.here = {{.kind = Kind::stun, .transport = Transport::udp}},
       .addresses = {endpoint("9.9.9.9:3478"), endpoint("[2620:fe::9]:3478"), endpoint("10.0.0.9:3478")}}};
  const auto addresses = [&](std::string_view local) {
    std::vector<std::string> texts;
    for (const auto& one : offer.services(Instant{}, endpoint(local), "anna"))
      texts.push_back(one.address ? to_text(*one.address) : "here");
    return texts;
  };
  CHECK(addresses("9.9.9.9:3478") == std::vector<std::string>{"here", "[2620:fe::9]:3478"});
  CHECK(addresses("[2620:fe::9]:3478") == std::vector<std::string>{"here", "9.9.9.9:3478"});
  CHECK(addresses("[fd00::9]:3478") == std::vector<std::string>{"here", "9.9.9.9:3478", "10.0.0.9:3478"});
}

TEST_CASE("A client learns at registration where everything is, and is given new names in time",
          "[rendezvous][offer]") {
  World world{1, {.offer = with_relay()}};
  world.server->offer().tell_time(world.now(), long_ago);
  auto& anna = world.join("anna");
  world.run_for(1s);
  const auto registered = anna.all<RegisteredAt>();
  REQUIRE(registered.size() == 1);
  REQUIRE(registered[0].services.size() == 2);
  for (const auto& service : registered[0].services) CHECK(service.address == server_place);
  CHECK(registered[0].services[1].credentials);
  REQUIRE(registered[0].services_end);
  CHECK(anna.all<NewServices>().empty());

  world.run_for(31min);
  const auto renewed = anna.all<NewServices>();
  REQUIRE(renewed.size() == 1);
  CHECK(*anna.when<NewServices>() < *registered[0].services_end);
  CHECK(*renewed[0].services_end > *registered[0].services_end);
  CHECK(renewed[0].services[1].credentials->username != registered[0].services[1].credentials->username);

  world.server->offer().replace_secret("west");
  world.server->renew_offers();
  world.run_for(16s);
  REQUIRE(anna.all<NewServices>().size() == 2);
  const auto last = *anna.all<NewServices>()[1].services[1].credentials;
  CHECK(last.password == turn::rest_password("west", last.username));

  world.cut(anna, Cut::noticed);
  world.run_for(5s);
  CHECK(anna.all<Resumed>().size() == 1);
  CHECK(anna.all<NewServices>().size() == 3);
}

TEST_CASE("Of services only those count that are known and make sense, and not too many of them",
          "[rendezvous][offer]") {
  const std::string known = R"({"service":"stun","transport":"udp","address":"192.0.2.1:3478"})";
  const auto parse = [](const std::string& list) {
    const auto message = parse_message(R"({"type":"registered","session":"fresh","heard":0,"services":)" + list + "}");
    REQUIRE(message);
    return std::get<Registered>(*message).services;
  };
  CHECK(parse("[" + known + "]").size() == 1);
  CHECK(parse(R"([3, null, {"service":"teleport","transport":"udp"}, {"service":"turn","transport":"pigeon"},
                 {"service":"stun","transport":"udp","address":"nowhere"}, )" +
              known + "]")
            .size() == 1);
  CHECK(parse(R"("none")").empty());
  CHECK(parse(R"([{"service":"turn","transport":"udp","username":")" + std::string(513, 'x') + R"("}])").empty());
  std::string many = known;
  for (int i = 0; i < 100; ++i) many += "," + known;
  CHECK(parse("[" + many + "]").size() == most_services);
}

TEST_CASE("Services survive being written and read", "[rendezvous][offer]") {
  const Renewed told{.services = {{.kind = Kind::turn,
                                   .transport = Transport::tls,
                                   .address = endpoint("[2001:db8::1]:5349"),
                                   .name = "relay.example.org",
                                   .credentials = turn::Credentials{"1:anna", "pass"}},
                                  {.kind = Kind::signalling, .transport = Transport::tcp}},
                     .services_for = 1h};
  const auto read = parse_message(write_message(told));
  REQUIRE(read);
  CHECK(std::get<Renewed>(*read).services == told.services);
  CHECK(std::get<Renewed>(*read).services_for == told.services_for);
}
