// Networks that let nothing out before somebody has logged in: what answers HTTP where nobody is.
#include <string>

#include "catch.hpp"
#include "natkit/stun/responder.hpp"
#include "probe/world.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
Bytes bytes_of(std::string_view text) { return {as_bytes(text).begin(), as_bytes(text).end()}; }

/// Answers every question for a page like that, in two parts.
class Page {
 public:
  explicit Page(std::string answer) : answer_(std::move(answer)) {}
  void start(Instant) {}
  void handle_timeout(Instant) {}
  void handle_datagram(Instant, const Datagram& in) {
    asked += as_text(in.payload);
    for (const auto part : {std::string_view{answer_}.substr(0, 7), std::string_view{answer_}.substr(7)})
      outbox_.push_back(
          {.socket = in.socket, .protocol = Protocol::tcp, .remote = in.remote, .payload = bytes_of(part)});
  }
  std::optional<Datagram> poll_transmit() {
    if (outbox_.empty()) return std::nullopt;
    auto out = std::move(outbox_.front());
    outbox_.pop_front();
    return out;
  }
  [[nodiscard]] std::optional<Instant> poll_timeout() const { return std::nullopt; }

  std::string asked;

 private:
  std::string answer_;
  std::deque<Datagram> outbox_;
};

const std::string login =
    "HTTP/1.1 302 Found\r\nServer: hotspot\r\nlocation: http://login.example.net:8080/?mac=02\r\n\r\n<a>";

enum class Others { none, silent };

struct Answered {
  probe::Report report;
  probe::Trace trace;
  std::string asked;
};

/// A host whose first server answers over these, if over any, and that may name another one, which is silent; what
/// answers for nobody's page says this, if anything.
Answered ask(const std::string& page_text, std::vector<Protocol> served = {}, const char* server_text = "198.51.100.1",
             Others others = Others::silent) {
  sim::Network net{1};
  const Endpoint server{address(server_text), port1};
  stun::Responder::Config config;
  std::vector<sim::Binding> bindings;
  for (const auto protocol : served) {
    const SocketId socket{static_cast<std::uint32_t>(bindings.size())};
    config.listeners.push_back({.socket = socket, .endpoint = server, .protocol = protocol});
    bindings.push_back({.socket = socket, .local = server, .protocol = protocol});
  }
  stun::Responder responder{config, net.rng()};
  net.add_host({.addresses = {server.address}}).attach(responder, bindings);
  Page page{page_text};
  const auto nobody = probe::nobodys_page(server.address.family());
  if (!page_text.empty())
    net.add_host({.addresses = {nobody.address}})
        .attach(page, {{.socket = SocketId{0}, .local = nobody, .protocol = Protocol::tcp}});
  auto& home = server.address.is_v4() ? net.add_nat() : net.add_firewall();
  home.set_link({.delay = 25ms});
  auto& host =
      server.address.is_v4() ? net.add_host({}, home) : net.add_host({.addresses = {address("2001:db8:77::1")}}, home);
  std::vector<probe::Server> servers{{.name = "server", .address = server}};
  const auto* silent = server.address.is_v4() ? "198.51.100.77" : "2001:db8:1::77";
  if (others == Others::silent) servers.push_back({.name = "silent", .address = {address(silent), port1}});
  probe::Probe machine{{.servers = servers, .timing = {.extent = probe::Timing::Extent::full}}, net.rng()};
  net.run(machine, host);
  return {classify(machine.trace()), machine.trace(), page.asked};
}

std::string reason(const probe::Report& report) {
  for (const auto& one : report.evidence)
    if (one.about == "captive_portal") return one.reason;
  return {};
}
}  // namespace

TEST_CASE("A login page that answers for nobody's page is a captive portal", "[probe][portal]") {
  const auto [report, trace, asked] = ask(login);
  CHECK(report.captive_portal == true);
  CHECK(reason(report) == "page-of-nobody");
  CHECK(report.udp == probe::UdpState::blocked);
  CHECK(report.ways_out->empty());
  CHECK(asked.starts_with("GET /"));
  CHECK(asked.find("\r\nHost: 192.0.2.1\r\n") != std::string::npos);
  CHECK(report.packets_sent <= 120);
  const auto page = std::ranges::find_if(trace.events, [](const auto& event) {
    const auto* in = std::get_if<probe::Received>(&event);
    return in != nullptr && in->page;
  });
  REQUIRE(page != trace.events.end());
  CHECK(std::get<probe::Received>(*page).page == probe::PageHead{302, "login.example.net"});
}

TEST_CASE("The status that means a portal, and a page as such, are one, too", "[probe][portal]") {
  CHECK(ask("HTTP/1.1 511 Network Authentication Required\r\n\r\n").report.captive_portal == true);
  CHECK(ask("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>").report.captive_portal == true);
}

TEST_CASE("Of a single silent server nobody knows whether it is down, but where the network itself asks for a login",
          "[probe][portal]") {
  const auto report = ask(login, {}, "198.51.100.1", Others::none).report;
  CHECK(report.captive_portal == std::nullopt);
  CHECK(report.udp == probe::UdpState::unknown);
  CHECK(reason(report) == "page-of-nobody");
  const auto told =
      ask("HTTP/1.1 511 Network Authentication Required\r\n\r\n", {}, "198.51.100.1", Others::none).report;
  CHECK(told.captive_portal == true);
  CHECK(told.udp == probe::UdpState::blocked);
}

TEST_CASE("What a proxy says of nobody is no captive portal, nor what is no HTTP", "[probe][portal]") {
  const auto proxied = ask("HTTP/1.1 503 Service Unavailable\r\n\r\n").report;
  CHECK(proxied.captive_portal == std::nullopt);
  CHECK(reason(proxied) == "answers-for-others");
  CHECK(proxied.udp == probe::UdpState::unknown);
  const auto foreign = ask("SSH-2.0-OpenSSH_9.2\r\n\r\n").report;
  CHECK(foreign.captive_portal == std::nullopt);
  CHECK(reason(foreign) == "no-answer");
}

TEST_CASE("A page beside a server that answers is a filter's", "[probe][portal]") {
  const auto report = ask(login, {Protocol::tcp}).report;
  CHECK(report.captive_portal == std::nullopt);
  CHECK(reason(report) == "answers-for-others");
}

TEST_CASE("Where a server answers over TCP, and nobody for others, there is no captive portal", "[probe][portal]") {
  const auto report = ask("", {Protocol::tcp}).report;
  CHECK(report.udp == probe::UdpState::blocked);
  CHECK(report.captive_portal == false);
  CHECK(ask("").report.captive_portal == std::nullopt);
}

TEST_CASE("Nobody's page is not asked for where UDP works, nor where the server is on this network",
          "[probe][portal]") {
  for (const auto& [report, trace, asked] : {ask(login, {Protocol::udp}), ask(login, {}, "10.1.2.3", Others::none)}) {
    CHECK(asked.empty());
    CHECK(report.captive_portal == std::nullopt);
    CHECK(reason(report) == "not-asked");
  }
}

TEST_CASE("The same over IPv6", "[probe][portal]") {
  CHECK(ask(login, {}, "2001:db8:1::1").report.captive_portal == true);
}

TEST_CASE("The host is taken from a URL, and nothing else of it", "[probe][portal]") {
  CHECK(probe::host_of_url("http://login.example.net/?mac=02-00") == "login.example.net");
  CHECK(probe::host_of_url("https://me:secret@[2001:db8::1]:8443/x") == "2001:db8::1");
  CHECK(probe::host_of_url("//10.0.0.1#top") == "10.0.0.1");
  for (const auto* nothing : {"", "/login", "/login//x", "http://", "http://a b/", "http://\x1b[2J/"})
    CHECK(probe::host_of_url(nothing).empty());
  CHECK(probe::host_of_url("http://" + std::string(300, 'a')).empty());
}

TEST_CASE("An answer without end is read up to a bound", "[probe][portal]") {
  probe::PageReader reader;
  reader.append(as_bytes("HTTP/1.1 302 Found\r\nLocation: http://a.example/\r\nX: "));
  CHECK_FALSE(reader.head());
  const std::string more(1000, 'x');
  for (int i = 0; i < 10; ++i) reader.append(as_bytes(more));
  CHECK(reader.head() == probe::PageHead{302, "a.example"});
  for (const auto* broken : {"HTTP/1.1 30 Found\r\n\r\n", "HTTP/1.1 3021 Found\r\n\r\n", "HTTP/1.1 999 \r\n\r\n",
                             "http/1.1 302 \r\n\r\n", "\r\n\r\n", "HTTP/2\r\n\r\n"}) {
    probe::PageReader other;
    other.append(as_bytes(broken));
    CAPTURE(broken);
    CHECK_FALSE(other.head());
  }
}
