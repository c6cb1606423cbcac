#include "natkit/mesh/witness.hpp"

#include "catch.hpp"
#include "world.hpp"

namespace natkit::test {
namespace {
using Server = World::Config::Server;

bool has_told_pause(const World& world, unsigned member) {
  return std::ranges::any_of(world.told(member),
                             [](const Told& told) { return std::holds_alternative<mesh::Paused>(told.event); });
}

mesh::ViewRef view_of(World& world, unsigned member) { return world.at(member).view(); }
}  // namespace

TEST_CASE("Of two members one goes on when the other's power is cut, by the server's word", "[mesh][witness]") {
  for (const auto server : {Server::witness, Server::none}) {
    World world{{.seed = 5, .server = server}};
    world.gather(2);
    REQUIRE(world.acting_host() == 0U);
    world.kill(0, World::Death::power_cut);
    const bool leads = world.run_until([&] { return world.acting_host() == 1U; }, 10s);
    INFO(world.describe() << world.fault());
    // Without it nobody could tell whether the other one still leads.
    CHECK(leads == (server == Server::witness));
    CHECK(world.fault().empty());
  }
}

TEST_CASE("The host of two goes on when the other's power is cut, by the server's word", "[mesh][witness]") {
  for (const auto server : {Server::witness, Server::none}) {
    World world{{.seed = 5, .server = server}};
    world.gather(2);
    world.kill(1, World::Death::power_cut);
    world.run_for(10s);
    CHECK((world.acting_host() == 0U) == (server == Server::witness));
    CHECK(view_of(world, 0)->members.size() == (server == Server::witness ? 1 : 2));
    CHECK(world.fault().empty());
  }
}

TEST_CASE("Two members that lose sight of each other keep their host, by the server's word", "[mesh][witness]") {
  World world{{.seed = 6, .server = Server::witness}};
  world.gather(2);
  world.part({0});
  world.run_for(4s);
  CHECK(world.acting_host() == 0U);
  CHECK(view_of(world, 1)->host == world.id_of(0));
  CHECK(has_told_pause(world, 1));
  world.mend();
  CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 10s));
  CHECK(world.acting_host() == 0U);
  CHECK(view_of(world, 0)->version.epoch == 1);
  CHECK(world.fault().empty());
}

TEST_CASE("Of two equal halves the one that the server hears goes on", "[mesh][witness]") {
  // The host's half cannot reach the server.
  World world{{.seed = 7, .server = Server::witness}};
  world.gather(4);
  world.part({0, 1});
  world.cut(0, World::server);
  world.cut(1, World::server);
  CHECK(world.run_until([&] { return world.acting_host() && *world.acting_host() >= 2; }, 6s));
  world.run_for(10s);
  REQUIRE(world.acting_host());
  CHECK(*world.acting_host() >= 2);
  world.mend();
  CHECK(world.run_until([&] { return world.is_of_one_mind(); }, 10s));
  CHECK(view_of(world, 0)->members.size() == 4);
  CHECK(world.fault().empty());
}

TEST_CASE("The server votes while the members are even in number, and never with an odd one", "[mesh][witness]") {
  World world{{.seed = 8, .server = Server::witness}};
  for (unsigned members = 1; members <= 6; ++members) {
    world.gather(members);
    INFO(world.describe());
    REQUIRE(view_of(world, 0)->voters() % 2 == 1);
    REQUIRE(view_of(world, 0)->witness.has_value() == (members % 2 == 0));
  }
  world.leave(5);
  CHECK(world.run_until([&] { return world.is_of_one_mind() && view_of(world, 0)->members.size() == 5; }, 5s));
  CHECK_FALSE(view_of(world, 0)->witness);
}

TEST_CASE("A session goes on when the server is lost, and takes it up again", "[mesh][witness]") {
  World world{{.seed = 9, .server = Server::witness}};
  world.gather(2);
  world.stop_server();
  world.run_for(8s);
  CHECK(world.acting_host() == 0U);
  CHECK_FALSE(view_of(world, 0)->witness);
  CHECK_FALSE(has_told_pause(world, 0));
  CHECK_FALSE(has_told_pause(world, 1));
  world.start_server();
  CHECK(world.run_until(
      [&] { return view_of(world, 1)->witness && view_of(world, 1)->witness->is_voter && world.is_of_one_mind(); },
      10s));
  world.kill(0, World::Death::power_cut);
  CHECK(world.run_until([&] { return world.acting_host() == 1U; }, 10s));
  CHECK(world.fault().empty());
}

TEST_CASE("A candidate shows the server the view that made it a voter, should the host not have done so",
          "[mesh][witness]") {
  World::Config config{.seed = 13, .server = Server::witness};
  config.tamper = [](World& world, unsigned from, unsigned, mesh::Message& message) {
    const auto* views = std::get_if<mesh::Views>(&message);
    // The members are told first; the server is not reached any more.
    if (views && from == 0 && views->latest.witness && views->latest.witness->is_voter) world.cut(0, World::server);
  };
  World world{config};
  world.add();
  world.add();
  REQUIRE(world.run_until(
      [&] {
        const auto& view = view_of(world, 1);
        return view && view->witness && view->witness->is_voter && world.at(1).committed() == view->version;
      },
      10s));
  world.kill(0, World::Death::power_cut);
  CHECK(world.run_until([&] { return world.acting_host() == 1U; }, 10s));
  CHECK(world.fault().empty());
}

TEST_CASE("A server that was started anew is another voter", "[mesh][witness]") {
  World world{{.seed = 10, .server = Server::witness}};
  world.gather(2);
  const auto before = view_of(world, 0)->witness->self.incarnation;
  world.start_server();
  CHECK(world.run_until(
      [&] {
        const auto& witness = view_of(world, 1)->witness;
        return witness && witness->is_voter && witness->self.incarnation != before;
      },
      10s));
  CHECK(world.acting_host() == 0U);
  CHECK(world.fault().empty());
}

// --- what strangers and liars ask of it ---------------------------------------------------------------------------

namespace {
/// One session of two, known to a witness.
class Bench {
 public:
  Bench() : world{{.seed = 12, .server = Server::witness}} {
    world.gather(2);
    const auto& view = view_of(world, 0);
    witness.emplace(mesh::Witness::Config{.self = view->witness->self}, signatures);
    REQUIRE(ask(0, mesh::Views{.foundings = {}, .latest = *view}));
    REQUIRE(witness->view());
  }
  std::optional<mesh::Answer> ask(unsigned from, const mesh::Message& message, std::optional<unsigned> signer = {}) {
    mesh::Question question{
        .from = world.id_of(from), .message = mesh::write_message(world.session(), message), .signature = {}};
    question.signature = world.signatures(signer.value_or(from)).sign(mesh::question_text(question.message));
    return witness->answer(now, mesh::write_question(question));
  }
  template <class M>
  std::optional<M> heard(const std::optional<mesh::Answer>& answer) {
    if (!answer || !std::holds_alternative<Bytes>(*answer)) return std::nullopt;
    const auto envelope = mesh::parse_message(std::get<Bytes>(*answer));
    REQUIRE(envelope);
    const auto* message = std::get_if<M>(&envelope->message);
    return message ? std::optional{*message} : std::nullopt;
  }
  std::optional<mesh::Heartbeat> beat(std::uint64_t number, std::optional<unsigned> signer = {}) {
    const auto& version = view_of(world, 0)->version;
    return heard<mesh::Heartbeat>(ask(0, mesh::Heartbeat{.version = version, .number = number}, signer));
  }
  std::optional<mesh::Granted> claim(std::uint64_t epoch, unsigned from = 1) {
    return heard<mesh::Granted>(ask(from, mesh::Claim{epoch, view_of(world, 0)->version}));
  }

  World world;
  QuickSignatures signatures{member_id(900)};
  std::optional<mesh::Witness> witness;
  Instant now = Instant{} + 1h;
};
}  // namespace

TEST_CASE("A witness votes for nobody while its promise to the host holds, and once in an epoch", "[mesh][witness]") {
  Bench bench;
  const auto beat = bench.beat(7);
  REQUIRE(beat);
  CHECK(beat->echo == mesh::Echo{1, 7});
  bench.now += 1199ms;
  CHECK_FALSE(bench.claim(2));
  bench.now += 2ms;
  CHECK(bench.claim(2));
  CHECK(bench.claim(2));           // said again, since the answer may be lost
  CHECK_FALSE(bench.claim(2, 0));  // … and to nobody else
  CHECK_FALSE(bench.claim(1));
}

TEST_CASE("A heartbeat that the host did not sign, or one that is old, renews no promise", "[mesh][witness]") {
  Bench bench;
  REQUIRE(bench.beat(7));
  CHECK_FALSE(bench.beat(8, 1U));
  bench.now += 1100ms;
  const auto old = bench.beat(7);
  REQUIRE(old);
  CHECK(old->echo == mesh::Echo{1, 7});
  bench.now += 200ms;
  CHECK(bench.claim(2));
}

TEST_CASE("A witness takes no view that does not follow from the one it has", "[mesh][witness]") {
  Bench bench;
  auto view = *view_of(bench.world, 0);
  view.version.sequence += 1;
  view.members.pop_back();
  SECTION("signed by another member") { view.signature = bench.world.signatures(1).sign(body(view)); }
  SECTION("of another session") {
    view.session.bytes[3] ^= 1;
    view.signature = bench.world.signatures(0).sign(body(view));
  }
  SECTION("with another host of the same epoch") {
    view.host = bench.world.id_of(1);
    view.signature = bench.world.signatures(1).sign(body(view));
  }
  std::ignore = bench.ask(1, mesh::Views{.foundings = {}, .latest = view});
  CHECK(bench.witness->view()->version == view_of(bench.world, 0)->version);
}

TEST_CASE("A candidate that lags behind is shown the view that the witness has", "[mesh][witness]") {
  Bench bench;
  auto base = view_of(bench.world, 0)->version;
  base.sequence -= 1;
  const auto views = bench.heard<mesh::Views>(bench.ask(1, mesh::Claim{2, base}));
  REQUIRE(views);
  CHECK(views->latest == *view_of(bench.world, 0));
}

TEST_CASE("A witness that knows of no session says who it is, and nothing else", "[mesh][witness]") {
  QuickSignatures signatures{member_id(900)};
  mesh::Witness witness{{.self = {.id = member_id(900)}}, signatures};
  const auto answer = witness.answer(Instant{} + 1h, {});
  REQUIRE(answer);
  CHECK(std::get<mesh::Introduction>(*answer).id == member_id(900));
  CHECK_FALSE(witness.answer(Instant{} + 1h, Bytes(40, 0xff)));
}
}  // namespace natkit::test
