// The rules of RFC 8445, 8838, 7675 one by one, with a peer that the test plays.
#include "natkit/ice/agent.hpp"

#include "catch.hpp"
#include "ice/solo.hpp"
#include "natkit/stun/integrity.hpp"

using namespace natkit;
using namespace natkit::ice;
using namespace natkit::test;
using stun::AttributeType;
using stun::MessageClass;

namespace {
const Endpoint remote = "198.51.100.9:7000"_ep;
}  // namespace

TEST_CASE("A check names both sides, its role, and is proven with the peer's password", "[agent]") {
  const auto role = GENERATE(Role::controlling, Role::controlled);
  Solo solo{role};
  solo.add_remote(remote);
  solo.begin();
  const auto checks = solo.checks();
  REQUIRE(checks.size() == 1);
  CHECK(checks[0].remote == remote);
  CHECK(checks[0].hop_limit == 64);
  const auto check = message_of(checks[0]);
  CHECK(check->text(AttributeType::username) == "peer:" + solo.agent.credentials().ufrag);
  CHECK(is_authentic(*check, solo.peer.password));
  CHECK(check->find(AttributeType::ice_controlling).has_value() == (role == Role::controlling));
  CHECK(check->find(AttributeType::ice_controlled).has_value() == (role == Role::controlled));
  CHECK(check->u32(AttributeType::priority) == priority(Kind::peer_reflexive, Transport::udp, best_local_preference));
  CHECK_FALSE(check->find(AttributeType::use_candidate));
}

TEST_CASE("The first answer makes a path, and the controlling agent nominates it at once", "[agent]") {
  Solo solo;
  solo.add_remote(remote);
  solo.begin();
  const auto first = solo.checks();
  solo.now += 50ms;
  REQUIRE(solo.answer(first.at(0)));
  CHECK(solo.agent.state() == Agent::State::connected);
  REQUIRE(solo.agent.path());
  CHECK(solo.agent.path()->remote == remote);
  CHECK(solo.agent.path()->mapped == "203.0.113.1:40000"_ep);
  CHECK(solo.agent.path()->rtt == Duration{50ms});
  const auto nomination = solo.checks();
  REQUIRE(nomination.size() == 1);
  CHECK(message_of(nomination[0])->find(AttributeType::use_candidate));
  REQUIRE(solo.answer(nomination[0]));
  CHECK(solo.agent.state() == Agent::State::completed);
  CHECK(solo.count<Agent::PathSelected>() == 1);
  CHECK(solo.count<Agent::Completed>() == 1);
}

TEST_CASE("The controlled agent uses a valid pair and follows the nomination", "[agent]") {
  Solo solo{Role::controlled};
  const auto better = "198.51.100.9:7001"_ep;
  solo.add_remote(better, Kind::host);
  solo.add_remote(remote);
  solo.begin();
  const auto checks = solo.checks();
  REQUIRE(checks.size() == 2);
  solo.now += 50ms;
  for (const auto& check : checks) solo.answer(check);
  CHECK(solo.agent.path()->remote == better);
  auto nomination = solo.plain();
  nomination.nomination = 3;
  solo.receive(remote, solo.check(nomination));
  CHECK(solo.agent.path()->remote == remote);
  CHECK(solo.agent.state() == Agent::State::completed);
  SECTION("an older one does not turn it back") {
    nomination.nomination = 2;
    solo.receive(better, solo.check(nomination));
    CHECK(solo.agent.path()->remote == remote);
  }
  SECTION("a newer one does") {
    nomination.nomination = 4;
    solo.receive(better, solo.check(nomination));
    CHECK(solo.agent.path()->remote == better);
  }
}

TEST_CASE("A nomination that comes before the pair is valid counts when it is", "[agent]") {
  Solo solo{Role::controlled};
  solo.add_remote(remote);
  solo.begin();
  auto nomination = solo.plain();
  nomination.nomination = 1;
  solo.receive(remote, solo.check(nomination));
  CHECK_FALSE(solo.agent.path());
  solo.answer(solo.checks().back());
  CHECK(solo.agent.state() == Agent::State::completed);
}

TEST_CASE("A check is answered with the address it came from, proven with our password", "[agent]") {
  Solo solo{Role::controlled};
  solo.begin();
  (void)solo.sent();
  const auto stranger = "203.0.113.77:1234"_ep;
  REQUIRE(solo.receive(stranger, solo.check()));
  const auto out = solo.sent();
  REQUIRE(out.size() == 2);
  const auto answer = message_of(out[0]);
  CHECK(answer->message_class() == MessageClass::success);
  CHECK(answer->endpoint(AttributeType::xor_mapped_address) == stranger);
  CHECK(is_authentic(*answer, solo.agent.credentials().password));
  // And the triggered check goes back to where it came from.
  CHECK(out[1].remote == stranger);
  CHECK(message_of(out[1])->message_class() == MessageClass::request);
  CHECK(solo.count<Agent::PeerReflexiveFound>() == 1);
}

TEST_CASE("A peer-reflexive candidate that is announced later is merged", "[agent]") {
  Solo solo{Role::controlled};
  solo.begin();
  solo.receive(remote, solo.check());
  REQUIRE(solo.agent.pairs().size() == 1);
  const auto id = solo.agent.pairs()[0].id;
  solo.add_remote(remote);
  REQUIRE(solo.agent.pairs().size() == 1);
  CHECK(solo.agent.pairs()[0].id == id);
  CHECK(solo.agent.pairs()[0].remote.kind == Kind::server_reflexive);
}

TEST_CASE("The path in use is known as relayed once the peer has announced its relay's address, before it or later",
          "[agent]") {
  Solo solo{Role::controlled};
  const bool is_told_before = GENERATE(true, false);
  if (is_told_before) solo.add_remote(remote, Kind::relayed);
  solo.begin();
  solo.receive(remote, solo.check());
  auto nomination = solo.plain();
  nomination.nomination = 1;
  solo.receive(remote, solo.check(nomination));
  solo.answer(solo.checks().back());
  REQUIRE(solo.agent.path());
  CHECK(solo.agent.path()->is_relayed() == is_told_before);
  solo.add_remote(remote, Kind::relayed);
  REQUIRE(solo.agent.path());
  CHECK(solo.agent.path()->is_relayed());
  CHECK(solo.count<Agent::PathSelected>() == 1);  // it is the same way
}

TEST_CASE("Checks that come before the credentials are answered, and taken up when they are known", "[agent]") {
  Solo solo{Role::controlled};
  solo.agent.start(solo.now);
  solo.receive(remote, solo.check());
  CHECK(solo.sent().size() == 1);  // the answer
  CHECK(solo.agent.pairs().empty());
  solo.know_remote(Dialect::natkit);
  const auto checks = solo.checks();
  REQUIRE(checks.size() == 1);
  CHECK(checks[0].remote == remote);
}

TEST_CASE("Early checks of somebody else who knows our password are not taken for the peer's", "[agent]") {
  Solo solo{Role::controlled};
  solo.add_remote(remote);
  const auto peer = std::exchange(solo.peer, {.ufrag = "other", .password = "7777777777777777777777"});
  solo.receive(remote, solo.check());
  solo.peer = peer;
  solo.begin();
  REQUIRE(solo.agent.pairs().size() == 1);
  CHECK(solo.agent.pairs()[0].heard == Pair::Heard::no);
}

TEST_CASE("Of early checks only some are kept", "[agent]") {
  Solo solo{Role::controlled};
  solo.agent.start(solo.now);
  for (std::uint16_t port = 1; port <= 500; ++port) solo.receive({"203.0.113.77"_ip, port}, solo.check());
  solo.know_remote(Dialect::natkit);
  CHECK(solo.agent.pairs().size() <= 16);
}

TEST_CASE("Two controlling agents: the greater tie-breaker keeps the role", "[agent]") {
  Solo solo{Role::controlling};
  solo.add_remote(remote);
  solo.begin();
  const auto own = message_of(solo.checks().at(0))->u64(AttributeType::ice_controlling);
  REQUIRE(own);
  auto check = solo.plain();
  check.role = Role::controlling;
  SECTION("ours is greater: 487") {
    check.tie_breaker = *own - 1;
    solo.receive(remote, solo.check(check));
    const auto out = solo.sent();
    REQUIRE(out.size() == 1);
    CHECK(message_of(out[0])->error_code() == role_conflict);
    CHECK(is_authentic(*message_of(out[0]), solo.agent.credentials().password));
    CHECK(solo.agent.role() == Role::controlling);
  }
  SECTION("theirs is greater: we give way") {
    check.tie_breaker = *own + 1;
    solo.receive(remote, solo.check(check));
    CHECK(message_of(solo.sent().at(0))->message_class() == MessageClass::success);
    CHECK(solo.agent.role() == Role::controlled);
  }
}

TEST_CASE("An error of 487 makes the agent switch and check again, once", "[agent]") {
  Solo solo{Role::controlling};
  solo.add_remote(remote);
  solo.begin();
  const auto first = solo.checks().at(0);
  const auto refusal = write_error(*message_of(first), role_conflict, solo.peer.password);
  REQUIRE(solo.receive(remote, refusal));
  CHECK(solo.agent.role() == Role::controlled);
  const auto again = solo.checks();
  REQUIRE(again.size() == 1);
  CHECK(message_of(again[0])->find(AttributeType::ice_controlled));
  CHECK_FALSE(solo.receive(remote, refusal));  // the transaction is over
  CHECK(solo.agent.role() == Role::controlled);
}

TEST_CASE("A check without priority is bad, one with an unknown demand is told which", "[agent]") {
  Solo solo{Role::controlled};
  solo.begin();
  const auto send = [&](auto add) {
    stun::MessageWriter writer{MessageClass::request, stun::Method::binding, {}};
    writer.add_text(AttributeType::username, solo.agent.credentials().ufrag + ":peer")
        .add_u64(AttributeType::ice_controlling, 1);
    add(writer);
    writer.add_message_integrity(as_bytes(solo.agent.credentials().password)).add_fingerprint();
    solo.receive(remote, writer.finish());
    return message_of(solo.sent().at(0))->error_code();
  };
  CHECK(send([](auto&) {}) == bad_request);
  CHECK(send([](auto& writer) {
          writer.add_u32(AttributeType::priority, 1).add_u32(static_cast<AttributeType>(0x7ffe), 1);
        }) == unknown_attribute);
  CHECK(solo.agent.pairs().empty());
}

TEST_CASE("What is for others is left to them", "[agent]") {
  Solo solo;
  solo.begin();
  CHECK_FALSE(solo.receive(remote, {1, 2, 3}));
  CHECK_FALSE(solo.receive(remote, write_indication({})));
  const Credentials another{.ufrag = "else", .password = "0123456789012345678901"};
  CHECK_FALSE(solo.receive(remote, write_check({}, {.priority = 1}, solo.peer, another)));
  CHECK_FALSE(solo.receive(remote, write_success({}, remote, solo.peer.password)));
  CHECK(solo.sent().empty());
}

TEST_CASE("Between our own agents six pairs are checked at once, the others 5 ms apart", "[agent]") {
  Solo solo;
  for (std::uint16_t port = 1; port <= 10; ++port) solo.add_remote({"198.51.100.9"_ip, port});
  solo.begin();
  std::vector<double> when;
  for (const auto& [ms, out] : solo.run(40ms)) when.push_back(ms);
  CHECK(when == std::vector<double>{0, 0, 0, 0, 0, 0, 5, 10, 15, 20});
}

TEST_CASE("Towards a foreign agent checks are 50 ms apart and repeated after 500 ms, seven times", "[agent]") {
  Solo solo;
  SECTION("apart") {
    for (std::uint16_t port = 1; port <= 4; ++port) {
      auto candidate = make_candidate(Kind::host, Transport::udp, {"198.51.100.9"_ip, port}, {});
      candidate.foundation = std::to_string(port);
      solo.agent.add_remote(solo.now, candidate);
    }
    solo.begin(Dialect::rfc);
    std::vector<double> when;
    for (const auto& [ms, out] : solo.run(400ms)) when.push_back(ms);
    CHECK(when == std::vector<double>{0, 50, 100, 150});
  }
  SECTION("repeated") {
    solo.add_remote(remote);
    solo.begin(Dialect::rfc);
    std::vector<double> when;
    for (const auto& [ms, out] : solo.run(60s)) when.push_back(ms);
    CHECK(when == std::vector<double>{0, 500, 1500, 3500, 7500, 15500, 31500});
    CHECK(solo.agent.pairs()[0].state == PairState::failed);
    CHECK(solo.agent.state() == Agent::State::failed);
  }
}

TEST_CASE("A foreign agent is asked once, for the best pair that comes in time", "[agent]") {
  Solo solo;
  const auto better = "198.51.100.9:7001"_ep;
  solo.add_remote(better, Kind::host);
  solo.add_remote(remote);
  solo.begin(Dialect::rfc);
  std::vector<Datagram> checks;
  for (const auto& [ms, out] : solo.run(60ms)) checks.push_back(out);
  REQUIRE(checks.size() == 2);
  solo.answer(checks[1]);
  CHECK(solo.agent.path()->remote == remote);
  CHECK(solo.checks().empty());  // the better one may still come
  SECTION("which comes") {
    solo.answer(checks[0]);
    const auto nomination = solo.checks();
    REQUIRE(nomination.size() == 1);
    CHECK(nomination[0].remote == better);
  }
  SECTION("which does not come") {
    const auto later = solo.run(250ms);
    REQUIRE(later.size() == 1);
    CHECK(later[0].first == 200);
    CHECK(message_of(later[0].second)->find(AttributeType::use_candidate));
    solo.answer(later[0].second);
    solo.answer(checks[0]);  // too late
    CHECK(solo.agent.path()->remote == remote);
  }
}

TEST_CASE("A nomination whose base is gone is made anew for another pair", "[agent]") {
  Solo solo;
  solo.add_base(SocketId{2}, "192.168.1.10:5001"_ep);
  solo.add_remote(remote);
  solo.begin(Dialect::rfc);
  const auto first = solo.checks().at(0);
  solo.answer(first);
  const auto nomination = solo.run(10ms).at(0).second;
  REQUIRE(nomination.socket == first.socket);
  REQUIRE(message_of(nomination)->find(AttributeType::use_candidate));
  solo.agent.remove_base(solo.now, first.socket);
  const auto second = solo.run(1s).at(0).second;
  solo.answer(second);
  REQUIRE(solo.agent.path());
  CHECK(solo.agent.path()->socket == second.socket);
  for (const auto& [ms, out] : solo.run(300ms)) solo.answer(out);
  CHECK(solo.agent.state() == Agent::State::completed);
}

TEST_CASE("One of ours is known by its checks as well", "[agent]") {
  Solo solo{Role::controlled};
  solo.add_remote(remote);
  solo.begin(Dialect::rfc);
  auto check = solo.plain();
  check.dialect = Dialect::natkit;
  solo.receive(remote, solo.check(check));
  CHECK(solo.agent.dialect() == Dialect::natkit);
}

TEST_CASE("Openers leave before the start, with a low hop limit, to the outside only", "[agent]") {
  Solo solo;
  solo.add_remote(remote);
  solo.add_remote("10.0.0.7:7000"_ep, Kind::host);
  solo.know_remote(Dialect::natkit);
  std::vector<unsigned> hops;
  for (const auto& [ms, out] : solo.run(40ms)) {
    CHECK(out.remote == remote);
    CHECK(message_of(out)->message_class() == MessageClass::indication);
    hops.push_back(out.hop_limit);
  }
  CHECK(hops == std::vector<unsigned>{2, 3});
  CHECK(solo.run(20ms).size() == 2);  // once more after 50 ms
  solo.agent.start(solo.now);
  for (const auto& [ms, out] : solo.run(1s)) CHECK(out.hop_limit == 64);
}

TEST_CASE("A base that only opens checks who has come through to it", "[agent]") {
  Solo solo;
  solo.add_base(SocketId{2}, "192.168.1.10:5001"_ep, Manner::opens);
  solo.add_remote(remote);
  solo.begin();
  for (const auto& [ms, out] : solo.run(1s)) CHECK((out.socket == base) == (out.hop_limit == 64));
  solo.receive(remote, solo.check(), SocketId{2});
  const auto checks = solo.checks();
  REQUIRE(checks.size() == 1);
  CHECK(checks[0].socket == SocketId{2});
  CHECK(checks[0].hop_limit == 64);
}

TEST_CASE("A fresh base is wanted when the checks to the outside are in vain, and no oftener than bounded", "[agent]") {
  Solo solo;
  solo.add_remote(remote);
  solo.begin();
  SECTION("in vain") {
    solo.pass(149ms);
    CHECK(solo.count<Agent::WantsFreshBase>() == 0);
    solo.pass(2ms);
    CHECK(solo.count<Agent::WantsFreshBase>() == 1);
    solo.pass(20s);
    CHECK(solo.count<Agent::WantsFreshBase>() == 2);
  }
  SECTION("not when the peer was heard") {
    solo.receive(remote, solo.check());
    solo.pass(20s);
    CHECK(solo.count<Agent::WantsFreshBase>() == 0);
  }
}

TEST_CASE("Beside a fresh base that was there from the outset one more is wanted, in its turn", "[agent]") {
  Solo solo;
  solo.add_base(SocketId{2}, "192.168.1.10:5001"_ep, Manner::opens);
  solo.add_remote(remote);
  solo.begin();
  solo.pass(449ms);
  CHECK(solo.count<Agent::WantsFreshBase>() == 0);
  solo.pass(20s);
  CHECK(solo.count<Agent::WantsFreshBase>() == 1);
}

TEST_CASE("A path that stops answering is noticed in 1.5 s, and lost after half a minute by the RFC's timing",
          "[agent]") {
  const auto [dialect, at_least, at_most] = GENERATE(table<Dialect, Duration, Duration>({
      {Dialect::natkit, 1s, 1500ms},
      {Dialect::rfc, 25s, 31s},
  }));
  Solo solo;
  solo.add_remote(remote);
  solo.begin(dialect);
  solo.answer(solo.checks().at(0));
  for (const auto& check : solo.checks()) solo.answer(check);
  REQUIRE(solo.agent.state() == Agent::State::completed);
  SECTION("answered checks keep it") {
    for (int i = 0; i < 600; ++i)
      for (const auto& [ms, out] : solo.run(100ms)) solo.answer(out);
    CHECK(solo.count<Agent::PathLost>() == 0);
    CHECK(solo.agent.state() == Agent::State::completed);
  }
  SECTION("silence ends it") {
    const auto began = solo.now;
    while (solo.count<Agent::PathLost>() == 0 && solo.now - began < 60s) solo.pass(10ms);
    CHECK(solo.now - began >= at_least);
    CHECK(solo.now - began <= at_most);
    CHECK_FALSE(solo.agent.path());
  }
}

TEST_CASE("Consent of a foreign agent ends half a minute after its last answer, whatever else happens", "[agent]") {
  Solo solo;
  SECTION("also for a pair that is used only since then") {
    solo.add_base(SocketId{2}, "192.168.1.10:5001"_ep);
    solo.add_remote(remote);
    solo.begin(Dialect::rfc);
    solo.answer(solo.checks().at(0));
    for (const auto& [ms, out] : solo.run(100ms)) solo.answer(out);
    const auto used = solo.agent.path()->socket;
    for (int i = 0; i < 200; ++i)
      for (const auto& [ms, out] : solo.run(100ms))
        if (out.socket == used) solo.answer(out);
    solo.agent.remove_base(solo.now, used);
    REQUIRE(solo.agent.path());
    CHECK(solo.count<Agent::PathLost>() == 1);
    solo.pass(11s);
    CHECK(solo.count<Agent::PathLost>() == 2);
  }
  SECTION("also where that answer took long") {
    solo.add_remote(remote);
    solo.begin(Dialect::rfc);
    const auto check = solo.checks().at(0);
    solo.pass(20s);
    solo.answer(check);
    REQUIRE(solo.agent.path());
    solo.pass(31s);
    CHECK(solo.count<Agent::PathLost>() == 1);
  }
}

TEST_CASE("After a restart the old path stays until a new one is found", "[agent]") {
  Solo solo;
  solo.add_remote(remote);
  solo.begin();
  solo.answer(solo.checks().at(0));
  for (const auto& check : solo.checks()) solo.answer(check);
  const auto before = solo.agent.credentials();
  const auto old_check = solo.check();

  solo.agent.restart(solo.now, {.ufrag = "anew", .password = "9999999999999999999999"});
  CHECK(solo.agent.path());
  CHECK(solo.agent.is_path(base, remote));  // so payload that comes by it is known for the peer's
  CHECK(solo.agent.pairs().empty());
  // The peer still watches the old path, and is answered.
  REQUIRE(solo.receive(remote, old_check));
  const auto out = solo.sent();
  REQUIRE(out.size() == 1);
  CHECK(is_authentic(*message_of(out[0]), before.password));
  CHECK(solo.agent.pairs().empty());

  solo.peer = {.ufrag = "reep", .password = "8888888888888888888888"};
  const auto elsewhere = "198.51.100.9:8000"_ep;
  solo.add_remote(elsewhere);
  solo.know_remote(Dialect::natkit);
  const auto checks = solo.checks();
  REQUIRE(checks.size() == 1);
  CHECK(message_of(checks[0])->text(AttributeType::username) == "reep:anew");
  solo.answer(checks[0]);
  CHECK(solo.agent.path()->remote == elsewhere);
}

TEST_CASE("A failed agent still answers, and connects when the peer comes late", "[agent]") {
  Solo solo{Role::controlled};
  solo.add_remote(remote);
  solo.begin();
  solo.pass(2s);
  REQUIRE(solo.agent.state() == Agent::State::failed);
  CHECK(solo.count<Agent::Failed>() == 1);
  solo.receive(remote, solo.check());
  const auto checks = solo.checks();
  REQUIRE_FALSE(checks.empty());
  solo.answer(checks.back());
  CHECK(solo.agent.state() == Agent::State::connected);
}

TEST_CASE("Failure has a reason", "[agent]") {
  const auto reason = [](Solo& solo) {
    (void)solo.count<Agent::Failed>();
    for (const auto& event : solo.events)
      if (const auto* failed = std::get_if<Agent::Failed>(&event)) return std::optional{failed->why};
    return std::optional<Agent::FailureReason>{};
  };
  Solo solo;
  SECTION("nothing to pair") {
    solo.add_remote("[2001:db8::1]:7"_ep);
    solo.begin();
    solo.agent.end_local(solo.now);
    solo.agent.end_remote(solo.now);
    CHECK(reason(solo) == Agent::FailureReason::no_pairs);
  }
  SECTION("nothing heard") {
    solo.add_remote(remote);
    solo.begin();
    solo.pass(2s);
    CHECK(reason(solo) == Agent::FailureReason::unheard);
  }
  SECTION("heard, but never answered") {
    solo.add_remote(remote);
    solo.begin();
    solo.receive(remote, solo.check());
    solo.pass(2s);
    CHECK(reason(solo) == Agent::FailureReason::one_way);
  }
  SECTION("lost") {
    solo.add_remote(remote);
    solo.begin();
    solo.answer(solo.checks().at(0));
    solo.pass(5s);
    CHECK(reason(solo) == Agent::FailureReason::path_lost);
  }
}

TEST_CASE("A base that is gone takes its path along", "[agent]") {
  Solo solo;
  solo.add_remote(remote);
  solo.begin();
  solo.answer(solo.checks().at(0));
  solo.agent.remove_base(solo.now, base);
  CHECK_FALSE(solo.agent.path());
  CHECK(solo.agent.pairs().empty());
  CHECK(solo.count<Agent::PathLost>() == 1);
}

TEST_CASE("TCP: the active side checks, the passive one waits and checks back", "[agent]") {
  Solo solo;
  const auto tcp = [&](Transport transport, const Endpoint& where) {
    return make_candidate(Kind::host, transport, where, {.base = where});
  };
  SECTION("active") {
    solo.agent.add_local(solo.now, {.candidate = tcp(Transport::tcp_active, "192.168.1.10:9"_ep), .base = SocketId{7}});
    solo.agent.add_remote(solo.now, tcp(Transport::tcp_passive, remote));
    solo.begin();
    const auto sent = solo.run(1s);
    REQUIRE(sent.size() == 1);  // TCP repeats by itself
    CHECK(sent[0].second.protocol == Protocol::tcp);
    CHECK(sent[0].second.socket == SocketId{7});
  }
  SECTION("passive") {
    solo.agent.add_local(solo.now,
                         {.candidate = tcp(Transport::tcp_passive, "192.168.1.10:80"_ep), .base = SocketId{8}});
    solo.agent.add_remote(solo.now, tcp(Transport::tcp_active, "198.51.100.9:9"_ep));
    solo.begin();
    CHECK(solo.run(1s).empty());
    solo.agent.handle_datagram(
        solo.now, {.socket = SocketId{8}, .protocol = Protocol::tcp, .remote = remote, .payload = solo.check()});
    const auto out = solo.sent();
    REQUIRE(out.size() == 2);
    CHECK(out[1].remote == remote);
    CHECK(out[1].protocol == Protocol::tcp);
  }
}
