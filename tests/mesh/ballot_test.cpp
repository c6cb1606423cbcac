#include "natkit/mesh/ballot.hpp"

#include "catch.hpp"
#include "natkit/mesh/lease.hpp"
#include "world.hpp"

namespace natkit::test {
namespace {
using mesh::Ballot;
using mesh::Lease;

const auto now = Instant{} + 1h;
const auto anna = member_id(1), ben = member_id(2);

mesh::View view_of(unsigned voters) {
  mesh::View view{.host = member_id(0)};
  for (unsigned number = 0; number < voters; ++number)
    view.members.push_back({.self = {.id = member_id(number)}, .number = number + 1, .is_voter = true});
  return view;
}
}  // namespace

TEST_CASE("A voter votes once in each epoch", "[mesh][ballot]") {
  Ballot ballot{1s};
  CHECK(ballot.may_vote(now, 2, anna));
  ballot.vote(2, anna);
  CHECK(ballot.may_vote(now, 2, anna));  // who did not hear of it asks again
  CHECK_FALSE(ballot.may_vote(now, 2, ben));
  CHECK_FALSE(ballot.may_vote(now, 1, anna));
  CHECK(ballot.may_vote(now, 3, ben));
}

TEST_CASE("A promise binds until its time is over, and counts as a vote", "[mesh][ballot]") {
  Ballot ballot{1s};
  ballot.follow(2, anna);
  REQUIRE(ballot.promise(now, 2, anna));
  CHECK(ballot.promised_until() == now + 1s);
  CHECK_FALSE(ballot.may_vote(now + 999ms, 3, ben));
  CHECK(ballot.may_vote(now + 999ms, 3, anna));
  CHECK(ballot.may_vote(now + 1s, 3, ben));
  CHECK_FALSE(ballot.may_vote(now + 1s, 2, ben));
}

TEST_CASE("Who voted for one host acknowledges no other in that epoch, nor two at a time", "[mesh][ballot]") {
  Ballot ballot{1s};
  ballot.vote(2, anna);
  CHECK_FALSE(ballot.promise(now, 2, ben));
  CHECK(ballot.promise(now, 2, anna));
  CHECK_FALSE(ballot.promise(now + 500ms, 3, ben));
  CHECK(ballot.promise(now + 1s, 3, ben));
}

TEST_CASE("Who has voted for a later epoch acknowledges nothing of an earlier one", "[mesh][ballot]") {
  Ballot ballot{1s};
  REQUIRE(ballot.promise(now, 2, anna));
  ballot.vote(3, ben);
  CHECK_FALSE(ballot.promise(now + 2s, 2, anna));
  CHECK(ballot.promise(now + 2s, 3, ben));
}

TEST_CASE("Who is known to act no more is owed nothing, but for another epoch he is", "[mesh][ballot]") {
  Ballot ballot{1s};
  REQUIRE(ballot.promise(now, 2, anna));
  ballot.release(1);
  CHECK_FALSE(ballot.may_vote(now, 3, ben));
  ballot.release(2);
  CHECK(ballot.may_vote(now, 3, ben));
}

TEST_CASE("A host's lease counts from when what a majority echoes was sent", "[mesh][lease]") {
  Lease lease{1s};
  const auto view = view_of(5);
  lease.sent(now, 1);
  lease.sent(now + 200ms, 2);
  CHECK_FALSE(lease.holds(now, view, view.host));
  lease.acknowledged(member_id(1), 2);
  CHECK_FALSE(lease.holds(now + 300ms, view, view.host));
  lease.acknowledged(member_id(2), 1);  // with the host three of five: as long as the weaker one
  CHECK(lease.until(view, view.host) == now + 1s);
  CHECK(lease.holds(now + 999ms, view, view.host));
  CHECK_FALSE(lease.holds(now + 1s, view, view.host));
  lease.acknowledged(member_id(3), 2);
  CHECK(lease.until(view, view.host) == now + 1200ms);
}

TEST_CASE("Echoes of what was never sent, of old or of strangers lengthen no lease", "[mesh][lease]") {
  Lease lease{1s};
  auto view = view_of(3);
  lease.sent(now, 1);
  lease.acknowledged(member_id(1), 65);  // its place in the ring, another number
  lease.acknowledged(member_id(1), 1000);
  lease.acknowledged(member_id(9), 1);
  CHECK_FALSE(lease.holds(now, view, view.host));
  lease.sent(now + 10s, 65);
  lease.acknowledged(member_id(1), 1);
  CHECK_FALSE(lease.holds(now, view, view.host));
  lease.acknowledged(member_id(1), 65);
  CHECK(lease.holds(now + 10s, view, view.host));
  view.members[1].is_voter = false;
  view.members[2].is_voter = false;
  view.members.push_back({.self = {.id = member_id(4)}, .is_voter = true});
  CHECK_FALSE(lease.holds(now + 10s, view, view.host));
}

TEST_CASE("A new epoch begins without a lease, and alone one needs none", "[mesh][lease]") {
  Lease lease{1s};
  const auto view = view_of(2);
  lease.sent(now, 1);
  lease.acknowledged(member_id(1), 1);
  CHECK(lease.holds(now, view, view.host));
  lease.reset();
  CHECK_FALSE(lease.holds(now, view, view.host));
  CHECK(lease.holds(now, view_of(1), view.host));
}
}  // namespace natkit::test
