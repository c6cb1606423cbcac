// The responder as a weapon: what somebody who forges source addresses can make it send, and to whom.
#include <map>
#include <set>

#include "natkit/stun/receipt.hpp"
#include "responder_fixture.hpp"

using namespace natkit;
using namespace natkit::stun;
using namespace natkit::test;

namespace {
using namespace std::chrono_literals;
const Endpoint victim = endpoint("203.0.113.7:40000");

std::size_t bytes_in(const std::vector<Datagram>& answers) {
  std::size_t sum = 0;
  for (const auto& answer : answers) sum += answer.payload.size();
  return sum;
}

// What may go to one address beyond what it sent, since the start of the run.
double allowance(const Responder::Config& config, Instant now) {
  const auto& size = config.allowance_per_address;
  return size.burst + size.per_second * std::chrono::duration<double>(now.time_since_epoch()).count();
}

std::vector<Datagram> ask_bare(Server& server, const Endpoint& from) { return server.ask(request().finish(), from); }

// One request of everything that an attacker could think of. Random cookies are as good as his guesses are.
Bytes random_request(Rng& rng) {
  using enum AttributeType;
  auto writer = request(rng.chance(0.1) ? classic_cookie : magic_cookie);
  const auto one_in = [&](int n) { return rng.chance(1.0 / n); };
  if (one_in(2)) writer.add_change_request(static_cast<Change>(rng.below(4) * 2));
  if (one_in(4)) writer.add(padding, Bytes(rng.below(1600)));
  if (one_in(4)) writer.add_u16(response_port, static_cast<std::uint16_t>(rng.next()));
  if (one_in(40)) writer.add_u64(response_port, rng.next());
  if (one_in(2)) writer.add(natkit_receipt, Bytes(rng.below(300)));
  if (one_in(8)) writer.add_u64(natkit_cookie, rng.next());
  if (one_in(8)) writer.add_endpoint(response_address_3489, endpoint("198.18.0.1:80"));
  if (one_in(8)) writer.add_u32(static_cast<AttributeType>(rng.next()), 0);
  if (one_in(4)) writer.add_text(software, std::string(rng.below(200), 'x'));
  if (one_in(4)) writer.add_fingerprint();
  auto bytes = writer.finish();
  if (one_in(20)) bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng.next());
  if (one_in(20)) bytes.resize(rng.below(bytes.size() + 1));
  return bytes;
}

Endpoint random_source(Rng& rng) {
  const auto port = static_cast<std::uint16_t>(rng.next());
  if (rng.chance(0.7)) return {IpAddress::v4(0xCB007100 + static_cast<std::uint32_t>(rng.below(20))), port};
  std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, static_cast<std::uint8_t>(rng.below(5))};
  bytes[15] = static_cast<std::uint8_t>(rng.next());
  return {IpAddress::v6(bytes), port};
}

// The unit of accounting: an IPv4 address or an IPv6 /64.
Bytes host(const IpAddress& address) {
  const auto bytes = address.bytes().first(address.is_v4() ? 4 : 8);
  return Bytes(bytes.begin(), bytes.end());
}

bool must_pay_for_itself(const Bytes& request) {
  const auto message = parse_message(request);
  return message && (message->find(AttributeType::padding) || message->find(AttributeType::response_port));
}
}  // namespace

TEST_CASE("Ten thousand forged requests gain nothing but the documented allowance", "[responder][abuse]") {
  const auto seed = GENERATE(1U, 2U, 3U);
  auto config = complete();
  config.software = "natkit";
  config.requests_per_address = {.burst = 1000, .per_second = 1000};  // so that it is the bytes that are tested
  config.allowance_per_address = {.burst = 512, .per_second = 32};
  config.allowance_for_all = {.burst = 1e9, .per_second = 1e9};
  Server server{config};
  SeededRng rng{seed};
  std::map<Bytes, std::pair<std::size_t, std::size_t>> ledger;  // received, sent
  std::size_t answered = 0;
  std::size_t with_receipt = 0;
  for (int step = 0; step < 10000; ++step) {
    const auto from = random_source(rng);
    const auto payload = random_request(rng);
    const auto answers =
        server.ask(payload, from, static_cast<std::uint32_t>(rng.below(4) + (from.address.is_v6() ? 4 : 0)));
    auto& [received, sent] = ledger[host(from.address)];
    received += payload.size();
    sent += bytes_in(answers);
    answered += answers.empty() ? 0U : 1U;
    REQUIRE(answers.size() <= 2);
    for (const auto& answer : answers) {
      REQUIRE(answer.remote.address == from.address);
      REQUIRE(answer.remote.port != 0);
      const auto message_class = parsed(answer).message_class();
      REQUIRE((message_class == MessageClass::success || message_class == MessageClass::error));
    }
    const bool carries_receipt =
        std::ranges::any_of(answers, [](const Datagram& a) { return receipt(parsed(a)).has_value(); });
    with_receipt += carries_receipt ? 1U : 0U;
    if (carries_receipt || must_pay_for_itself(payload)) REQUIRE(bytes_in(answers) <= payload.size());
    REQUIRE(static_cast<double>(sent) <= static_cast<double>(received) + allowance(config, server.now));
    server.now += Duration{static_cast<Duration::rep>(rng.below(2'000'000))};  // 10 s in all
  }
  CHECK(answered > 5000);  // a server that is silent would pass all of the above
  CHECK(with_receipt > 500);
  const auto& counters = server.machine.counters();
  CHECK(counters.answered + counters.refused == answered);
  CHECK(counters.answered + counters.refused + counters.forbidden_peer + counters.not_stun + counters.not_a_request +
            counters.bad_fingerprint + counters.rate_limited + counters.over_budget ==
        10000);
  CHECK(counters.over_budget > 100);
}

TEST_CASE("Bare requests in a row are answered in full, then briefly, then not at all", "[responder][abuse]") {
  auto config = complete();
  config.allowance_per_address = {.burst = 512, .per_second = 32};
  Server server{config};
  std::map<std::size_t, int> sizes;
  for (int i = 0; i < 60; ++i) {
    const auto answers = ask_bare(server, victim);
    ++sizes[bytes_in(answers)];
  }
  CHECK(sizes[68] == 10);  // 480 of the 512 bytes
  CHECK(sizes[44] == 1);   // with the other address alone
  CHECK(sizes[0] == 49);
  CHECK(server.machine.counters().over_budget == 49);
  CHECK(server.machine.counters().allowance_bytes == 504);
  // The same host in full again after a while, another one at once.
  CHECK(bytes_in(ask_bare(server, endpoint("203.0.113.8:40000"))) == 68);
  server.now += 16s;
  for (int i = 0; i < 10; ++i) CHECK(bytes_in(ask_bare(server, victim)) == 68);
}

TEST_CASE("Other people's clients are answered in full, run after run", "[responder]") {
  // As captured from them: how many bare requests a run has, how many with CHANGE-REQUEST, and what full answers weigh.
  struct Run {
    const char* client;
    std::uint32_t cookie;
    Endpoint from;
    int bare;
    int changed;
    std::size_t full;
  };
  const auto run = GENERATE(
      Run{"stun, RFC 3489, behind a port-restricted NAT", classic_cookie, endpoint("203.0.113.7:40000"), 0, 18, 56},
      Run{"turnutils_natdiscovery -m -f behind a symmetric NAT", magic_cookie, endpoint("203.0.113.7:40000"), 4, 2, 68},
      Run{"the same over IPv6", magic_cookie, endpoint("[2001:db8:c::7]:40000"), 4, 2, 116});
  CAPTURE(run.client);
  Server server{complete()};
  const std::uint32_t socket = run.from.address.is_v6() ? 4 : 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < run.bare; ++i)
      REQUIRE(bytes_in(server.ask(request(run.cookie).finish(), run.from, socket)) == run.full);
    for (int i = 0; i < run.changed; ++i) {
      const auto change = run.cookie == classic_cookie && i % 3 == 0 ? Change::nothing : Change::address_and_port;
      const auto asked = request(run.cookie).add_change_request(change).finish();
      REQUIRE(bytes_in(server.ask(asked, run.from, socket)) == run.full);
    }
  }
}

TEST_CASE("What is optional is left out before the answer is", "[responder][abuse]") {
  auto config = complete();
  const auto [allowed, present, absent] =
      GENERATE(table<double, std::vector<AttributeType>, std::vector<AttributeType>>({
          {48, {AttributeType::mapped_address}, {}},
          {36, {AttributeType::response_origin}, {AttributeType::mapped_address}},
          {24, {AttributeType::other_address}, {AttributeType::response_origin}},
          {12, {AttributeType::xor_mapped_address}, {AttributeType::other_address}},
      }));
  config.allowance_per_address = {.burst = allowed, .per_second = 0};
  Server server{config};
  const auto answers = ask_bare(server, victim);
  REQUIRE(answers.size() == 1);
  const auto message = parsed(answers[0]);
  CHECK(message.find(AttributeType::xor_mapped_address));
  for (const auto type : present) CHECK(message.find(type));
  for (const auto type : absent) CHECK_FALSE(message.find(type));

  config.allowance_per_address.burst = 11;
  Server poor{config};
  CHECK(ask_bare(poor, victim).empty());
}

TEST_CASE("PADDING and RESPONSE-PORT are not answered where the request does not pay", "[responder][abuse]") {
  Server server{complete()};
  const auto small_port =
      request().add_u16(AttributeType::response_port, 4242).finish();  // 28 bytes, the answer has 32
  CHECK(server.ask(small_port, victim).empty());
  const auto small_padding = request().add(AttributeType::padding, {}).finish();
  CHECK(server.ask(small_padding, victim).empty());
  CHECK(server.machine.counters().over_budget == 2);
  const auto malformed_port = request().add_u64(AttributeType::response_port, 4242).finish();  // its 400 counts as well
  const auto refusals = server.ask(malformed_port, victim);
  REQUIRE(refusals.size() == 1);
  CHECK(refusals[0].payload.size() <= malformed_port.size());
  CHECK(parsed(refusals[0]).error_code() == 400);
  CHECK(server.machine.counters().allowance_bytes == 0);
}

TEST_CASE("A host that asks too often is not answered until its rate allows", "[responder][abuse]") {
  auto config = complete();
  config.requests_per_address = {.burst = 100, .per_second = 50};
  Server server{config};
  const auto paid = [&](const Endpoint& from, std::uint32_t socket) {
    auto writer = request();
    add_receipt_request(writer, Family::ipv6, Fingerprint::none);
    return server.ask(writer.finish(), from, socket).size();
  };
  std::size_t answered = 0;
  for (int i = 0; i < 150; ++i) answered += paid({victim.address, static_cast<std::uint16_t>(1000 + i)}, 0);
  CHECK(answered == 100);
  CHECK(server.machine.counters().rate_limited == 50);
  server.now += 100ms;
  answered = 0;
  for (int i = 0; i < 20; ++i) answered += paid(victim, 0);
  CHECK(answered == 5);
  // One account for a whole IPv6 /64, another for the next.
  answered = 0;
  for (int i = 0; i < 150; ++i) answered += paid(endpoint("[2001:db8:c::" + std::to_string(i + 1) + "]:9"), 4);
  CHECK(answered == 100);
  CHECK(paid(endpoint("[2001:db8:c:1::1]:9"), 4) == 1);
}

TEST_CASE("Requests forged from a whole network gain no more than the allowance for all", "[responder][abuse]") {
  auto config = complete();
  config.most_addresses = 100;  // the accounts of most are forgotten before they are seen again
  config.allowance_for_all = {.burst = 4800, .per_second = 480};
  Server server{config};
  std::size_t excess = 0;
  std::size_t full = 0;
  for (std::uint32_t i = 0; i < 20000; ++i) {
    const auto answers = ask_bare(server, {IpAddress::v4(0xCB000000 + i % 5000), 4000});
    if (!answers.empty()) excess += bytes_in(answers) - 20;
    full += bytes_in(answers) == 68 ? 1U : 0U;
    server.now += 1ms;
  }
  CHECK(full >= 100);
  CHECK(excess <= 4800 + 480 * 20);
  CHECK(excess > 4800 + 480 * 19);
}

TEST_CASE("The table of accounts forgets whoever was silent longest, and no more", "[responder][abuse]") {
  SeededRng rng{1};
  AddressAccounts accounts{{.most = 3, .requests = {.burst = 5, .per_second = 0}, .allowance = {}}, rng};
  const auto address = [](std::uint32_t last) { return IpAddress::v4(0xCB007100 + last); };
  for (const std::uint32_t last : {1U, 2U, 3U}) accounts.of(address(last), Instant{}).requests.take(1);
  (void)accounts.of(address(1), Instant{});
  (void)accounts.of(address(4), Instant{});
  CHECK(accounts.size() == 3);
  const auto left = [&](std::uint32_t last) {
    return accounts.of(address(last), Instant{}).requests.level({.burst = 5, .per_second = 0}, Instant{});
  };
  CHECK(left(1) == 4);
  CHECK(left(3) == 4);
  CHECK(left(2) == 5);  // forgotten, so new
}

TEST_CASE("A bucket fills at its rate and no further than its size", "[token_bucket]") {
  const BucketSize size{.burst = 10, .per_second = 2};
  TokenBucket bucket{size, Instant{}};
  CHECK(bucket.level(size, Instant{}) == 10);
  bucket.take(10);
  CHECK(bucket.level(size, Instant{}) == 0);
  CHECK(bucket.level(size, Instant{1s}) == 2);
  CHECK(bucket.level(size, Instant{100s}) == 10);
}
