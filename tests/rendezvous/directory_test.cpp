#include "natkit/rendezvous/directory.hpp"

#include <fmt/format.h>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::rendezvous;
using namespace std::chrono_literals;
using How = Directory::Published::How;

namespace {
const IpAddress here = IpAddress::v4(0xC6336401U);
const IpAddress there = IpAddress::v4(0xC6336402U);
const Instant start{1h};

std::string member(char digit) { return std::string(64, digit); }

Row row(std::string session, std::string name = "den", char host = 'a', std::uint64_t epoch = 1) {
  return {
      .session = std::move(session), .name = std::move(name), .game = "chess", .host = member(host), .epoch = epoch};
}

std::vector<std::string> ids(const std::vector<Entry>& entries) {
  std::vector<std::string> found;
  for (const auto& entry : entries) found.push_back(entry.row.session);
  return found;
}
using Ids = std::vector<std::string>;

DirectoryRefusal refusal_of(const std::expected<Directory::Published, DirectoryRefusal>& published) {
  REQUIRE(!published);
  return published.error();
}
}  // namespace

TEST_CASE("A row is created, refreshed by the same words, and gone when nobody refreshes it", "[directory]") {
  Directory directory{{}};
  const auto created = directory.publish(start, row("1"), "key", here);
  REQUIRE(created);
  CHECK(created->how == How::created);
  CHECK(created->ttl == 30s);
  const auto refreshed = directory.publish(start + 20s, row("1"), "key", here);
  REQUIRE(refreshed);
  CHECK(refreshed->how == How::refreshed);
  const auto found = directory.find(start + 49s, {}).entries;
  REQUIRE(found.size() == 1);
  CHECK(found[0].age == 49s);
  CHECK(found[0].refreshed == 29s);
  CHECK(found[0].address == here);
  CHECK(directory.find(start + 50s, {}).entries.empty());
  CHECK(directory.size() == 0);
  CHECK(directory.bytes() == 0);
  CHECK(directory.counters().expired == 1);
}

TEST_CASE("A wished life stays within the bounds", "[directory]") {
  Directory directory{{}};
  auto wish = row("1");
  for (const auto& [wished, granted] : std::initializer_list<std::pair<Duration, Duration>>{
           {1s, 15s}, {15s, 15s}, {60s, 60s}, {300s, 300s}, {24h, 300s}}) {
    wish.ttl = wished;
    CHECK(directory.publish(start, wish, "key", here)->ttl == granted);
  }
}

TEST_CASE("Only who knows the token writes a row or takes it away", "[directory]") {
  Directory directory{{}};
  REQUIRE(directory.publish(start, row("1"), "key", here));
  CHECK(refusal_of(directory.publish(start, row("1", "mine", 'b', 9), "guess", there)) ==
        DirectoryRefusal::wrong_token);
  CHECK(directory.withdraw(start, "1", "guess").error() == DirectoryRefusal::wrong_token);
  CHECK(directory.find(start, {}).entries[0].row.name == "den");
  CHECK(directory.withdraw(start, "1", "key"));
  CHECK(directory.find(start, {}).entries.empty());
  CHECK(directory.withdraw(start, "1", "key").error() == DirectoryRefusal::not_found);
}

TEST_CASE("A new host takes the row over with a higher epoch, and the old one cannot write or end it any more",
          "[directory]") {
  Directory directory{{}};
  REQUIRE(directory.publish(start, row("1", "den", 'a', 3), "key", here));
  CHECK(refusal_of(directory.publish(start, row("1", "den", 'b', 3), "key", there)) == DirectoryRefusal::stale_epoch);
  const auto taken = directory.publish(start + 5s, row("1", "den", 'b', 4), "key", there);
  REQUIRE(taken);
  CHECK(taken->how == How::taken_over);
  CHECK(refusal_of(directory.publish(start + 6s, row("1", "den", 'a', 3), "key", here)) ==
        DirectoryRefusal::stale_epoch);
  CHECK(directory.withdraw(start + 6s, "1", "key", 3).error() == DirectoryRefusal::stale_epoch);
  const auto found = directory.find(start + 7s, {.session = "1"}).entries;
  REQUIRE(found.size() == 1);
  CHECK(found[0].row.host == member('b'));
  CHECK(found[0].address == there);
  CHECK(found[0].age == 7s);  // of the session, not of its host
  CHECK(directory.withdraw(start + 8s, "1", "key", 4));
}

TEST_CASE("Lists hold what is listed and open, the oldest first", "[directory]") {
  Directory directory{{}};
  for (const auto* id : {"c", "a", "d", "b"}) REQUIRE(directory.publish(start, row(id, id), "key", here));
  auto hidden = row("d", "d");
  hidden.visibility = Visibility::hidden;
  auto locked = row("b", "b");
  locked.doors = Doors::locked;
  REQUIRE(directory.publish(start, hidden, "key", here));
  REQUIRE(directory.publish(start, locked, "key", here));
  CHECK(ids(directory.find(start, {}).entries) == Ids{"c", "a"});
  CHECK(ids(directory.find(start, {.game = "chess"}).entries) == Ids{"c", "a"});

  SECTION("by exact name the others are found too, so that a joiner hears that it is locked") {
    CHECK(directory.find(start, {.name = "b"}).entries.at(0).row.doors == Doors::locked);
    CHECK(ids(directory.find(start, {.name = "d"}).entries) == Ids{"d"});
    CHECK(ids(directory.find(start, {.session = "d"}).entries) == Ids{"d"});
    CHECK(directory.find(start, {.name = "dd"}).entries.empty());
    CHECK(directory.find(start, {.doors = Doors::open, .name = "b"}).entries.empty());
  }
  SECTION("unlocked it is listed again, in its old place") {
    REQUIRE(directory.publish(start, row("b", "b"), "key", here));
    CHECK(ids(directory.find(start, {}).entries) == Ids{"c", "a", "b"});
  }
}

TEST_CASE("Of sessions that share a name the oldest listed one comes first, hidden and locked ones last",
          "[directory]") {
  Directory directory{{}};
  auto hidden = row("1");
  hidden.visibility = Visibility::hidden;
  REQUIRE(directory.publish(start, hidden, "key", here));
  REQUIRE(directory.publish(start + 1s, row("2"), "key", here));
  REQUIRE(directory.publish(start + 2s, row("3"), "key", there));
  CHECK(ids(directory.find(start + 3s, {.name = "den"}).entries) == Ids{"2", "3", "1"});
  REQUIRE(directory.publish(start + 4s, row("2"), "key", here));  // a refresh changes no order
  CHECK(ids(directory.find(start + 5s, {.name = "den"}).entries) == Ids{"2", "3", "1"});
}

TEST_CASE("Rows are chosen by game, tags, room, password and blocked hosts", "[directory]") {
  Directory directory{{}};
  auto chess = row("1", "den", 'a');
  chess.tags = {{"map", "north"}, {"mode", "duel"}};
  chess.members = 2;
  chess.max = 2;
  auto cards = row("2", "den", 'b');
  cards.game = "cards";
  cards.tags = {{"map", "north"}};
  cards.members = 1;
  cards.max = 4;
  cards.has_password = true;
  auto endless = row("3", "den", 'c');
  endless.members = 900;
  for (const auto& one : {chess, cards, endless}) REQUIRE(directory.publish(start, one, "key", here));
  CHECK(ids(directory.find(start, {.game = "cards"}).entries) == Ids{"2"});
  CHECK(directory.find(start, {.game = "card"}).entries.empty());
  CHECK(ids(directory.find(start, {.tags = {{"map", "north"}}}).entries) == Ids{"1", "2"});
  CHECK(ids(directory.find(start, {.tags = {{"map", "north"}, {"mode", "duel"}}}).entries) == Ids{"1"});
  CHECK(directory.find(start, {.tags = {{"map", "south"}}}).entries.empty());
  CHECK(ids(directory.find(start, {.room = Query::Room::not_full}).entries) == Ids{"2", "3"});
  CHECK(ids(directory.find(start, {.password = Query::Password::without}).entries) == Ids{"1", "3"});
  CHECK(ids(directory.find(start, {.blocked = {member('a'), member('c')}}).entries) == Ids{"2"});
  CHECK(ids(directory.find(start, {.most = 2}).entries) == Ids{"1", "2"});
}

TEST_CASE("A host that was lost is remembered, and forgotten by half in an hour", "[directory]") {
  Directory directory{{}};
  REQUIRE(directory.publish(start, row("1", "den", 'a', 1), "key", here));
  REQUIRE(directory.publish(start, row("1", "den", 'b', 2), "key", there, HostEnd::lost));
  CHECK(directory.failed_to_host(start, member('a')) == 1);
  CHECK(directory.failed_to_host(start, member('b')) == 0);
  CHECK(directory.failed_to_host(start + 1h, member('a')) == test::approx(0.5));
  CHECK(directory.failed_to_host(start + 5h, member('a')) == 0);

  SECTION("it is shown with whatever that member hosts, and told to hosts that count on it") {
    auto next = row("2", "lair", 'a');
    next.entry_points = {member('a'), member('c')};
    const auto published = directory.publish(start + 1h, next, "other", here);
    REQUIRE(published);
    CHECK(published->failed_to_host.size() == 1);
    CHECK(published->failed_to_host.at(member('a')) == test::approx(0.5));
    CHECK(directory.find(start + 1h, {.session = "2"}).entries.at(0).failed_to_host == test::approx(0.5));
  }
  SECTION("a host that left in order is not counted") {
    REQUIRE(directory.publish(start, row("1", "den", 'c', 3), "key", there, HostEnd::left));
    CHECK(directory.failed_to_host(start, member('b')) == 0);
  }
  SECTION("one address cannot say it again within an hour, another one can") {
    REQUIRE(directory.publish(start, row("1", "den", 'a', 3), "key", there));
    REQUIRE(directory.publish(start, row("1", "den", 'b', 4), "key", there, HostEnd::lost));
    CHECK(directory.failed_to_host(start, member('a')) == 1);
    REQUIRE(directory.publish(start, row("1", "den", 'a', 5), "key", there));
    REQUIRE(directory.publish(start, row("1", "den", 'b', 6), "key", here, HostEnd::lost));
    CHECK(directory.failed_to_host(start, member('a')) == 2);
  }
  SECTION("nobody without the token can say it") {
    CHECK(!directory.publish(start, row("1", "den", 'c', 3), "guess", there, HostEnd::lost));
    CHECK(directory.failed_to_host(start, member('b')) == 0);
  }
}

TEST_CASE("What strangers can make the directory keep is bounded", "[directory]") {
  Directory directory{{.limits = {.rows = 4, .rows_per_address = 2, .bytes = 5000, .hosts_remembered = 2}}};
  REQUIRE(directory.publish(start, row("1"), "key", here));
  REQUIRE(directory.publish(start, row("2"), "key", here));

  SECTION("by one address") {
    CHECK(refusal_of(directory.publish(start, row("3"), "key", here)) == DirectoryRefusal::full);
    CHECK(directory.publish(start, row("2"), "key", here));
    CHECK(directory.publish(start, row("3"), "key", there));
    REQUIRE(directory.withdraw(start, "1", "key"));
    CHECK(directory.publish(start, row("4"), "key", here));
  }
  SECTION("by an IPv6 network, which counts as one") {
    for (const auto* id : {"3", "4"})
      CHECK(directory.publish(start, row(id), "key", *parse_ip_address(fmt::format("2001:db8::{}", id))));
    REQUIRE(directory.withdraw(start, "1", "key"));
    CHECK(refusal_of(directory.publish(start, row("5"), "key", *parse_ip_address("2001:db8::5"))) ==
          DirectoryRefusal::full);
  }
  SECTION("in rows; what has run out makes room") {
    REQUIRE(directory.publish(start + 1s, row("3"), "key", there));
    REQUIRE(directory.publish(start + 1s, row("4"), "key", there));
    const auto third = *parse_ip_address("198.51.100.3");
    CHECK(refusal_of(directory.publish(start + 29s, row("5"), "key", third)) == DirectoryRefusal::full);
    CHECK(directory.publish(start + 30s, row("5"), "key", third));
  }
  SECTION("in bytes") {
    auto big = row("3");
    big.columns = std::string(3500, 'x');
    CHECK(refusal_of(directory.publish(start, big, "key", there)) == DirectoryRefusal::full);
    big = row("2");
    big.columns = std::string(4000, 'x');
    CHECK(refusal_of(directory.publish(start, big, "key", here)) == DirectoryRefusal::full);
    REQUIRE(directory.withdraw(start, "1", "key"));
    CHECK(directory.publish(start, big, "key", here));
  }
  SECTION("in remembered hosts: who has faded most goes first") {
    std::uint64_t epoch = 1;
    for (const char lost : {'a', 'b', 'c'}) {
      const auto next = static_cast<char>(lost + 1);
      REQUIRE(directory.publish(start + epoch * 1s, row("1", "den", next, epoch + 1), "key", here, HostEnd::lost));
      ++epoch;
    }
    CHECK(directory.hosts_remembered() == 2);
    CHECK(directory.failed_to_host(start + 4s, member('a')) == 0);
    CHECK(directory.failed_to_host(start + 4s, member('c')) > 0);
  }
}

TEST_CASE("A field out of bounds is refused, and changes nothing", "[directory]") {
  Directory directory{{}};
  std::vector<Row> wrong;
  const auto change = [&](auto&& make) { make(wrong.emplace_back(row("1"))); };
  change([](Row& r) { r.session = ""; });
  change([](Row& r) { r.session = std::string(65, '1'); });
  change([](Row& r) { r.session = "1/2"; });
  change([](Row& r) { r.name = std::string(129, 'n'); });
  change([](Row& r) { r.name = "a\x1b[2J"; });
  change([](Row& r) { r.game = std::string(65, 'g'); });
  change([](Row& r) { r.version = "1\n2"; });
  change([](Row& r) { r.host = "me"; });
  change([](Row& r) { r.host = std::string(64, 'A'); });
  change([](Row& r) { r.entry_points = {"you"}; });
  change([](Row& r) { r.entry_points.assign(9, member('a')); });
  change([](Row& r) { r.tags = {{"", "x"}}; });
  change([](Row& r) { r.tags = {{"k", std::string(129, 'v')}}; });
  change([](Row& r) {
    for (int i = 0; i < 17; ++i) r.tags.emplace(std::to_string(i), "");
  });
  change([](Row& r) { r.knock = std::string(1025, 'k'); });
  change([](Row& r) { r.columns = std::string(4096, 'c'); });
  for (const auto& one : wrong)
    CHECK(refusal_of(directory.publish(start, one, "key", here)) == DirectoryRefusal::malformed);
  CHECK(directory.size() == 0);
  CHECK(directory.counters().refused == wrong.size());
}

TEST_CASE("Every refusal of the directory has a name of its own", "[directory]") {
  for (int i = 0; i <= static_cast<int>(DirectoryRefusal::unanswered); ++i) {
    const auto refusal = static_cast<DirectoryRefusal>(i);
    CHECK(parse_directory_refusal(to_text(refusal)) == refusal);
  }
  CHECK(!parse_directory_refusal("whatever"));
}

TEST_CASE("Pages end where they are full, and go on after that", "[directory]") {
  Directory directory{{.limits = {.found = 3}}};
  for (const auto* id : {"1", "2", "3", "4", "5", "6", "7"}) REQUIRE(directory.publish(start, row(id), "key", here));
  const auto first = directory.find(start, {});
  CHECK(ids(first.entries) == Ids{"1", "2", "3"});
  REQUIRE(first.next);
  REQUIRE(directory.withdraw(start, "4", "key"));
  const auto second = directory.find(start, {.game = "chess", .after = *first.next});
  CHECK(ids(second.entries) == Ids{"5", "6", "7"});
  CHECK(!second.next);
}
