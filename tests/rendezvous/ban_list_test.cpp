// Whom the operator of a server does not want.
#include "natkit/rendezvous/ban_list.hpp"

#include <fmt/format.h>

#include "catch.hpp"
#include "natkit/crypto/fingerprint.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
std::string member(unsigned number) { return fmt::format("{:064x}", number); }
std::string fingerprint(unsigned number) {
  crypto::Fingerprint made;
  made.digest.back() = static_cast<std::uint8_t>(number);
  return crypto::to_text(made);
}
BanList bans(unsigned number) { return BanList::parse(member(number)).value(); }
}  // namespace

TEST_CASE("A list of bans has comments, blank lines and ids in either form", "[rendezvous][bans]") {
  const auto list = BanList::parse("# cheats\r\n\n  " + member(1) + "   # since May\n" + fingerprint(2) + "\n\t\n" +
                                   member(3));  // no line end at its end
  REQUIRE(list);
  CHECK(list->size() == 3);
  CHECK(list->has(member(1)));
  CHECK(list->has(fingerprint(1)));
  CHECK(list->has(member(2)));
  CHECK(list->has(member(3)));
  CHECK_FALSE(list->has(member(4)));
  CHECK_FALSE(list->has("list-17"));
  CHECK(BanList::parse("")->size() == 0);
}

TEST_CASE("A list of bans names the line that is wrong", "[rendezvous][bans]") {
  const auto list = BanList::parse("# one\n" + member(1) + "\n" + member(2).substr(1) + "\n");
  REQUIRE_FALSE(list);
  CHECK(list.error().line == 3);
  CHECK_FALSE(list.error().why.empty());
}

TEST_CASE("Who is banned does not get in, neither by its id nor as a player or a host", "[rendezvous][bans]") {
  SeededRng rng{1};
  Matchmaker matchmaker{{}, rng};
  Directory directory{{}};
  World world{1, {.directory = &directory, .matchmaker = &matchmaker, .bans = bans(1)}};
  auto& banned = world.join(fingerprint(1));
  world.run_for(1s);
  REQUIRE(banned.all<NotPossible>().size() == 1);
  CHECK(banned.all<NotPossible>()[0].reason == Reason::banned);
  CHECK(banned.all<NotPossible>()[0].error.code == Errc::refused);
  CHECK(banned.all<NotPossible>()[0].error.reason == "banned");

  auto& disguised = world.join("list-1");  // an id costs nothing; the names of players and hosts do
  auto& other = world.join(fingerprint(2));
  world.run_for(1s);
  disguised.client->seek(world.now(), {.member = member(1)});
  world.settle(disguised);
  world.run_for(1s);
  REQUIRE(disguised.all<NotAnswered>().size() == 1);
  CHECK(disguised.all<NotAnswered>()[0].refusal == DirectoryRefusal::banned);
  disguised.client->publish(
      world.now(), {.session = std::string(32, 'a'), .name = "den", .host = member(1), .epoch = 1, .members = 1},
      "token");
  world.settle(disguised);
  world.run_for(1s);
  REQUIRE(disguised.all<RowRefused>().size() == 1);
  CHECK(disguised.all<RowRefused>()[0].refusal == DirectoryRefusal::banned);
  CHECK(directory.size() == 0);
  CHECK(other.all<RegisteredAt>().size() == 1);
}

TEST_CASE("Who is banned while it is there is dismissed, and nobody else", "[rendezvous][bans]") {
  World world;
  auto& a = world.join(fingerprint(1));
  auto& b = world.join(fingerprint(2));
  world.run_for(1s);
  REQUIRE(a.all<RegisteredAt>().size() == 1);
  world.server->replace_bans(world.now(), bans(1));
  world.settle_server();
  world.run_for(20s);
  REQUIRE(a.all<NotPossible>().size() == 1);
  CHECK(a.all<NotPossible>()[0].reason == Reason::banned);
  CHECK(b.all<NotPossible>().empty());
  CHECK(world.server->sessions() == 1);
}
