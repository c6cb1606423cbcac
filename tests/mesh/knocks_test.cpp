// Sessions without a server: invites, knocks, and who finds whom again.
#include "catch.hpp"
#include "mesh/village.hpp"
#include "natkit/link/knock.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
/// Anna's session, who stands where anybody reaches her.
class Den {
 public:
  explicit Den(std::uint64_t seed = 1, mesh::Settings settings = open_session())
      : village(seed), anna(village.add("anna", Box::open)) {
    village.found(anna, std::move(settings));
    village.run(100ms);
  }
  Villager& invite_in(std::string_view name, Box box, Villager& by) {
    auto& guest = village.add(name, box);
    const auto made = by.node.invite();
    REQUIRE(made);
    village.join(guest, made->invite);
    return guest;
  }
  Villager& invite_in(std::string_view name, Box box) { return invite_in(name, box, anna); }

  Village village;
  Villager& anna;
};
}  // namespace

TEST_CASE("Who has an invite joins without any server, from behind any NAT", "[knocks][sim]") {
  const auto box = GENERATE(from_range(boxes));
  CAPTURE(to_text(box));
  Den den;
  auto& ben = den.invite_in("ben", box);
  CHECK(den.village.run(1s, [&] { return Village::are_together({&den.anna, &ben}); }));
  const auto entered = ben.all<mesh::Entered>();
  REQUIRE(entered.size() == 1);
  CHECK(entered.front().by == mesh::Entered::By::knock);
  CHECK(entered.front().member == den.anna.id());
}

TEST_CASE("Members behind NATs learn their addresses from whom they knock at, and meet directly", "[knocks][sim]") {
  Den den;
  auto& ben = den.invite_in("ben", Box::drop);
  REQUIRE(den.village.run(1s, [&] { return ben.has_joined(); }));
  auto& carl = den.invite_in("carl", Box::drop);
  REQUIRE(den.village.run(2s, [&] { return Village::are_together({&den.anna, &ben, &carl}); }));
  const auto path = carl.node.path_to(ben.id());
  REQUIRE(path);
  REQUIRE(path->path);
  CHECK(path->path->is_direct());
  CHECK(path->path->remote.address == ben.outside);
}

TEST_CASE("An invite names the members that strangers reach best first, and says who can use it", "[knocks][sim]") {
  Den den;
  auto& ben = den.invite_in("ben", Box::full_cone);
  REQUIRE(den.village.run(1s, [&] { return ben.has_joined(); }));
  den.village.run(1s);
  for (auto* member : {&den.anna, &ben}) {
    const auto made = member->node.invite();
    REQUIRE(made);
    CHECK(made->scope == mesh::Scope::anywhere);
    CHECK(made->invite.name == "den");
    REQUIRE(made->invite.entries.size() == 2);
    CHECK(made->invite.entries.front().member == den.anna.id());
    CHECK(made->invite.entries.back().endpoints.front().address == ben.outside);
  }
}

TEST_CASE("The invite of a host that only its own network reaches says so", "[knocks][sim]") {
  Village village{1};
  auto& anna = village.add("anna", Box::drop);
  CHECK_FALSE(anna.node.invite());
  village.found(anna, open_session());
  village.run(100ms);
  const auto made = anna.node.invite();
  REQUIRE(made);
  CHECK(made->scope == mesh::Scope::network);
}

TEST_CASE("An invite that a survivor makes serves when the host is dead", "[knocks][sim]") {
  Den den;
  auto& ben = den.invite_in("ben", Box::full_cone);
  auto& carl = den.invite_in("carl", Box::drop);
  REQUIRE(den.village.run(3s, [&] { return Village::are_together({&den.anna, &ben, &carl}); }));
  den.village.run(2s);  // until all have votes
  den.anna.is_dead = true;
  REQUIRE(den.village.run(10s, [&] { return ben.node.member().view()->members.size() == 2; }));
  auto& dora = den.invite_in("dora", Box::drop, carl);
  CHECK(den.village.run(3s, [&] { return Village::are_together({&ben, &carl, &dora}); }));
  REQUIRE(dora.all<mesh::Entered>().size() == 1);
  CHECK(dora.all<mesh::Entered>().front().member == ben.id());
}

TEST_CASE("An invite whose members are all gone leads to an end that says what was tried", "[knocks][sim]") {
  Den den;
  const auto made = den.anna.node.invite();
  REQUIRE(made);
  den.anna.is_dead = true;
  auto& ben = den.village.add("ben", Box::drop);
  den.village.join(ben, made->invite);
  REQUIRE(den.village.run(11s, [&] { return !ben.all<mesh::Over>().empty(); }));
  const auto refused = ben.all<mesh::NotJoined>();
  REQUIRE(refused.size() == 1);
  CHECK(refused.front().reason == mesh::Refusal::timeout);
  CHECK(refused.front().text == "knocked at " + to_text(made->invite.entries.front().endpoints.front()));
}

TEST_CASE("Who has another secret is not let in", "[knocks][sim]") {
  Den den;
  auto made = den.anna.node.invite();
  REQUIRE(made);
  made->invite.knock.fill(8);
  auto& ben = den.village.add("ben", Box::drop);
  den.village.join(ben, made->invite);
  REQUIRE(den.village.run(11s, [&] { return !ben.all<mesh::Over>().empty(); }));
  CHECK(den.anna.all<mesh::MemberJoined>().empty());
}

TEST_CASE("Two that were cut off for longer than their link lives find each other again", "[knocks][sim]") {
  const auto box = GENERATE(Box::open, Box::full_cone, Box::drop);
  const auto seed = GENERATE(range(1, 5));
  CAPTURE(to_text(box), seed);
  Den den{static_cast<std::uint64_t>(seed)};
  auto& ben = den.invite_in("ben", box);
  REQUIRE(den.village.run(2s, [&] { return Village::are_together({&den.anna, &ben}); }));
  den.village.run(2s);
  Village::cut({&den.anna}, {&ben});
  REQUIRE(den.village.run(60s, [&] { return !den.anna.node.path_to(ben.id()) && !ben.node.path_to(den.anna.id()); }));
  den.village.run(20s);
  den.village.mend();
  CHECK(den.village.run(45s, [&] { return Village::are_together({&den.anna, &ben}); }));
  den.village.run(10s);
  CHECK(Village::are_together({&den.anna, &ben}));
}

TEST_CASE("Who was cut off from all and struck out as lost comes back by itself", "[knocks][sim]") {
  Den den;
  auto& ben = den.invite_in("ben", Box::drop);
  auto& carl = den.invite_in("carl", Box::drop);
  REQUIRE(den.village.run(3s, [&] { return Village::are_together({&den.anna, &ben, &carl}); }));
  den.village.run(2s);
  Village::cut({&carl}, {&den.anna, &ben});
  REQUIRE(den.village.run(60s, [&] {
    return den.anna.node.member().view()->members.size() == 2 && !carl.node.path_to(den.anna.id()) &&
           !carl.node.path_to(ben.id());
  }));
  den.village.run(20s);
  den.village.mend();
  CHECK(den.village.run(60s, [&] { return Village::are_together({&den.anna, &ben, &carl}); }));
}

TEST_CASE("Two halves that were cut off from each other for long are one session again", "[knocks][sim]") {
  Den den;
  auto& ben = den.invite_in("ben", Box::drop);
  auto& carl = den.invite_in("carl", Box::full_cone);
  auto& dora = den.invite_in("dora", Box::drop);
  const auto are_together = [&] { return Village::are_together({&den.anna, &ben, &carl, &dora}); };
  REQUIRE(den.village.run(5s, are_together));
  den.village.run(2s);
  Village::cut({&den.anna, &ben}, {&carl, &dora});
  den.village.run(40s);
  for (auto* one : {&den.anna, &ben})
    for (auto* other : {&carl, &dora}) CHECK_FALSE(one->node.path_to(other->id()));
  den.village.mend();
  CHECK(den.village.run(60s, are_together));
}

TEST_CASE("A host that was cut off with one member, and struck out, is back after the cut is mended", "[knocks][sim]") {
  Den den{static_cast<std::uint64_t>(GENERATE(range(1, 4)))};
  auto& ben = den.invite_in("ben", Box::drop);
  auto& carl = den.invite_in("carl", Box::full_cone);
  auto& dora = den.invite_in("dora", Box::drop);
  auto& emil = den.invite_in("emil", Box::drop);
  const auto are_together = [&] { return Village::are_together({&den.anna, &ben, &carl, &dora, &emil}); };
  REQUIRE(den.village.run(8s, are_together));
  den.village.run(3s);  // until all have votes
  Village::cut({&den.anna, &ben}, {&carl, &dora, &emil});
  REQUIRE(den.village.run(15s, [&] { return carl.node.member().view()->members.size() == 3; }));
  den.village.run(5s);
  den.village.mend();
  CHECK(den.village.run(60s, are_together));
}

TEST_CASE("A part that went on by itself, and lost all links, is back soon after the network is whole",
          "[knocks][sim]") {
  const auto seed = GENERATE(range(1, 9), 140);
  CAPTURE(seed);
  auto settings = open_session();
  settings.partition = mesh::Partition::fork;
  Den den{static_cast<std::uint64_t>(seed), settings};
  auto& ben = den.invite_in("ben", Box::drop);
  auto& carl = den.invite_in("carl", Box::drop);
  auto& dora = den.invite_in("dora", Box::drop);
  auto& emil = den.invite_in("emil", Box::full_cone);
  auto& finn = den.invite_in("finn", Box::drop);
  auto& gina = den.invite_in("gina", Box::drop);
  auto& hugo = den.invite_in("hugo", Box::drop);
  const auto are_together = [&] {
    return Village::are_together({&den.anna, &ben, &carl, &dora, &emil, &finn, &gina, &hugo});
  };
  REQUIRE(den.village.run(20s, are_together));
  den.village.run(4s);  // until all have votes
  const std::initializer_list<Villager*> lesser{&den.anna, &ben, &carl}, greater{&dora, &emil, &finn, &gina, &hugo};
  Village::cut(lesser, greater);
  REQUIRE(den.village.run(25s, [&] { return Village::are_together({&den.anna, &ben, &carl}); }));
  const auto is_linked = [](auto* one, auto* other) { return one->node.path_to(other->id()).has_value(); };
  REQUIRE(den.village.run(15s, [&] {
    return std::ranges::none_of(lesser, [&](auto* one) {
      return std::ranges::any_of(greater, [&](auto* other) { return is_linked(one, other) || is_linked(other, one); });
    });
  }));
  den.village.mend();
  CHECK(den.village.run(8s, are_together));
}

TEST_CASE("A knock in another's name changes nothing about the link that stands", "[knocks][sim]") {
  Den den;
  auto& ben = den.invite_in("ben", Box::drop);
  REQUIRE(den.village.run(2s, [&] { return Village::are_together({&den.anna, &ben}); }));
  den.village.run(1s);
  SeededRng rng{5};
  link::KnockSecret secret{};
  secret.fill(7);
  const auto before = den.anna.all<mesh::LinkChanged>().size();
  for (int i = 0; i < 20; ++i) {
    const auto knocker = link::make_knock(secret, identity_of("ben").fingerprint(), rng);
    const auto check =
        ice::write_check(stun::make_transaction_id(rng),
                         {.role = ice::Role::controlling, .priority = 1, .dialect = ice::Dialect::natkit}, knocker,
                         link::host_credentials(secret));
    den.anna.handle_datagram(den.village.net.now(),
                             {.socket = SocketId{0}, .remote = {IpAddress::v4(0xC6336463), 5}, .payload = check});
    den.anna.host->wake();
    den.village.run(1s);
  }
  CHECK(den.anna.all<mesh::LinkChanged>().size() == before);
  CHECK(Village::are_together({&den.anna, &ben}));
}
