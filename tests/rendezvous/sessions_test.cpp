// Sessions of many: rows that a client keeps in the server's directory, questions about them, and the witness.
#include <fmt/format.h>

#include "catch.hpp"
#include "raw.hpp"
#include "world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
std::string member(char digit) { return std::string(64, digit); }

Row den(std::uint64_t epoch = 1, char host = 'a') {
  return {.session = "1", .name = "den", .game = "chess", .host = member(host), .epoch = epoch};
}

/// A meeting place with a directory that can be lost.
struct Place {
  std::optional<Directory> directory{std::in_place, Directory::Config{}};
  World world{1, {.directory = &*directory}};

  World::Player& join(const std::string& id) {
    auto& player = world.join(id);
    world.run_for(1s);
    return player;
  }
  void publish(World::Player& player, const Row& row, HostEnd old_host = HostEnd::not_said) {
    player.client->publish(world.now(), row, "key", old_host);
    world.settle(player);
    world.run_for(100ms);
  }
  std::vector<Entry> find(World::Player& player, const Query& query = {}) {
    const auto question = player.client->find(world.now(), query);
    world.settle(player);
    world.run_for(1s);
    const auto all = player.all<FoundRows>();
    REQUIRE(!all.empty());
    CHECK(all.back().question == question);
    return all.back().rows;
  }
};

class Echo final : public Witness {
 public:
  std::optional<std::string> answer(Instant, std::string_view session, std::string_view text) override {
    ++asked;
    if (text == "hush") return std::nullopt;
    if (text == "flood") return std::string(longest_witness_text + 1, 'x');
    return fmt::format("{} of {}", text, session);
  }
  int asked = 0;
};
}  // namespace

TEST_CASE("A row that a client publishes stands until it is withdrawn, and others find it", "[rendezvous][directory]") {
  Place place;
  auto& host = place.join("a");
  auto& other = place.join("b");
  place.publish(host, den());
  REQUIRE(host.all<RowStands>().size() == 1);
  CHECK(host.all<RowStands>()[0].ttl == 30s);
  place.world.run_for(10min);
  const auto rows = place.find(other, {.game = "chess"});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].row == den());
  CHECK(rows[0].address == host.address);  // as seen
  CHECK(rows[0].age > 10min);
  CHECK(rows[0].refreshed < 11s);
  CHECK(host.all<RowStands>().size() == 1);  // refreshes are nobody's news
  const auto refreshes = place.directory->counters().refreshed;
  CHECK(refreshes >= 60);  // a third of 30 s, or a little sooner
  CHECK(refreshes <= 76);

  host.client->withdraw(place.world.now(), "1");
  place.world.settle(host);
  place.world.run_for(1s);
  CHECK(host.all<RowGone>().size() == 1);
  CHECK(place.find(other).empty());
}

TEST_CASE("A row of a client that fell silent is gone within its life", "[rendezvous][directory]") {
  Place place;
  auto& host = place.join("a");
  auto& other = place.join("b");
  place.publish(host, den());
  place.world.kill(host);
  place.world.run_for(18s);
  CHECK(place.find(other).size() == 1);
  place.world.run_for(12s);
  CHECK(place.find(other).empty());
}

TEST_CASE("A new host's row replaces the old one's, who is told that it is not the host any more",
          "[rendezvous][directory]") {
  Place place;
  auto& old_host = place.join("a");
  auto& new_host = place.join("b");
  place.publish(old_host, den(1, 'a'));
  place.publish(new_host, den(2, 'b'), HostEnd::lost);
  REQUIRE(new_host.all<RowStands>().size() == 1);
  CHECK(new_host.all<RowStands>()[0].epoch == 2);
  place.world.run_for(11s);  // the old one's next refresh
  REQUIRE(old_host.all<RowRefused>().size() == 1);
  CHECK(old_host.all<RowRefused>()[0].refusal == DirectoryRefusal::stale_epoch);
  CHECK(old_host.all<RowRefused>()[0].finality == Finality::final);
  const auto rows = place.find(old_host, {.session = "1"});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].row.host == member('b'));
  const auto refused = place.directory->counters().refused;
  place.world.run_for(1min);
  CHECK(place.directory->counters().refused == refused);  // it does not ask again

  SECTION("and what it did is remembered with its next session") {
    auto next = den(1, 'a');
    next.session = "2";
    next.entry_points = {member('a')};
    place.publish(old_host, next);
    CHECK(old_host.all<RowStands>().back().failed_to_host.at(member('a')) == approx(1).margin(0.05));
    CHECK(place.find(new_host, {.session = "2"})[0].failed_to_host > 0.9);
  }
}

TEST_CASE("A released row is left to whoever hosts now", "[rendezvous][directory]") {
  Place place;
  auto& old_host = place.join("a");
  auto& new_host = place.join("b");
  place.publish(old_host, den(1, 'a'));
  old_host.client->release("1");
  place.publish(new_host, den(2, 'b'), HostEnd::left);
  place.world.run_for(1min);
  CHECK(old_host.all<RowRefused>().empty());
  CHECK(place.find(old_host).size() == 1);
  CHECK(place.directory->failed_to_host(place.world.now(), member('a')) == 0);
}

TEST_CASE("A wrong token is refused for good", "[rendezvous][directory]") {
  Place place;
  auto& host = place.join("a");
  auto& thief = place.join("b");
  place.publish(host, den());
  thief.client->publish(place.world.now(), den(9, 'b'), "guess");
  place.world.settle(thief);
  place.world.run_for(1min);
  REQUIRE(thief.all<RowRefused>().size() == 1);
  CHECK(thief.all<RowRefused>()[0].refusal == DirectoryRefusal::wrong_token);
  CHECK(place.find(thief)[0].row == den());
}

TEST_CASE("After an outage, and at a server that was started anew, rows are back within seconds",
          "[rendezvous][directory][outage]") {
  Place place;
  auto& host = place.join("a");
  auto& other = place.join("b");
  place.publish(host, den());

  SECTION("when the server forgets everything") {
    place.directory.emplace(Directory::Config{});
    place.world.restart_server();
    place.world.run_for(2s);
    CHECK(place.find(other).size() == 1);
    CHECK(host.all<RowStands>().size() == 2);
  }
  SECTION("when it was away for longer than the row lives") {
    place.world.stop_server();
    place.world.run_for(2min);
    CHECK(host.all<RowRefused>().empty());  // ServerLost has said it
    place.world.start_server();
    place.world.run_for(7s);  // the longest pause before coming back is 5 s, and uneven
    CHECK(place.find(other).size() == 1);
    CHECK(host.all<RowStands>().size() == 2);
  }
  SECTION("when the withdrawal was said to nobody") {
    place.world.stop_server();
    place.world.run_for(1s);
    host.client->withdraw(place.world.now(), "1");
    place.world.start_server();
    place.world.run_for(7s);
    CHECK(place.find(other).empty());
    CHECK(host.all<RowGone>().size() == 1);
  }
  SECTION("when the question was on its way") {
    const auto question = other.client->find(place.world.now(), {});
    place.world.settle(other);
    place.world.cut(other, Cut::noticed);
    place.world.run_for(3s);
    REQUIRE(other.all<FoundRows>().size() == 1);
    CHECK(other.all<FoundRows>()[0].question == question);
    CHECK(other.all<FoundRows>()[0].rows.size() == 1);
  }
}

TEST_CASE("Who looks for a session meets its host three round trips after its start", "[rendezvous][directory]") {
  Place place;
  auto& host = place.join(member('a'));
  auto row = den();
  row.entry_points = {member('a')};
  place.publish(host, row);
  place.world.open(host, Purpose::listen, "door");
  place.world.run_for(1min);  // so that the server does not know of itself that the host is there
  const auto start = place.world.now();
  auto& joiner = place.world.join(member('b'), 50ms);
  // As soon as it can be said.
  const auto question = joiner.client->find(start, {.name = "den"});
  place.world.settle(joiner);
  joiner.react = [&](World::Player& self, const ClientEvent& event) {
    if (!std::holds_alternative<FoundRows>(event)) return;
    self.client->open(place.world.now(), {.purpose = Purpose::connect, .name = "door", .description = "of b"});
  };
  place.world.run_for(1s);

  const auto rows = joiner.all<FoundRows>();
  REQUIRE(rows.size() == 1);  // asked once
  CHECK(rows[0].question == question);
  CHECK(rows[0].rows.size() == 1);
  // The connection, and registration with the question; then the wish to connect.
  CHECK(*joiner.when<FoundRows>() - start <= 2 * 50ms + 5ms);
  REQUIRE(joiner.when<FoundPeer>());
  CHECK(*joiner.when<FoundPeer>() - start <= 3 * 50ms + 5ms);
  CHECK(*host.when<FoundPeer>() - start <= 3 * 50ms + 5ms);
}

TEST_CASE("No directory is told from an empty one, in bounded time", "[rendezvous][directory]") {
  World world;  // as a server of before that time: it passes over what it does not know
  auto& client = world.join("a");
  world.run_for(1s);
  const auto question = client.client->find(world.now(), {});
  client.client->publish(world.now(), den(), "key");
  client.client->send_witness(world.now(), "1", "who?");
  world.settle(client);
  world.run_for(6s);
  REQUIRE(client.all<NotAnswered>().size() == 1);
  CHECK(client.all<NotAnswered>()[0].question == question);
  CHECK(client.all<NotAnswered>()[0].refusal == DirectoryRefusal::unanswered);
  REQUIRE(client.all<RowRefused>().size() == 1);
  CHECK(client.all<RowRefused>()[0].finality == Finality::passing);
  world.run_for(2min);
  CHECK(client.all<RowRefused>().size() == 1);
  CHECK(client.all<ServerLost>().empty());
  CHECK(client.client->is_registered());

  Place place;
  CHECK(place.find(place.join("b")).empty());
}

TEST_CASE("A question is answered even where there is no server, or its asker leaves", "[rendezvous][directory]") {
  World world;
  auto& leaver = world.join("a");
  world.run_for(1s);
  static_cast<void>(leaver.client->find(world.now(), {}));
  leaver.client->leave(world.now());
  world.settle(leaver);
  CHECK(leaver.all<NotAnswered>().size() == 1);

  world.stop_server();
  auto& client = world.join("b");
  static_cast<void>(client.client->find(world.now(), {}));
  world.settle(client);
  world.run_for(20s);
  CHECK(client.all<NotAnswered>().size() == 1);
  CHECK(client.all<NotPossible>().size() == 1);
}

TEST_CASE("Many rows come in pages, all of them once and in order", "[rendezvous][directory]") {
  Place place;
  auto& client = place.join("a");
  for (int i = 0; i < 300; ++i) {
    auto row = den();
    row.session = fmt::format("{}", i);
    row.tags = {{"about", std::string(100, '"')}};  // each takes two characters on the wire
    REQUIRE(place.directory->publish(place.world.now(), row, "key",
                                     IpAddress::v4(0x0A000000U + static_cast<std::uint32_t>(i))));
  }
  const auto check_order = [](const std::vector<Entry>& rows, std::size_t count) {
    REQUIRE(rows.size() == count);
    for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i].row.session == fmt::format("{}", i));
  };
  check_order(place.find(client), 200);
  check_order(place.find(client, {.most = 1000}), 300);
  check_order(place.find(client, {.game = "chess", .most = 7}), 7);
  CHECK(place.find(client, {.name = "den", .most = 1000}).size() > 10);  // one page
  CHECK(client.all<ServerLost>().empty());
}

TEST_CASE("Who asks for more than a fair share is refused, and stays", "[rendezvous][directory][limits]") {
  Directory directory{{}};
  for (int i = 0; i < 40; ++i) {
    auto row = den();
    row.session = fmt::format("{}", i);
    row.columns = "{\"x\":\"" + std::string(600, 'x') + "\"}";
    REQUIRE(directory.publish(Instant{1h}, row, "key", IpAddress::v4(static_cast<std::uint32_t>(i))));
  }
  RawServer raw{{.limits = {.answer_bytes = {.burst = 80000, .per_second = 10000}}, .directory = &directory}};
  raw.enter(1, "a", "t");
  std::vector<Message> answers;
  for (std::uint32_t question = 1; question <= 4; ++question)
    for (auto& answer : raw.say(1, Find{.question = question})) answers.push_back(answer);
  REQUIRE(answers.size() == 4);
  CHECK(std::holds_alternative<Rows>(answers[0]));
  REQUIRE(find<DirectoryRefused>(answers));
  CHECK(find<DirectoryRefused>(answers)->reason == DirectoryRefusal::too_fast);
  CHECK(find<DirectoryRefused>(answers)->question == 4);
  raw.now += 10s;
  CHECK(find<Rows>(raw.say(1, Find{.question = 5})));
}

TEST_CASE("Questions that find nothing are not free either", "[rendezvous][directory][limits]") {
  Directory directory{{}};
  RawServer raw{{.directory = &directory}};
  raw.enter(1, "a", "t");
  int answered = 0;
  for (std::uint32_t question = 1; question <= 300; ++question)
    if (find<Rows>(raw.say(1, Find{.question = question, .query = {.tags = {{"no", "such"}}}}))) ++answered;
  CHECK(answered > 100);
  CHECK(answered < 140);
}

TEST_CASE("Rows are for those who have registered", "[rendezvous][directory]") {
  Directory directory{{}};
  RawServer raw{{.directory = &directory}};
  raw.say(1, Hello{});
  CHECK(find<Goodbye>(raw.say(1, Publish{.row = den(), .token = "key"})));
  CHECK(directory.size() == 0);
}

TEST_CASE("The witness is asked and heard, and its silence is silence", "[rendezvous][witness]") {
  Echo echo;
  World world{1, {.witness = &echo}};
  auto& client = world.join("a");
  world.run_for(1s);
  for (const auto* text : {"who", "hush", "flood"}) client.client->send_witness(world.now(), "7", text);
  client.client->send_witness(world.now(), "7", std::string(longest_witness_text + 1, 'x'));
  world.settle(client);
  world.run_for(1s);
  REQUIRE(client.all<WitnessSaid>().size() == 1);
  CHECK(client.all<WitnessSaid>()[0].session == "7");
  CHECK(client.all<WitnessSaid>()[0].text == "who of 7");
  CHECK(echo.asked == 3);
  CHECK(world.server->counters().witnessed == 1);
}
