#include <limits>

#include "catch.hpp"
#include "world.hpp"

// What a member, or a host, achieves by saying what is not so. Signatures are real here.
namespace natkit::test {
namespace {
using mesh::View;

constexpr unsigned host = 0, liar = 4, members = 5;

class Court {
 public:
  Court() : world{{.seed = 11, .signing = World::Config::Signing::real}} {
    world.gather(members);
    REQUIRE(world.is_of_one_mind());
    REQUIRE(world.acting_host() == host);
    before = world.at(host).view();
  }
  void tell_all(unsigned from, const mesh::Message& message) {
    for (unsigned other = 0; other < members; ++other)
      if (other != from) world.say_as(from, other, message);
  }
  void tell_view(unsigned from, const View& view) { tell_all(from, mesh::Views{.foundings = {}, .latest = view}); }
  /// Some time later nothing has changed for those who do not lie.
  void check_unmoved() {
    world.run_for(3s);
    INFO(world.describe());
    CHECK(world.fault().empty());
    CHECK(world.acting_host() == host);
    for (unsigned member = 0; member < members; ++member) {
      REQUIRE(world.at(member).view());
      CHECK(*world.at(member).view() == *before);
    }
  }
  [[nodiscard]] Bytes sign(unsigned member, ByteView text) const { return world.signatures(member).sign(text); }
  [[nodiscard]] View signed_by(unsigned member, View view) const {
    view.signature = sign(member, body(view));
    return view;
  }
  /// The first view of an epoch, as `leader` would have it.
  [[nodiscard]] View first_view(unsigned leader, std::uint64_t epoch, mesh::Title title, const View& base) const {
    View first = base;
    first.mandate = mesh::Mandate{.base = base.version, .base_host = base.host, .base_signature = base.signature};
    first.version = {.epoch = epoch, .title = title, .sequence = base.version.sequence + 1};
    first.host = world.id_of(leader);
    return signed_by(leader, first);
  }

  World world;
  mesh::ViewRef before;
};
}  // namespace

TEST_CASE("A member that claims the lead gets none while the host lives", "[mesh][liars]") {
  Court court;
  const auto version = court.before->version;
  for (int round = 0; round < 30; ++round) {
    for (const auto epoch : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{900},
                             std::numeric_limits<std::uint64_t>::max()})
      for (const auto& base : {version, mesh::Version{}, mesh::Version{1, mesh::Title::elected, 1000}})
        court.tell_all(liar, mesh::Claim{epoch, base});
    court.world.run_for(100ms);
  }
  court.check_unmoved();
}

TEST_CASE("A member that claimed far ahead cannot keep the others from electing one when the host dies",
          "[mesh][liars]") {
  Court court;
  court.tell_all(liar, mesh::Claim{1 + 1000, court.before->version});
  court.world.run_for(3s);
  court.world.kill(host, World::Death::power_cut);
  CHECK(court.world.run_until([&] { return court.world.acting_host().has_value(); }, 5s));
  CHECK(court.world.run_until([&] { return court.world.is_of_one_mind(); }, 10s));
}

TEST_CASE("A member cannot vote for others", "[mesh][liars]") {
  Court court;
  auto first = court.first_view(liar, 2, mesh::Title::elected, *court.before);
  const auto text = vote_text(court.world.session(), 2, court.world.id_of(liar), court.before->version);
  SECTION("not by its own signature in their name") {
    for (unsigned voter = 0; voter < members; ++voter)
      first.mandate->votes.push_back({court.world.id_of(voter), court.sign(liar, text)});
  }
  SECTION("not by voting many times") {
    for (unsigned vote = 0; vote < members; ++vote)
      first.mandate->votes.push_back({court.world.id_of(liar), court.sign(liar, text)});
  }
  SECTION("not by what they signed in another matter") {
    for (unsigned voter = 0; voter < members; ++voter)
      first.mandate->votes.push_back(
          {court.world.id_of(voter),
           court.sign(voter, vote_text(court.world.session(), 2, court.world.id_of(1), court.before->version))});
  }
  court.tell_view(liar, first);
  // As if it were a candidate of whom it wants to be elected.
  court.tell_all(liar, mesh::Granted{2, court.before->version, court.sign(liar, text)});
  court.check_unmoved();
}

TEST_CASE("A member cannot hand over what it does not have", "[mesh][liars]") {
  Court court;
  auto first = court.first_view(liar, 2, mesh::Title::handed_over, *court.before);
  first.mandate->handover =
      court.sign(liar, handover_text(court.world.session(), 2, court.world.id_of(liar), court.before->version));
  court.tell_view(liar, first);
  court.tell_all(liar, mesh::HandoverOffer{2, court.before->version, {}});
  court.world.say_as(liar, host, mesh::HandoverReady{2, court.before->version, court.sign(liar, body(first))});
  court.check_unmoved();
}

TEST_CASE("A member cannot change the view", "[mesh][liars]") {
  Court court;
  View view = *court.before;
  ++view.version.sequence;
  SECTION("with itself as host") { view.host = court.world.id_of(liar); }
  SECTION("without another member") { view.members.erase(view.members.begin() + 2); }
  SECTION("with a member that nobody admitted") {
    auto forged = view.members.back();
    forged.self.id.bytes[3] ^= 1;
    forged.number = ++view.numbers_given;
    view.members.push_back(forged);
  }
  SECTION("with other settings") { view.settings.standing = mesh::Standing::locked; }
  court.tell_view(liar, court.signed_by(liar, view));
  view.signature = court.before->signature;
  court.tell_view(liar, view);
  court.check_unmoved();
}

TEST_CASE("A member cannot say farewell for others, strike them out or end the session", "[mesh][liars]") {
  Court court;
  const auto& session = court.world.session();
  for (const auto victim : {host, 1U}) {
    for (const auto cause : {mesh::Departure::left, mesh::Departure::crashed}) {
      const mesh::Departed who{court.world.id_of(victim), mesh::Incarnation{1}, cause};
      const auto version = court.before->version;
      court.tell_all(liar, mesh::Farewell{who, version, court.sign(liar, departure_text(session, who, version))});
    }
    const mesh::Departed who{court.world.id_of(victim), mesh::Incarnation{1}, mesh::Departure::kicked};
    auto version = court.before->version;
    ++version.sequence;
    court.world.say_as(liar, victim, mesh::Struck{version, who, court.sign(liar, struck_text(session, version, who))});
    court.tell_all(liar, mesh::SessionEnded{version, court.sign(liar, end_text(session, version))});
  }
  court.check_unmoved();
}

TEST_CASE("Nothing that a member says in its heartbeats depresses a host that others hear", "[mesh][liars]") {
  Court court;
  for (std::uint64_t number = 1; number < 40; ++number) {
    mesh::Heartbeat beat{.version = court.before->version, .number = 1'000'000 + number};
    // It hears nobody, or has seen what nobody else has.
    if (number % 2 == 0) beat.version.epoch = 77;
    beat.committed = {77, mesh::Title::elected, 77};
    beat.echo = {1, 1'000'000 + number};
    court.tell_all(liar, beat);
    court.world.run_for(100ms);
  }
  court.check_unmoved();
}

TEST_CASE("A member is not heard as host", "[mesh][liars]") {
  Court court;
  court.tell_all(liar, mesh::Payload{.epoch = 1, .is_from_host = true, .bytes = {1, 2, 3}});
  court.world.run_for(1s);
  for (unsigned member = 0; member < members; ++member)
    for (const auto& told : court.world.told(member)) CHECK_FALSE(std::holds_alternative<mesh::Received>(told.event));
}

TEST_CASE("A member cannot lead newcomers astray while the host speaks", "[mesh][liars]") {
  Court court;
  const auto by = GENERATE(0U, 1U);
  View fork = *court.before;
  fork.host = court.world.id_of(liar);
  const auto newcomer = court.world.add(by);
  for (int round = 0; round < 40; ++round) {
    mesh::JoinList list{.version = fork.version, .host = fork.host, .shape = {}, .members = {}, .joiners = {}};
    list.version.epoch = 5;
    for (const auto& member : fork.members) list.members.push_back(member.self);
    court.world.say_as(liar, newcomer, list);
    fork.version = {.epoch = 5, .title = mesh::Title::elected, .sequence = 100};
    fork.members.push_back(
        {.self = {.id = court.world.id_of(newcomer), .incarnation = mesh::Incarnation{1}}, .number = 9});
    court.world.say_as(liar, newcomer, mesh::Views{.foundings = {}, .latest = court.signed_by(liar, fork)});
    fork.members.pop_back();
    court.world.say_as(liar, newcomer, mesh::JoinRefused{mesh::Refusal::banned, {}, {}});
    court.world.run_for(50ms);
  }
  CHECK(court.world.run_until([&] { return court.world.is_of_one_mind(); }, 10s));
  CHECK(court.world.acting_host() == host);
  CHECK(court.world.at(newcomer).is_member());
  CHECK(court.world.fault().empty());
}

TEST_CASE("A farewell from before somebody came back does nothing", "[mesh][liars]") {
  Court court;
  const mesh::Departed who{court.world.id_of(1), mesh::Incarnation{1}, mesh::Departure::left};
  const auto version = court.before->version;
  const mesh::Farewell old{who, version, court.sign(1, departure_text(court.world.session(), who, version))};
  court.world.kill(1, World::Death::power_cut);
  court.world.restart(1);
  const auto is_back = [&] { return court.world.is_of_one_mind() && court.world.at(host).view()->voters() == members; };
  REQUIRE(court.world.run_until(is_back, 20s));
  court.before = court.world.at(host).view();
  court.tell_all(liar, old);
  // The host, who makes views, is told by everybody.
  court.check_unmoved();
}

namespace {
/// The old host was cut off, and somebody else leads; now he is back, and wishes that he had not been gone.
class Deposed : public Court {
 public:
  Deposed() {
    world.part({host});
    const auto is_founded = [&] {
      for (unsigned member = 0; member < members; ++member)
        if (member != host && world.at(member).view()->mandate) founding = world.at(member).view();
      return founding != nullptr;
    };
    REQUIRE(world.run_until(is_founded, 10s));
    REQUIRE(world.run_until([&] { return world.acting_host().value_or(host) != host; }, 10s));
    world.run_for(500ms);
    leader = world.acting_host().value_or(host);
    current = world.at(leader).view();
    world.mend();
  }
  void check_still_led() {
    world.run_for(500ms);
    INFO(world.describe());
    CHECK(world.acting_host() == leader);
    for (unsigned member = 0; member < members; ++member) {
      if (member == host) continue;
      REQUIRE(world.at(member).view());
      CHECK(world.at(member).view()->host == world.id_of(leader));
      CHECK(world.at(member).view()->version.epoch == current->version.epoch);
    }
    CHECK(world.fault().empty());
  }

  unsigned leader = 0;
  mesh::ViewRef founding;  ///< the first of the new epoch
  mesh::ViewRef current;
};
}  // namespace

TEST_CASE("A host of old can neither go on nor roll the epoch back", "[mesh][liars]") {
  Deposed court;
  View view = *court.before;
  SECTION("by further views of its epoch") {
    view.version.sequence += 50;
    view.members.erase(view.members.begin() + 1);
    court.tell_view(host, court.signed_by(host, view));
  }
  SECTION("by views of a later epoch that nobody wanted") {
    for (const auto& base : {*court.before, *court.current})
      for (const auto title : {mesh::Title::elected, mesh::Title::handed_over}) {
        auto first = court.first_view(host, court.current->version.epoch + 1, title, base);
        const auto epoch = first.version.epoch;
        first.mandate->votes.push_back(
            {court.world.id_of(host),
             court.sign(host, vote_text(court.world.session(), epoch, first.host, base.version))});
        first.mandate->handover =
            court.sign(host, handover_text(court.world.session(), epoch, first.host, base.version));
        court.tell_view(host, first);
      }
  }
  SECTION("by handing its old epoch over to another liar") {
    auto first = court.first_view(liar, court.current->version.epoch + 1, mesh::Title::handed_over, *court.before);
    first.mandate->handover =
        court.sign(host, handover_text(court.world.session(), first.version.epoch, first.host, court.before->version));
    court.tell_view(host, first);
    court.tell_view(liar, first);
  }
  SECTION("by the votes that another got") {
    auto first = court.first_view(host, court.current->version.epoch, mesh::Title::elected, *court.before);
    first.mandate->votes = court.founding->mandate->votes;
    court.tell_view(host, first);
  }
  SECTION("by ending the session, or striking out who leads now") {
    auto version = court.current->version;
    ++version.sequence;
    court.tell_all(host, mesh::SessionEnded{version, court.sign(host, end_text(court.world.session(), version))});
    const mesh::Departed who{court.world.id_of(court.leader), mesh::Incarnation{1}, mesh::Departure::banned};
    court.tell_all(host,
                   mesh::Struck{version, who, court.sign(host, struck_text(court.world.session(), version, who))});
  }
  court.check_still_led();
}

TEST_CASE("What a host of old says as host is not delivered", "[mesh][liars]") {
  Deposed court;
  court.tell_all(host, mesh::Payload{.epoch = 1, .is_from_host = true, .bytes = {1}});
  court.tell_all(host, mesh::Payload{.epoch = court.current->version.epoch, .is_from_host = true, .bytes = {1}});
  court.check_still_led();
  for (unsigned member = 0; member < members; ++member)
    for (const auto& told : court.world.told(member)) CHECK_FALSE(std::holds_alternative<mesh::Received>(told.event));
}

TEST_CASE("Views of epochs that are over move nobody", "[mesh][liars]") {
  Deposed court;
  court.tell_view(liar, *court.before);
  court.tell_all(liar, mesh::Views{.foundings = {*court.before}, .latest = *court.before});
  court.check_still_led();
}
}  // namespace natkit::test
