#include "natkit/mesh/view.hpp"

#include "catch.hpp"
#include "natkit/mesh/message.hpp"
#include "natkit/mesh/succession.hpp"
#include "world.hpp"

namespace natkit::test {
namespace {
using mesh::MemberId;
using mesh::Title;
using mesh::Version;
using mesh::View;

/// Of members 0 to 4, whose host is 0; 4 has no vote.
View session() {
  View view{.host = member_id(0), .settings = {.name = "den", .tags = {{"map", "dust"}}, .password = {{1, 2}}}};
  view.version = {.epoch = 3, .title = Title::elected, .sequence = 9};
  for (unsigned number = 0; number < 5; ++number)
    view.members.push_back({.self = {.id = member_id(number), .incarnation = mesh::Incarnation{7}, .name = "m"},
                            .number = number + 1,
                            .is_voter = number < 4});
  for (unsigned number = 1; number < 5; ++number) view.succession.push_back(member_id(number));
  view.departed.push_back({member_id(9), mesh::Incarnation{1}, mesh::Departure::lost});
  view.banned.push_back(member_id(8));
  view.numbers_given = 10;
  view.signature = QuickSignatures{member_id(0)}.sign(body(view));
  return view;
}

View first_of(const View& base, unsigned leader, std::uint64_t epoch, Title title) {
  View first = base;
  first.mandate = mesh::Mandate{.base = base.version, .base_host = base.host, .base_signature = base.signature};
  first.version = {.epoch = epoch, .title = title, .sequence = base.version.sequence + 1};
  first.host = member_id(leader);
  first.signature = QuickSignatures{member_id(leader)}.sign(body(first));
  return first;
}
mesh::Vote vote(const View& first, unsigned voter) {
  return {member_id(voter), QuickSignatures{member_id(voter)}.sign(
                                vote_text(first.session, first.version.epoch, first.host, first.mandate->base))};
}
const QuickSignatures signatures{member_id(1)};
}  // namespace

TEST_CASE("Epochs, then titles, then sequences tell which view is later", "[mesh][view]") {
  CHECK(Version{2, Title::handed_over, 1} > Version{1, Title::elected, 9});
  CHECK(Version{2, Title::elected, 1} > Version{2, Title::handed_over, 9});
  CHECK(Version{2, Title::elected, 2} > Version{2, Title::elected, 1});
}

TEST_CASE("A majority is more than half of those who vote", "[mesh][view]") {
  CHECK(session().voters() == 4);
  CHECK(session().quorum() == 3);
}

TEST_CASE("An election follows from the view that it was made from, with a majority's votes", "[mesh][view]") {
  const auto base = session();
  auto first = first_of(base, 1, 4, Title::elected);
  CHECK_FALSE(follows(base, first, signatures));
  for (unsigned voter = 1; voter < 4; ++voter) first.mandate->votes.push_back(vote(first, voter));
  CHECK(follows(base, first, signatures));

  SECTION("not with fewer") { first.mandate->votes.pop_back(); }
  SECTION("not with one's twice") { first.mandate->votes[2] = first.mandate->votes[1]; }
  SECTION("not with that of a member without a vote") { first.mandate->votes[2] = vote(first, 4); }
  SECTION("not with a vote for another epoch") {
    auto other = first;
    other.version.epoch = 5;
    first.mandate->votes[2] = vote(other, 3);
  }
  SECTION("not with anything else changed") {
    first.settings.most = 4;
    first.signature = QuickSignatures{member_id(1)}.sign(body(first));
  }
  SECTION("not signed by another than its host") { first.signature = QuickSignatures{member_id(2)}.sign(body(first)); }
  SECTION("not under a host without a vote") {
    first = first_of(base, 4, 4, Title::elected);
    for (unsigned voter = 0; voter < 4; ++voter) first.mandate->votes.push_back(vote(first, voter));
  }
  SECTION("not in an epoch that is over") {
    first = first_of(base, 1, 3, Title::elected);
    for (unsigned voter = 0; voter < 4; ++voter) first.mandate->votes.push_back(vote(first, voter));
  }
  SECTION("not from a view that nobody knows") { first.mandate->base.epoch = 2; }
  SECTION("not in another session") { first.session.bytes[0] ^= 1; }
  CHECK_FALSE(follows(base, first, signatures));
}

TEST_CASE("A handover follows with the old host's signature, into the very next epoch", "[mesh][view]") {
  const auto base = session();
  const auto hand_over = [&](std::uint64_t epoch, unsigned signer) {
    auto first = first_of(base, 2, epoch, Title::handed_over);
    first.mandate->handover =
        QuickSignatures{member_id(signer)}.sign(handover_text(first.session, epoch, first.host, base.version));
    return follows(base, first, signatures);
  };
  CHECK(hand_over(4, 0));
  CHECK_FALSE(hand_over(4, 1));
  CHECK_FALSE(hand_over(5, 0));
}

TEST_CASE("What is signed as one thing is not signed as another", "[mesh][view]") {
  const auto view = session();
  const auto& version = view.version;
  CHECK(vote_text(view.session, 4, view.host, version) != handover_text(view.session, 4, view.host, version));
  CHECK(struck_text(view.session, version, view.departed[0]) != end_text(view.session, version));
}

TEST_CASE("A view comes over the wire as it was, and no shorter", "[mesh][wire]") {
  const auto base = session();
  auto first = first_of(base, 1, 4, Title::elected);
  first.mandate->votes.push_back(vote(first, 2));
  const mesh::Views views{.foundings = {first}, .latest = base};
  const auto bytes = write_message(base.session, views);
  const auto read = mesh::parse_message(bytes);
  REQUIRE(read);
  CHECK(read->session == tag_of(base.session));
  CHECK(std::get<mesh::Views>(read->message) == views);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    if (mesh::parse_message(ByteView{bytes}.first(size))) FAIL("a message of " << size << " bytes was read");
  auto longer = bytes;
  longer.push_back(0);
  CHECK_FALSE(mesh::parse_message(longer));
}

TEST_CASE("Counts beyond their bound, choices and flags that there are not, are malformed", "[mesh][wire]") {
  const mesh::Wish wish{mesh::Wish::Kind::not_ready};
  auto bytes = mesh::write_message({}, wish);
  CHECK(mesh::parse_message(bytes));
  bytes.back() = 2;
  CHECK_FALSE(mesh::parse_message(bytes));

  mesh::Heartbeat beat;
  beat.rtts.assign(mesh::most_members, 1);
  CHECK(mesh::parse_message(mesh::write_message({}, beat)));
  beat.rtts.push_back(1);
  CHECK_FALSE(mesh::parse_message(mesh::write_message({}, beat)));
  beat.rtts.clear();
  bytes = mesh::write_message({}, beat);
  bytes.back() = 2;  // `asks`
  CHECK_FALSE(mesh::parse_message(bytes));

  mesh::JoinRequest request{.self = {.name = std::string(64, 'n')}};
  CHECK(mesh::parse_message(mesh::write_message({}, request)));
  request.self.name += 'n';
  CHECK_FALSE(mesh::parse_message(mesh::write_message({}, request)));
  CHECK_FALSE(mesh::parse_message(Bytes{99, 0, 0, 0, 0}));
}

TEST_CASE("Policies order the succession, and no more", "[mesh][succession]") {
  auto view = session();
  const auto order = [&](mesh::Policy policy, const std::map<MemberId, mesh::Aptitude>& known) {
    view.settings.policy = policy;
    std::vector<unsigned> numbers;
    for (const auto& id : succession_of(view, known)) numbers.push_back(id.bytes[1]);
    return numbers;
  };
  using Numbers = std::vector<unsigned>;
  std::map<MemberId, mesh::Aptitude> known;
  CHECK(order(mesh::Policy::oldest, known) == Numbers{1, 2, 3, 4});
  // Of whom nothing is known none is better than another.
  for (const auto policy : {mesh::Policy::reach, mesh::Policy::rtt, mesh::Policy::score})
    CHECK(order(policy, known) == Numbers{1, 2, 3, 4});

  known[member_id(1)] = {.reach = mesh::Reach::hard, .mean_rtt = 90ms, .strain = 90};
  known[member_id(2)] = {.reach = mesh::Reach::easy, .mean_rtt = 40ms, .strain = 90};
  known[member_id(3)] = {.reach = mesh::Reach::open, .mean_rtt = 60ms, .strain = 0};
  CHECK(order(mesh::Policy::oldest, known) == Numbers{1, 2, 3, 4});
  CHECK(order(mesh::Policy::reach, known) == Numbers{3, 2, 1, 4});
  CHECK(order(mesh::Policy::rtt, known) == Numbers{2, 3, 1, 4});
  CHECK(order(mesh::Policy::score, known).front() == 3);

  view.succession = {member_id(3), member_id(1), member_id(2)};
  CHECK(order(mesh::Policy::manual, known) == Numbers{3, 1, 2, 4});
}

TEST_CASE("What is not known about a member counts as middling in its score", "[mesh][succession]") {
  CHECK(mesh::score_of({}, 8).total == approx(0.5));
  CHECK(mesh::score_of({.reach = mesh::Reach::open, .reached = 7U}, 8).reach == approx(1));
  CHECK(mesh::score_of({.loss = 0.0}, 8).total > 0.5);
  CHECK(mesh::score_of({.failures = 5.0}, 8).total < 0.5);
}
}  // namespace natkit::test
