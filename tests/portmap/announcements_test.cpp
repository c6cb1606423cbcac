#include "natkit/portmap/announcements.hpp"

#include "catch.hpp"
#include "literals.hpp"
#include "natkit/portmap/natpmp.hpp"
#include "natkit/portmap/pcp.hpp"

using namespace natkit;
using namespace natkit::portmap;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
constexpr SocketId control{2};
constexpr SocketId ssdp_news{3};
const Instant start{1h};
const auto gateway = "192.168.1.1:5351"_ep;

Bytes announcement() { return pcp::write_response({.epoch = 0s, .operation = pcp::Announce{}}); }
Bytes notify(std::string_view kind) {
  const auto text =
      "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNT: upnp:rootdevice\r\nNTS: " + std::string{kind} +
      "\r\nLOCATION: http://192.168.1.1:5000/d.xml\r\nUSN: uuid:1\r\n\r\n";
  return {text.begin(), text.end()};
}
Announcements listener(IpAddress local = "192.168.1.2"_ip) {
  return Announcements{{.control_socket = control, .ssdp_socket = ssdp_news, .local = local, .interface = "eth0"}};
}
}  // namespace

TEST_CASE("Announcements are heard where the standards send them", "[announcements]") {
  const auto [local, pcp_group, ssdp_group] = GENERATE(table<IpAddress, IpAddress, IpAddress>({
      {"192.168.1.2"_ip, "224.0.0.1"_ip, "239.255.255.250"_ip},
      {"2001:db8::2"_ip, "ff02::1"_ip, "ff02::c"_ip},
  }));
  auto news = listener(local);
  const auto first = news.poll_socket();
  const auto second = news.poll_socket();
  REQUIRE(first);
  REQUIRE(second);
  CHECK_FALSE(news.poll_socket());
  const auto& pcp_wish = std::get<SocketWish>(*first);
  CHECK(pcp_wish.local == Endpoint{IpAddress::any(local.family()), 5350});
  CHECK(pcp_wish.groups == std::vector{pcp_group});
  const auto& ssdp_wish = std::get<SocketWish>(*second);
  CHECK(ssdp_wish.local == Endpoint{IpAddress::any(local.family()), 1900});
  CHECK(ssdp_wish.groups == std::vector{ssdp_group});
  // Other programs on this host listen there as well.
  CHECK(pcp_wish.sharing == Sharing::shared);
  CHECK(ssdp_wish.sharing == Sharing::shared);
}

TEST_CASE("What a gateway says unasked is a hint that names its sender, and nothing else", "[announcements]") {
  const auto payload = GENERATE(
      announcement(), natpmp::write_response({.epoch = 0s, .body = natpmp::AddressResponse{"203.0.113.7"_ip}}));
  auto news = listener();
  CHECK(news.handle_datagram(start, {.socket = control, .remote = gateway, .payload = payload}));
  CHECK(news.poll_hint() == gateway.address);
  CHECK_FALSE(news.poll_hint());
}

TEST_CASE("A device that comes or goes is a hint, an answer or a search of others is none", "[announcements]") {
  const auto is_hint = [](Bytes payload) {
    auto news = listener();
    CHECK(news.handle_datagram(start, {.socket = ssdp_news, .remote = gateway, .payload = std::move(payload)}));
    return news.poll_hint().has_value();
  };
  CHECK(is_hint(notify("ssdp:alive")));
  CHECK(is_hint(notify("ssdp:byebye")));
  CHECK_FALSE(is_hint(notify("ssdp:update")));
  const std::string answer = "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: http://192.168.1.1/\r\n\r\n";
  CHECK_FALSE(is_hint({answer.begin(), answer.end()}));
  const std::string search = "M-SEARCH * HTTP/1.1\r\nST: upnp:rootdevice\r\n\r\n";
  CHECK_FALSE(is_hint({search.begin(), search.end()}));
  CHECK_FALSE(is_hint(Bytes(7, 0xff)));
}

TEST_CASE("Requests and refusals on the announcement port are no hints", "[announcements]") {
  auto news = listener();
  const auto hear = [&](Bytes payload) {
    news.handle_datagram(start, {.socket = control, .remote = gateway, .payload = std::move(payload)});
    return news.poll_hint().has_value();
  };
  CHECK_FALSE(hear(pcp::write_request({.client = "192.168.1.9"_ip, .operation = pcp::Announce{}})));
  CHECK_FALSE(hear(pcp::write_response({.result = pcp::ResultCode::not_authorized, .operation = pcp::Announce{}})));
}

TEST_CASE("However often somebody shouts, he is listened to once in a while", "[announcements]") {
  auto news = listener();
  int hints = 0;
  for (auto passed = 0ms; passed < 1000ms; passed += 1ms) {
    news.handle_datagram(start + passed, {.socket = control, .remote = gateway, .payload = announcement()});
    while (news.poll_hint()) ++hints;
  }
  CHECK(hints == 5);  // one in 200 ms
}

TEST_CASE("Any number of forged senders takes bounded room", "[announcements]") {
  auto news = listener();
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    news.handle_datagram(
        start, {.socket = control, .remote = {IpAddress::v4(0xC0A80000 + i), 5351}, .payload = announcement()});
    while (news.poll_hint()) {
    }
  }
  // The gateway is heard among them all the same.
  news.handle_datagram(start + 1s, {.socket = control, .remote = gateway, .payload = announcement()});
  CHECK(news.poll_hint() == gateway.address);
}

TEST_CASE("Datagrams of other sockets are left to others", "[announcements]") {
  auto news = listener();
  CHECK_FALSE(news.handle_datagram(start, {.socket = SocketId{9}, .remote = gateway, .payload = announcement()}));
}
