// What members say of each other, and how far they agree.
#include "natkit/rendezvous/reports.hpp"

#include "catch.hpp"
#include "natkit/crypto/signature.hpp"

using namespace natkit;
using namespace natkit::rendezvous;
using namespace std::chrono_literals;

namespace {
using Reason = Report::Reason;
using enum ReportStanding;

std::string id_of(const crypto::Identity& identity) { return to_hex(identity.fingerprint().digest); }
IpAddress home(unsigned number) { return IpAddress::v4(0xC6120000U + number); }

Report report(const crypto::Identity& by, const crypto::Identity& about, Reason reason = Reason::aborted,
              char session = '1') {
  Report out{.session = std::string(32, session),
             .epoch = 1,
             .member = id_of(about),
             .reason = reason,
             .text = {},
             .certificate = crypto::certificate_of(by),
             .signature = {}};
  out.signature = crypto::sign(by, report_text(out));
  return out;
}

struct Court {
  Reports reports{{}};
  Instant now{1h};
  crypto::Identity anna = crypto::Identity::make(), ben = crypto::Identity::make(), carl = crypto::Identity::make();

  ReportStanding take(const Report& what, unsigned from) { return reports.take(now, what, home(from)).value(); }
  [[nodiscard]] Reputation of(const crypto::Identity& who) const { return reports.reputation_of(now, id_of(who)); }
};
}  // namespace

TEST_CASE("An abort that both sides tell alike is agreed", "[reports]") {
  Court court;
  CHECK(court.take(report(court.anna, court.ben), 1) == one_sided);
  CHECK(court.of(court.ben).disputed == 0);  // not yet
  CHECK(court.take(report(court.ben, court.ben), 2) == agreed);
  CHECK(court.of(court.ben).agreed == 1);
  CHECK(court.of(court.ben).disputed == 0);
  CHECK(court.of(court.anna).disputed == 0);
}

TEST_CASE("A one-sided report is disputed when the other side says nothing in time", "[reports]") {
  Court court;
  court.take(report(court.anna, court.ben), 1);
  court.now += 2min;
  court.reports.expire(court.now);
  CHECK(court.of(court.ben).disputed == 1);
  CHECK(court.of(court.ben).agreed == 0);
  CHECK(court.reports.cases() == 0);
}

TEST_CASE("Two who accuse each other are disputed, both", "[reports]") {
  Court court;
  CHECK(court.take(report(court.anna, court.ben), 1) == one_sided);
  CHECK(court.take(report(court.ben, court.anna), 2) == disputed);
  CHECK(court.of(court.anna).disputed == 1);
  CHECK(court.of(court.ben).disputed == 1);
  court.now += 3min;
  court.reports.expire(court.now);
  CHECK(court.of(court.ben).disputed == Approx(1).epsilon(0.01));  // once
}

TEST_CASE("A second reporter at another address confirms; at the same address he does not", "[reports]") {
  Court court;
  court.take(report(court.anna, court.carl, Reason::cheating), 1);
  CHECK(court.take(report(court.ben, court.carl, Reason::cheating), 1) == one_sided);
  CHECK(court.of(court.carl).agreed == 0);
  const auto fourth = crypto::Identity::make();
  CHECK(court.take(report(fourth, court.carl, Reason::abuse), 2) == one_sided);  // of something else
  const auto fifth = crypto::Identity::make();
  CHECK(court.take(report(fifth, court.carl, Reason::cheating), 3) == agreed);
  CHECK(court.of(court.carl).agreed == 1);
}

TEST_CASE("Who says the same twice, or with another's name, changes nothing", "[reports]") {
  Court court;
  const auto once = report(court.anna, court.ben);
  court.take(once, 1);
  CHECK(court.take(once, 2) == one_sided);  // the same from another address
  auto forged = report(court.anna, court.ben, Reason::cheating);
  forged.certificate = crypto::certificate_of(court.carl);
  CHECK(court.reports.take(court.now, forged, home(3)).error() == ReportRefusal::not_signed);
  auto altered = report(court.carl, court.ben);
  altered.epoch = 9;
  CHECK(court.reports.take(court.now, altered, home(3)).error() == ReportRefusal::not_signed);
  altered.text = "two\nlines";
  CHECK(court.reports.take(court.now, altered, home(3)).error() == ReportRefusal::malformed);
}

TEST_CASE("What is agreed of one doing says nothing of another", "[reports]") {
  Court court;
  court.take(report(court.anna, court.ben), 1);
  CHECK(court.take(report(court.ben, court.ben), 2) == agreed);
  CHECK(court.take(report(court.anna, court.ben, Reason::cheating), 1) == one_sided);
}

TEST_CASE("Who is often alone with what he says counts less", "[reports]") {
  Court court;
  for (const char session : {'1', '2', '3'}) {
    court.take(report(court.anna, court.ben, Reason::aborted, session), 1);
    court.now += 3min;
    court.reports.expire(court.now);
  }
  CHECK(court.of(court.ben).disputed == Approx(1 + 1.0 / 2 + 1.0 / 3).epsilon(0.02));
}

TEST_CASE("One address says no more than 20 things in an hour", "[reports]") {
  Court court;
  for (int i = 0; i < 20; ++i)
    CHECK(court.reports.take(court.now, report(court.anna, court.ben, Reason::other, static_cast<char>('a' + i % 6)),
                             home(1)));
  CHECK(court.reports.take(court.now, report(court.anna, court.ben), home(1)).error() == ReportRefusal::too_fast);
  CHECK(court.reports.take(court.now, report(court.anna, court.ben), home(2)));
  court.now += 1h;
  CHECK(court.reports.take(court.now, report(court.anna, court.carl), home(1)));
}

TEST_CASE("Half of it is forgotten in a day", "[reports]") {
  Court court;
  court.take(report(court.anna, court.ben), 1);
  court.take(report(court.ben, court.ben), 2);
  court.now += 24h;
  CHECK(court.of(court.ben).agreed == Approx(0.5));
  court.now += 24h * 30;
  CHECK(court.of(court.ben).agreed == 0);
}

TEST_CASE("Two who show the same of the session weigh more than two who show nothing, or different things",
          "[reports]") {
  const auto with = [](Report what, const crypto::Identity& by, std::uint8_t evidence) {
    what.evidence.emplace().fill(evidence);
    what.signature = crypto::sign(by, report_text(what));
    return what;
  };
  Court court;
  const auto by_anna = report(court.anna, court.ben), by_ben = report(court.ben, court.ben);
  SECTION("the same") {
    court.take(with(by_anna, court.anna, 1), 1);
    CHECK(court.take(with(by_ben, court.ben, 1), 2) == agreed);
    CHECK(court.of(court.ben).agreed == 1.5);
  }
  SECTION("different") {
    court.take(with(by_anna, court.anna, 1), 1);
    CHECK(court.take(with(by_ben, court.ben, 2), 2) == agreed);
    CHECK(court.of(court.ben).agreed == 1);
  }
  SECTION("one of them nothing") {
    court.take(with(by_anna, court.anna, 1), 1);
    CHECK(court.take(by_ben, 2) == agreed);
    CHECK(court.of(court.ben).agreed == 1);
  }
  SECTION("alone") {
    court.take(with(by_anna, court.anna, 1), 1);
    court.now += 2min;
    court.reports.expire(court.now);
    CHECK(court.of(court.ben).disputed == 1);  // evidence does not make one voice two
  }
  SECTION("what was not signed is no evidence") {
    auto forged = with(by_anna, court.anna, 1);
    forged.evidence->fill(2);
    CHECK(court.reports.take(court.now, forged, home(1)).error() == ReportRefusal::not_signed);
  }
}
