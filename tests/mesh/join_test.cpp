#include "catch.hpp"
#include "world.hpp"

// Who is let in, and what who is not is told.
namespace natkit::test {
namespace {
using mesh::Refusal;

const mesh::NotJoined* refusal(World& world, unsigned member) {
  for (const auto& told : world.told(member))
    if (const auto* event = std::get_if<mesh::NotJoined>(&told.event)) return event;
  return nullptr;
}
bool is_told_of_joining(World& world, unsigned member) {
  return std::ranges::any_of(world.told(member),
                             [](const Told& told) { return std::holds_alternative<mesh::Joined>(told.event); });
}
/// What comes of it: true where it is a member that knows it.
bool joins(World& world, unsigned member, Duration most = 12s) {
  world.run_until([&] { return is_told_of_joining(world, member) || refusal(world, member); }, most);
  return is_told_of_joining(world, member);
}
void check_refused(World& world, unsigned member, Refusal reason) {
  INFO(world.describe() << world.fault());
  CHECK_FALSE(joins(world, member));
  REQUIRE(refusal(world, member));
  CHECK(to_text(refusal(world, member)->reason) == to_text(reason));
  CHECK(world.at(member).is_over());
  CHECK(world.is_of_one_mind());
  CHECK_FALSE(world.at(0).view()->has(world.id_of(member)));
}
}  // namespace

TEST_CASE("Only who knows the password joins", "[mesh][join]") {
  const mesh::PasswordKey right{1, 2, 3}, wrong{1, 2, 4};
  World world{{.seed = 1, .settings = {.name = "den", .password = right}}};
  world.add();
  CHECK(joins(world, world.add({.password = right})));
  check_refused(world, world.add({.password = wrong}), Refusal::wrong_password);
  check_refused(world, world.add(), Refusal::wrong_password);
  // Any member may be asked; the host decides.
  check_refused(world, world.add({.by = 1, .password = wrong}), Refusal::wrong_password);
  CHECK(joins(world, world.add({.by = 1, .password = right})));
}

TEST_CASE("A joiner shows that it knows the password, and never says it nor the key made of it", "[mesh][join]") {
  const std::string password = "correct horse battery staple";
  const auto key = mesh::key_of_password(password, mesh::SessionId{});
  std::vector<Bytes> said;
  World world{{.seed = 31,
               .settings = {.name = "den", .password = key},
               .tamper = [&](World& there, unsigned from, unsigned, mesh::Message& message) {
                 if (from == 1) said.push_back(mesh::write_message(there.session(), message));
               }}};
  world.add();
  REQUIRE(joins(world, world.add({.password = key})));
  const auto joined = said.size();
  REQUIRE(joined > 0);
  check_refused(world, world.add(), Refusal::wrong_password);  // so it was asked for
  const auto has = [](ByteView all, ByteView part) { return !std::ranges::search(all, part).empty(); };
  std::size_t proofs = 0;
  for (const auto& each : said) {
    CHECK_FALSE(has(each, key));
    CHECK_FALSE(has(each, as_bytes(password)));
    const auto message = mesh::parse_message(each)->message;
    if (const auto* request = std::get_if<mesh::JoinRequest>(&message)) proofs += request->proof.empty() ? 0U : 1U;
  }
  CHECK(proofs > 0);
}

TEST_CASE("Who was named as host is joined, and nobody else in his place", "[mesh][join]") {
  World world{{.seed = 32}};
  world.gather(2);
  CHECK(joins(world, world.add({.founder = world.id_of(0)})));
  const auto misled = world.add({.founder = world.id_of(1)});  // a member, but not who began it
  CHECK_FALSE(joins(world, misled));
  REQUIRE(refusal(world, misled));
  CHECK(refusal(world, misled)->reason == Refusal::foreign_host);
  CHECK(refusal(world, misled)->peers == std::vector{world.id_of(0)});
}

TEST_CASE("Who came after the named host by right is joined too, once the old ones show it", "[mesh][join]") {
  World world{{.seed = 33}};
  const auto is_led_by = [&](unsigned host) { return world.acting_host() == host && world.is_of_one_mind(); };
  world.gather(3);
  SECTION("by his own hand") {
    REQUIRE(world.at(0).hand_over(world.local(0), world.id_of(1), {}));
    world.settle(0);
  }
  SECTION("by votes") { world.kill(0, World::Death::process_killed); }
  REQUIRE(
      world.run_until([&] { return world.acting_host() && world.acting_host() != 0U && world.is_of_one_mind(); }, 20s));
  const auto second = *world.acting_host();
  const auto late = world.add({.by = second, .founder = world.id_of(0)});
  CHECK(joins(world, late));
  // Who came late can show it to the next one.
  REQUIRE(world.run_until([&] { return is_led_by(second) && world.at(second).view()->find_voter(world.id_of(late)); },
                          20s));
  REQUIRE(world.at(second).hand_over(world.local(second), world.id_of(late), {}));
  world.settle(second);
  REQUIRE(world.run_until([&] { return is_led_by(late); }, 20s));
  CHECK(joins(world, world.add({.by = late, .founder = world.id_of(0)})));
  const auto misled = world.add({.by = late, .founder = world.id_of(2)});
  CHECK_FALSE(joins(world, misled));
}

TEST_CASE("Nobody new joins a locked session, and who was there comes back", "[mesh][join]") {
  World world{{.seed = 2}};
  world.gather(4);
  REQUIRE(world.at(0).set_standing(world.local(0), mesh::Standing::locked));
  world.settle(0);
  world.run_for(1s);
  check_refused(world, world.add(), Refusal::locked);
  world.kill(2, World::Death::power_cut);
  world.restart(2);
  CHECK(joins(world, 2));
  REQUIRE(world.at(0).set_standing(world.local(0), mesh::Standing::open));
  world.settle(0);
  CHECK(joins(world, world.add()));
}

TEST_CASE("A full session takes nobody, and takes somebody again once one has left", "[mesh][join]") {
  World world{{.seed = 3, .settings = {.name = "den", .most = 3}}};
  world.gather(3);
  check_refused(world, world.add(), Refusal::full);
  world.leave(2);
  world.run_for(2s);
  CHECK(joins(world, world.add()));
}

TEST_CASE("Who was banned stays out as another process too", "[mesh][join]") {
  World world{{.seed = 4}};
  world.gather(3);
  REQUIRE(world.at(0).strike_out(world.local(0), world.id_of(2), mesh::Departure::banned));
  world.settle(0);
  REQUIRE(world.run_until([&] { return world.at(2).is_over() && world.is_of_one_mind(); }, 3s));
  world.kill(2, World::Death::power_cut);
  world.restart(2);
  check_refused(world, 2, Refusal::banned);
}

TEST_CASE("Who was kicked is told so, and may join again", "[mesh][join]") {
  World world{{.seed = 5}};
  world.gather(3);
  REQUIRE(world.at(0).strike_out(world.local(0), world.id_of(2), mesh::Departure::kicked));
  world.settle(0);
  REQUIRE(world.run_until([&] { return world.at(2).is_over() && world.is_of_one_mind(); }, 3s));
  const auto is_struck_out = [](const Told& told) {
    const auto* event = std::get_if<mesh::StruckOut>(&told.event);
    return event && event->cause == mesh::Departure::kicked;
  };
  CHECK(std::ranges::any_of(world.told(2), is_struck_out));
  world.kill(2, World::Death::power_cut);
  world.restart(2);
  CHECK(joins(world, 2));
}

TEST_CASE("Who is linked with all before it asks is in after two round trips", "[mesh][join]") {
  // Each round trip takes 50 ms, and 10 ms more at most.
  World world{{.seed = 5, .least_rtt = 50ms, .longest_rtt = 50ms}};
  world.gather(4);
  const auto joiner = world.add();
  // The links come first: the members' at their own wish, since the joiner knows nobody but the host.
  for (unsigned member = 1; member < 4; ++member) world.link(joiner, member);
  REQUIRE(world.run_until([&] { return world.at(joiner).peers().is_up(world.id_of(0)); }, 2s));
  const auto linked = world.now();
  REQUIRE(world.run_until([&] { return world.at(joiner).is_member(); }, 2s));
  // Its request, the view, what a majority says to it, and that it counts.
  CHECK(world.now() - linked <= 2 * 60ms);
}

TEST_CASE("Who speaks another version of the protocol is told so", "[mesh][join]") {
  const auto other_version = [](World&, unsigned from, unsigned, mesh::Message& message) {
    if (auto* request = std::get_if<mesh::JoinRequest>(&message); request && from == 2)
      request->version = mesh::protocol_version + 1;
  };
  World world{{.seed = 6, .tamper = other_version}};
  world.gather(2);
  check_refused(world, world.add(), Refusal::version_mismatch);
}

TEST_CASE("In a full mesh a pair that cannot connect keeps a joiner out, and is named", "[mesh][join]") {
  World world{{.seed = 7, .settings = {.name = "den", .shape = {mesh::Shape::Kind::full}}}};
  world.gather(4);
  world.never_connect(2, 4);
  const auto joiner = world.add();
  check_refused(world, joiner, Refusal::not_all_reached);
  CHECK(refusal(world, joiner)->peers == std::vector{world.id_of(2)});
}

TEST_CASE("In a star or a partial mesh a pair that cannot connect does no harm", "[mesh][join]") {
  const auto shape = GENERATE(mesh::Shape{mesh::Shape::Kind::star, 0}, mesh::Shape{mesh::Shape::Kind::partial, 2});
  World world{{.seed = 8, .settings = {.name = "den", .shape = shape}}};
  world.gather(4);
  world.never_connect(2, 4);
  CHECK(joins(world, world.add()));
  CHECK(world.fault().empty());
}

TEST_CASE("The host's program may turn a joiner away, and say why", "[mesh][join]") {
  World world{{.seed = 9}};
  world.add({.admission = mesh::Participant::Hook::asked});
  const auto is_asked = [&] {
    return std::ranges::any_of(
        world.told(0), [](const Told& told) { return std::holds_alternative<mesh::AdmissionAsked>(told.event); });
  };
  const auto joiner = world.add();
  REQUIRE(world.run_until(is_asked, 3s));
  CHECK_FALSE(world.at(joiner).is_member());
  SECTION("no") {
    world.at(0).reject(world.local(0), world.id_of(joiner), "friends only");
    world.settle(0);
    check_refused(world, joiner, Refusal::rejected);
    CHECK(refusal(world, joiner)->text == "friends only");
  }
  SECTION("yes") {
    world.at(0).admit(world.local(0), world.id_of(joiner));
    world.settle(0);
    CHECK(joins(world, joiner));
  }
}

TEST_CASE("A host that dies while somebody joins is not waited for: the next one lets it in", "[mesh][join]") {
  // At any point of the join.
  for (const auto delay : {20ms, 100ms, 200ms, 300ms, 400ms, 500ms, 600ms}) {
    World world{{.seed = 10}};
    world.gather(4);
    const auto joiner = world.add(1);
    world.run_for(delay);
    world.kill(0, World::Death::power_cut);
    INFO(to_ms(delay) << world.describe());
    CHECK(joins(world, joiner));
    CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 10s));
    CHECK(world.fault().empty());
  }
}

TEST_CASE("When the host dies and nobody is left to lead, a joiner is told of it", "[mesh][join]") {
  World world{{.seed = 11}};
  world.add({.admission = mesh::Participant::Hook::asked});
  const auto joiner = world.add();
  world.run_for(1s);
  world.kill(0, World::Death::power_cut);
  CHECK_FALSE(joins(world, joiner));
  REQUIRE(refusal(world, joiner));
  CHECK(to_text(refusal(world, joiner)->reason) == "host-lost");
}

TEST_CASE("Who is never answered gives up after the time for a join", "[mesh][join]") {
  World world{{.seed = 12}};
  world.gather(2);
  world.kill(1, World::Death::power_cut);
  const auto since = world.now();
  const auto joiner = world.add(1);
  CHECK_FALSE(joins(world, joiner));
  REQUIRE(refusal(world, joiner));
  CHECK(to_text(refusal(world, joiner)->reason) == "timeout");
  CHECK(to_ms(world.now() - since) <= to_ms(mesh::Timing{}.join + 300ms));
}

TEST_CASE("Members come and go while one joins, and it is in with all of them", "[mesh][join]") {
  for (std::uint64_t seed = 20; seed < 40; ++seed) {
    World world{{.seed = seed, .loss = 0.02, .drift = 0.02}};
    world.gather(6);
    const auto joiner = world.add();
    world.run_for(Duration{static_cast<std::int64_t>(world.rng().below(400'000'000))});
    world.leave(2);
    const auto other = world.add(1);
    world.run_for(Duration{static_cast<std::int64_t>(world.rng().below(400'000'000))});
    world.kill(3, World::Death::process_killed);
    // Who knew nobody but a host that left meanwhile would have to look into the directory.
    REQUIRE(world.run_until([&] { return !world.at(joiner).known().empty() && !world.at(other).known().empty(); }, 2s));
    if (seed % 2 == 0) world.leave(0);
    INFO("seed " << seed << " " << world.describe() << world.fault());
    CHECK(joins(world, joiner));
    CHECK(joins(world, other));
    CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 15s));
    CHECK(world.fault().empty());
  }
}

TEST_CASE("A member that is started anew takes its own place", "[mesh][join]") {
  for (const auto pause : {0ms, 300ms, 2000ms, 6000ms}) {
    World world{{.seed = 13}};
    world.gather(4);
    world.kill(2, World::Death::power_cut);
    world.run_for(pause);
    world.restart(2);
    INFO(to_ms(pause) << world.describe());
    CHECK(joins(world, 2));
    CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 5s));
    const auto& view = world.at(0).view();
    CHECK(view->members.size() == 4);
    REQUIRE(view->has(world.id_of(2)));
    CHECK(view->find(world.id_of(2))->self.incarnation == mesh::Incarnation{2});
    CHECK(view->version.epoch == 1);
  }
}

TEST_CASE("Who is told by each member of another host asks no more often for it", "[mesh][join]") {
  bool do_they_lie = false;
  const auto lie = [&](World& world, unsigned from, unsigned, mesh::Message& message) {
    if (auto* list = std::get_if<mesh::JoinList>(&message); list && do_they_lie)
      list->host = world.id_of(from == 1 ? 2 : 1);
  };
  World world{{.seed = 4, .tamper = lie}};
  world.gather(4);
  do_they_lie = true;
  const auto joiner = world.add(3U);
  world.run_for(3s);
  // At most four members are asked every 200 ms.
  CHECK(world.messages_sent(joiner) <= 4 * 15 + 20);
}

TEST_CASE("Who leaves before it can know that it is in goes, though its host is silent", "[mesh][join]") {
  World world{{.seed = 4}};
  world.gather(2);
  const auto newcomer = world.add();
  REQUIRE(world.run_until([&] { return world.at(newcomer).view() != nullptr; }, 3s));
  world.kill(0, World::Death::power_cut);
  world.kill(1, World::Death::power_cut);
  // Not so long that its farewell is over.
  world.run_for(900ms);
  world.leave(newcomer);
  world.run_for(3s);
  CHECK(world.at(newcomer).is_over());
}
TEST_CASE("Who was struck out is not taken back by a view that is older than that", "[mesh][join]") {
  World world{{.seed = 4}};
  world.gather(3);
  const auto old = world.at(0).view();
  world.at(1).set_ready(world.local(1), mesh::Wish::Kind::ready);
  world.settle(1);
  REQUIRE(world.run_until([&] { return world.at(2).view()->version > old->version; }, 2s));
  world.part({2});
  world.run_for(7s);
  world.mend();
  REQUIRE(world.run_until([&] { return !world.at(2).is_member(); }, 5s));
  // It was on its way for long.
  world.say_as(0, 2, mesh::Views{.foundings = {}, .latest = *old});
  CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 10s));
  INFO(world.fault());
  CHECK(world.fault().empty());
}
}  // namespace natkit::test
