#include "natkit/report/redactor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "catch.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/probe/classifier.hpp"
#include "natkit/report/probe_json.hpp"
#include "natkit/report/probe_text.hpp"
#include "natkit/report/trace_json.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;

namespace {
IpAddress at(std::string_view text) { return parse_ip_address(text).value(); }

/// Any that is somebody's.
IpAddress random_address(Rng& rng) {
  for (;;) {
    std::array<std::uint8_t, 16> bytes{};
    rng.fill(bytes);
    const bool is_v4 = (bytes[15] & 1U) != 0;
    const auto address = is_v4 ? IpAddress::from_bytes(ByteView{bytes}.first(4)).value() : IpAddress::v6(bytes);
    if (!address.is_placeholder() && !address.is_multicast() && !address.is_unspecified()) return address;
  }
}

IpAddress random_ipv6(Rng& rng) {
  for (;;)
    if (const auto address = random_address(rng); address.is_v6()) return address;
}

/// A trace whose every address and name is another one; `all` is told of them.
probe::Trace random_trace(Rng& rng, std::set<std::string>& all) {
  auto trace = test::sample_trace();
  const auto change = [&](Endpoint& endpoint) {
    endpoint.address = random_address(rng);
    all.insert(to_text(endpoint.address));
  };
  std::size_t number = 0;
  for (auto& server : trace.servers) {
    change(server.address);
    server.name = fmt::format("host{}x{}.example.net:3478", number++, server.address.port);
    all.insert(server.name.substr(0, server.name.find(':')));
  }
  for (auto& event : trace.events) {
    if (auto* sent = std::get_if<probe::Sent>(&event)) change(sent->to);
    if (auto* failed = std::get_if<probe::SendFailed>(&event)) {
      change(failed->to);
      failed->why = fmt::format("no route to {} ({})", to_text(failed->to), trace.servers[0].name);
    }
    if (auto* received = std::get_if<probe::Received>(&event)) {
      change(received->from);
      change(received->local);
      received->rewritten = received->mapped;
      for (auto* one : {&received->mapped, &received->other, &received->receipt, &received->rewritten})
        if (*one) change(**one);
    }
  }
  for (auto* addresses : {&trace.host.temporary, &trace.host.stable}) {
    addresses->push_back(random_ipv6(rng));
    all.insert(to_text(addresses->back()));
  }
  const Nat64Prefix prefix{*parse_ip_address("2001:db8:77::"), 96};
  trace.host.ipv4only = {{embed(prefix, at("192.0.0.170")), random_ipv6(rng)}};
  all.insert({to_text(trace.host.ipv4only->front()), to_text(trace.host.ipv4only->back()), to_text(prefix.address)});
  trace.port_mapping.pcp = {.available = true, .external = random_address(rng)};
  all.insert(to_text(*trace.port_mapping.pcp.external));
  return trace;
}
}  // namespace

TEST_CASE("Masks are addresses that no host has, in the order first met", "[redactor]") {
  Redactor redactor;
  CHECK(redactor.mask(at("192.0.2.10")) == at("240.0.0.1"));
  CHECK(redactor.mask(at("192.0.2.1")) == at("240.0.0.2"));
  CHECK(redactor.mask(at("2001:db8::1")) == at("100::1"));
  CHECK(redactor.mask(at("192.0.2.10")) == at("240.0.0.1"));
  for (int i = 3; i <= 300; ++i)
    static_cast<void>(redactor.mask(IpAddress::v4(0x0A000000U + static_cast<unsigned>(i))));
  CHECK(redactor.mask(at("10.0.1.44")) == at("240.0.1.44"));
}

TEST_CASE("What belongs to nobody stays", "[redactor]") {
  Redactor redactor;
  for (const auto* text : {"0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1"})
    CHECK(redactor.mask(at(text)) == at(text));
}

TEST_CASE("Addresses in a text end where they end", "[redactor]") {
  Redactor redactor;
  static_cast<void>(redactor.mask(at("192.0.2.1")));
  const auto [text, masked] = GENERATE(table<std::string, std::string>({
      {"192.0.2.1", "240.0.0.1"},
      {"from 192.0.2.1:3478, then", "from 240.0.0.1:3478, then"},
      {"192.0.2.10 192.0.2.1", "240.0.0.2 240.0.0.1"},
      {"It is 192.0.2.1.", "It is 240.0.0.1."},
      {"192.0.2.1: refused", "240.0.0.1: refused"},
      {"[2001:db8::1]:3478", "[100::1]:3478"},
      {"2001:db8::1: refused", "100::1: refused"},
      {"2001:DB8:0:0::1 and 2001:db8::0001", "100::1 and 100::1"},
      {"::ffff:192.0.2.1.", "100::1."},
      {"fe80::1%eth0", "100::1%eth0"},
      {"ipv4.nat: 14 packets in 95.2 ms at 07:42:54", "ipv4.nat: 14 packets in 95.2 ms at 07:42:54"},
      {"natkit::probe and ::", "natkit::probe and ::"},
      {"0.0.0.0:80", "0.0.0.0:80"},
      {"", ""},
  }));
  CHECK(redactor.redact(text) == masked);
}

TEST_CASE("A server's name is masked wherever it stands, with its port left", "[redactor]") {
  Redactor redactor;
  redactor.learn("Stun.Example.org:3478");
  redactor.learn("stun");
  redactor.learn("a\tb");
  redactor.learn("192.0.2.1:5");
  CHECK(redactor.redact("stun.example.org was not found") == "server-1 was not found");
  CHECK(redactor.redact("asking STUN.example.ORG:3478.") == "asking server-1:3478.");
  CHECK(redactor.redact("stun, stunning, my-stun") == "server-2, stunning, my-stun");
  CHECK(redactor.redact("'a\\tb' is not") == "'server-3' is not");
  CHECK(redactor.redact("192.0.2.1") == "240.0.0.1");
}

TEST_CASE("What is masked already stays, and nobody else gets its mask", "[redactor]") {
  auto trace = test::sample_trace();
  trace.servers[0] = {.name = "real.example", .address = test::endpoint("198.51.100.1:3478")};
  trace.servers[1] = {.name = "server-1:3478", .address = test::endpoint("240.0.0.1:3478")};
  Redactor redactor;
  const auto once = redactor.redact(trace);
  CHECK(once.servers[1].name == "server-1:3478");
  CHECK(once.servers[1].address == test::endpoint("240.0.0.1:3478"));
  CHECK(once.servers[0].name == "server-2");
  CHECK(once.servers[0].address == test::endpoint("240.0.0.2:3478"));
  CHECK(to_json(redactor.redact(once)) == to_json(once));
  CHECK(to_json(Redactor{}.redact(once)) == to_json(once));
  CHECK(redactor.redact(redactor.redact("198.51.100.1")) == "240.0.0.2");
}

TEST_CASE("No address and no name of a run is in anything that is shown or written", "[redactor]") {
  SeededRng rng{7};
  for (int round = 0; round < 200; ++round) {
    std::set<std::string> all;
    const auto trace = random_trace(rng, all);
    Redactor redactor;
    const auto masked = redactor.redact(trace);
    const auto report = redactor.redact(probe::classify(trace));
    std::string shown = to_json(masked) + to_json(report) + to_text(report, Style::plain);
    for (const auto& line : evidence_lines(report)) shown += line + "\n";
    shown += redactor.redact(fmt::format("{}", fmt::join(all, " ")));
    for (const auto& secret : all) {
      CAPTURE(secret);
      CHECK(shown.find(secret) == std::string::npos);
    }
    const auto again = parse_trace(to_json(masked));
    REQUIRE(again);
    CHECK(to_json(*again) == to_json(masked));
  }
}

TEST_CASE("A redacted trace is judged as the real one, or says less", "[redactor]") {
  const auto* local = GENERATE("192.168.1.5", "100.64.0.9", "203.0.113.7");
  const auto* external = GENERATE("203.0.113.7", "100.64.0.1", "10.0.0.2");
  auto trace = test::sample_trace();
  for (auto& event : trace.events)
    if (auto* received = std::get_if<probe::Received>(&event)) received->local.address = at(local);
  trace.port_mapping.pcp = {.available = true, .external = at(external)};
  const auto real = probe::classify(trace);
  const auto redacted = probe::classify(Redactor{}.redact(trace));
  REQUIRE(real.ipv4);
  REQUIRE(redacted.ipv4);
  CHECK(redacted.ipv4->nat == real.ipv4->nat);
  CHECK(redacted.ipv4->mapping == real.ipv4->mapping);
  CHECK(redacted.ipv4->filtering == real.ipv4->filtering);
  CHECK(redacted.ipv4->pooling == real.ipv4->pooling);
  CHECK(redacted.udp == real.udp);
  if (redacted.ipv4->cgn) CHECK(redacted.ipv4->cgn == real.ipv4->cgn);
  if (redacted.ipv4->layers) CHECK(redacted.ipv4->layers == real.ipv4->layers);
  CHECK(redacted.servers[0].behavior_discovery == real.servers[0].behavior_discovery);
}

TEST_CASE("Routers on the way and ways out are masked as all other addresses are", "[redactor]") {
  auto report = test::port_restricted();
  report.ipv4->hops = {at("192.168.1.1"), std::nullopt, at("100.64.0.1")};
  report.ways_out = {{"tcp", test::endpoint("198.51.100.1:443")}};
  const auto text = to_json(Redactor{}.redact(report));
  for (const auto* address : {"192.168.1.1", "100.64.0.1", "198.51.100.1", "203.0.113.7"})
    CHECK(text.find(address) == std::string::npos);
}

TEST_CASE("Where a login page leads to is masked in all that is told of it", "[redactor]") {
  const auto* host = GENERATE("login.example.net", "10.20.30.40", "server-1");
  probe::Trace trace{.servers = {{"stun.example.org", test::endpoint("198.51.100.1:3478")}}};
  const probe::PageHead page{511, host};
  const probe::Sent sent{
      .question = probe::Question::web_page, .server = 0, .to = probe::nobodys_page(Family::ipv4), .id = {}};
  trace.events = {
      sent, probe::Received{.from = sent.to, .local = test::endpoint("192.168.1.5:50000"), .id = sent.id, .page = page},
      probe::Ended{}};
  Redactor redactor;
  const auto masked = redactor.redact(trace);
  const auto report = redactor.redact(probe::classify(trace));
  CHECK(report.captive_portal == true);
  const auto told = to_json(masked) + to_json(report) + to_text(report, Style::plain);
  CHECK(told.find("leads to ") != std::string::npos);
  if (std::string_view{host} != "server-1") CHECK(told.find(host) == std::string::npos);
  CHECK(to_json(probe::classify(masked)) == to_json(report));
  const auto again = parse_trace(to_json(masked));
  REQUIRE(again);
  CHECK(to_json(*again) == to_json(masked));
}

TEST_CASE("Of a NAT64 only the prefix that all networks share is shown", "[redactor]") {
  auto trace = test::sample_trace();
  trace.host.ipv4only = {{at("64:ff9b::192.0.0.170")}};
  Redactor redactor;
  const auto shared = probe::classify(redactor.redact(trace));
  CHECK(to_text(shared.nat64.prefix.value()) == "64:ff9b::/96");
  CHECK(to_text(redactor.redact(probe::classify(trace)).nat64.prefix.value()) == "64:ff9b::/96");
  CHECK(redactor.mask(at("64:ff9b::192.0.2.1")) != at("64:ff9b::192.0.2.1"));
  trace.host.ipv4only = {{at("2001:db8:1::192.0.0.170")}};
  CHECK_FALSE(probe::classify(redactor.redact(trace)).nat64.prefix);
  const auto own = redactor.redact(probe::classify(trace));
  CHECK(own.nat64.prefix.value().address.is_placeholder());
  CHECK(own.nat64.prefix->length == 96);
}
