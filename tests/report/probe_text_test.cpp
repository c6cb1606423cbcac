#include "natkit/report/probe_text.hpp"

#include "catch.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using enum Behavior;

TEST_CASE("The text for people begins with a sentence and ends with the servers", "[probe_text]") {
  CHECK(to_text(test::port_restricted(), Style::plain) ==
        "Good: most other players can reach you directly; those behind a symmetric NAT may need a relay\n"
        "\n"
        "IPv4\n"
        "  local      192.168.1.5:40000\n"
        "  public     203.0.113.7:40000\n"
        "  nat        yes                         port-restricted cone (RFC 3489)\n"
        "  mapping    endpoint-independent        one public port serves every destination; hole punching can work\n"
        "  filtering  address-and-port-dependent  only the very host and port that was sent to may send in\n"
        "  port       preserved: the public port is the local one\n"
        "  ports      unknown\n"
        "  pooling    unknown\n"
        "  layers     unknown\n"
        "\n"
        "peers behind\n"
        "  open internet         direct\n"
        "  full cone             direct\n"
        "  restricted cone       direct\n"
        "  port-restricted cone  direct\n"
        "  symmetric firewall    direct\n"
        "  symmetric             direct-with-prediction\n"
        "  UDP blocked           relay\n"
        "\n"
        "consoles would say\n"
        "  Nintendo     B\n"
        "  Xbox         unknown\n"
        "  PlayStation  type-2  a guess: Sony publishes no rule\n"
        "\n"
        "servers\n"
        "  198.51.100.1:3478 (stun.example:3478)  50.2 ms  two addresses (RFC 5780)\n");
}

TEST_CASE("A value that is still several spells them all and says why", "[probe_text]") {
  auto report = test::report_of(test::family(true, endpoint_independent, {endpoint_independent, address_dependent}));
  report.evidence = {{"ipv4.filtering", "one-address-server", "a one-address server cannot tell: ask one with two"}};
  CHECK(to_text(report, Style::plain)
            .find("  filtering  endpoint-independent or address-dependent\n"
                  "             a one-address server cannot tell: ask one with two\n") != std::string::npos);
}

TEST_CASE("An unknown value says why, and rather why than that somebody was silent", "[probe_text]") {
  auto report = test::report_of(test::family(true, endpoint_independent, BehaviorSet{}));
  report.evidence = {{"ipv4.filtering", "no-answer", "198.51.100.9:3478 did not answer"},
                     {"ipv4.filtering", "loss", "no control reply came back"}};
  CHECK(to_text(report, Style::plain).find("  filtering  unknown\n             no control reply came back\n") !=
        std::string::npos);
}

TEST_CASE("Silence and blocked UDP are told apart in the first line", "[probe_text]") {
  CHECK(to_text(test::silent(), Style::plain).starts_with("Unknown: no server answered"));
  CHECK(to_text(test::silent(), Style::plain).find("  198.51.100.1:3478  no answer\n") != std::string::npos);
  CHECK(to_text(test::blocked(), Style::plain).starts_with("Blocked: UDP does not get through"));
}

TEST_CASE("Both families are shown where both were asked", "[probe_text]") {
  auto report = test::port_restricted();
  CHECK(to_text(report, Style::plain).find("IPv6") == std::string::npos);
  report.ipv6 = probe::FamilyReport{};
  CHECK(to_text(report, Style::plain).find("\nIPv6\n  unknown  no server answered\n") != std::string::npos);
}

TEST_CASE("Colour stands around the first word only, and only when asked for", "[probe_text]") {
  CHECK(to_text(test::port_restricted(), Style::colored).starts_with("\x1b[32mGood\x1b[0m: most"));
  CHECK(to_text(test::blocked(), Style::colored).starts_with("\x1b[31mBlocked\x1b[0m: "));
  CHECK(to_text(test::port_restricted(), Style::plain).find('\x1b') == std::string::npos);
}

TEST_CASE("Names and evidence from outside cannot drive the terminal", "[probe_text]") {
  auto report = test::port_restricted();
  report.servers[0].name = "evil\x1b[2J";
  report.evidence = {{"udp\x1b", "r\x1b", "first\nGood: forged"}};
  const auto text = to_text(report, Style::plain) + evidence_lines(report)[0];
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("\nGood: forged") == std::string::npos);
  CHECK(text.find("(evil\\x1b[2J)") != std::string::npos);
}

TEST_CASE("How long mappings live is a row for who asked, also where it was not found out", "[probe_text]") {
  using namespace std::chrono_literals;
  auto report = test::port_restricted();
  report.evidence = {{"ipv4.mapping_lifetime_ms", "not-asked", "only with --lifetime"}};
  CHECK(to_text(report, Style::plain).find("lifetime") == std::string::npos);
  report.evidence = {{"ipv4.mapping_lifetime_ms", "server-went-silent", "the server is gone"}};
  CHECK(to_text(report, Style::plain).find("  lifetime   unknown\n             the server is gone\n") !=
        std::string::npos);
  report.ipv4->mapping_lifetime = {.shortest = 25s, .longest = 30s, .refresh = probe::Refresh::outbound};
  CHECK(to_text(report, Style::plain).find("  lifetime   25 to 30 s, prolonged by what is sent only\n") !=
        std::string::npos);
  report.ipv4->mapping_lifetime = {.shortest = 300s, .longest = {}, .refresh = {}};
  CHECK(to_text(report, Style::plain).find("  lifetime   more than 300 s\n") != std::string::npos);
}

TEST_CASE("The evidence is one line a piece, then the cost", "[probe_text]") {
  CHECK(evidence_lines(test::port_restricted()) ==
        std::vector<std::string>{"ipv4.filtering: 2 receipts, no answer within 40 ms (silence-after-receipts)",
                                 "14 packets sent in 142.5 ms"});
}

TEST_CASE("TCP and packet sizes are told where they were measured, and why where they are not known", "[probe_text]") {
  auto report = test::port_restricted();
  CHECK(to_text(report, Style::plain).find("TCP and packet sizes") == std::string::npos);
  report.evidence = {{"tcp.mapping", "not-asked", "nobody"}, {"mtu_bytes", "not-asked", "nobody"}};
  CHECK(to_text(report, Style::plain).find("TCP and packet sizes") == std::string::npos);
  report.tcp = {.mapping = endpoint_independent, .filtering = {}};
  report.mtu_bytes = 1492;
  report.evidence = {{"tcp.mapping", "same-mapping-from-two-addresses", "both saw the same"},
                     {"tcp.filtering", "server-connects-to-nobody", "it does not connect back"},
                     {"mtu_bytes", "refused-by-the-system", "1500 bytes are refused"}};
  CHECK(to_text(report, Style::plain)
            .find("\nTCP and packet sizes\n"
                  "  TCP mapping     endpoint-independent\n"
                  "  TCP filtering   unknown\n"
                  "                  it does not connect back\n"
                  "  largest packet  1492 bytes\n") != std::string::npos);
}

TEST_CASE("The ways out are listed where UDP is none", "[probe_text]") {
  auto report = test::blocked();
  CHECK(to_text(report, Style::plain).find("ways out") == std::string::npos);
  report.ways_out = {{"tcp", test::endpoint("198.51.100.1:443")}};
  CHECK(to_text(report, Style::plain).find("\nways out\n  tcp  198.51.100.1:443  answers\n") != std::string::npos);
  report.captive_portal = true;
  report.evidence.push_back({"captive_portal", "page-of-nobody", "a page leads to login.example.net"});
  CHECK(to_text(report, Style::plain).find("login page  yes\n") != std::string::npos);
  CHECK(to_text(report, Style::plain).find("a page leads to login.example.net") != std::string::npos);
  report.captive_portal.reset();
  report.ways_out->clear();
  report.evidence.push_back({"ways_out", "no-answer", "nobody answered anywhere"});
  CHECK(to_text(report, Style::plain).find("\nways out\n  none found  nobody answered anywhere\n") !=
        std::string::npos);
}

TEST_CASE("The first routers stand in the table, a silent one as a question mark", "[probe_text]") {
  auto report = test::port_restricted();
  report.ipv4->hops = {test::endpoint("192.168.1.1:0").address, std::nullopt, test::endpoint("100.64.0.1:0").address};
  CHECK(to_text(report, Style::plain).find("  first hops  192.168.1.1, ?, 100.64.0.1\n") != std::string::npos);
}
