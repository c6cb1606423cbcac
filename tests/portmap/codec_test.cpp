#include <algorithm>

#include "catch.hpp"
#include "literals.hpp"
#include "natkit/portmap/igd.hpp"
#include "natkit/portmap/journal.hpp"
#include "natkit/portmap/natpmp.hpp"
#include "natkit/portmap/pcp.hpp"
#include "natkit/portmap/ssdp.hpp"
#include "natkit/portmap/url.hpp"

using namespace natkit;
using namespace natkit::portmap;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
Bytes hex(std::string_view text) {
  std::string plain;
  std::ranges::copy_if(text, std::back_inserter(plain), [](char c) { return c != ' '; });
  return *from_hex(plain);
}
std::string_view text_of(const Bytes& bytes) { return as_text(bytes); }
Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

JournalEntry some_entry() {
  JournalEntry entry{.id = MappingId{0x0123456789abcdef},
                     .run = RunId{7},
                     .stage = JournalEntry::Stage::held,
                     .route = {"192.168.1.2"_ip, "192.168.1.1"_ip, "eth0", Route::Kind::link},
                     .gateway = "192.168.1.1"_ip,
                     .mapped_host = "192.168.1.2"_ip,
                     .protocol = Protocol::tcp,
                     .internal_port = 6112,
                     .external = "203.0.113.7:6112"_ep,
                     .via = Method::upnp};
  entry.nonce = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  entry.control_url = "http://192.168.1.1:5000/ctl?a=b c%\n";
  entry.description = "my game = fun";
  entry.lifetime = 7200s;
  entry.inner = MappingId{5};
  entry.only = Method::nat_pmp;
  entry.written_at = 1790000000;
  return entry;
}
}  // namespace

TEST_CASE("A PCP MAP request is what RFC 6887 figures 2 and 9 draw", "[pcp]") {
  pcp::Nonce nonce{};
  std::ranges::fill(nonce, std::uint8_t{0xab});
  const pcp::Request request{
      .lifetime = 7200s, .client = "192.0.2.33"_ip, .operation = pcp::Map{nonce, 17, 6112, "0.0.0.0:6112"_ep}};
  const auto wire =
      hex("02 01 0000 00001c20 00000000000000000000ffffc0000221"
          "abababababababababababab 11 000000 17e0 17e0 00000000000000000000ffff00000000");
  CHECK(pcp::write_request(request) == wire);
  CHECK(pcp::parse_request(wire) == request);
}

TEST_CASE("PCP options travel both ways, and unknown ones count only when they must be understood", "[pcp]") {
  const pcp::Request request{
      .lifetime = 60s,
      .client = "2001:db8::2"_ip,
      .operation = pcp::Map{{}, 6, 80, {IpAddress::any(Family::ipv6), 0}},
      .options = {pcp::ThirdParty{"2001:db8::9"_ip}, pcp::PreferFailure{}, pcp::Filter{120, "198.51.100.0:0"_ep}}};
  auto wire = pcp::write_request(request);
  CHECK(wire.size() == 60 + 20 + 4 + 24);
  CHECK(pcp::parse_request(wire) == request);
  auto optional = wire;
  std::ranges::copy(hex("c8 00 0002 aabb 0000"), std::back_inserter(optional));
  CHECK(pcp::parse_request(optional) == request);
  std::ranges::copy(hex("48 00 0000"), std::back_inserter(wire));
  CHECK(pcp::parse_request(wire).error() == pcp::ParseError::unknown_option);
}

TEST_CASE("A PCP error needs no more than its header, whatever version it comes in", "[pcp]") {
  const auto refused = pcp::parse_response(hex("02 81 00 02 00000e10 00000064 000000000000000000000000"));
  REQUIRE(refused);
  CHECK(refused->result == pcp::ResultCode::not_authorized);
  CHECK(refused->lifetime == 3600s);
  const auto other = pcp::parse_response(hex("01 81 00 01 00000e10 00000064 000000000000000000000000"));
  REQUIRE(other);
  CHECK(other->result == pcp::ResultCode::unsupported_version);
  CHECK(pcp::parse_response(hex("00 81 0001 00000064")).error() == pcp::ParseError::not_pcp);
}

TEST_CASE("PCP refuses what is too long, cut off, or no multiple of four", "[pcp]") {
  auto wire = pcp::write_response({.operation = pcp::Map{}});
  CHECK(wire.size() == 60);
  for (std::size_t length = 0; length < wire.size(); ++length) {
    // An ANNOUNCE ends after the header; a MAP that does so is cut off.
    CHECK_FALSE(pcp::parse_response(ByteView{wire}.first(length)));
  }
  wire.resize(1104);
  CHECK(pcp::parse_response(wire).error() == pcp::ParseError::bad_length);
  wire.resize(61);
  CHECK(pcp::parse_response(wire).error() == pcp::ParseError::bad_length);
}

TEST_CASE("NAT-PMP messages are what RFC 6886 3.2 and 3.3 draw", "[natpmp]") {
  CHECK(natpmp::write_request(natpmp::AddressRequest{}) == hex("0000"));
  const natpmp::MappingRequest mapping{Protocol::tcp, 8080, 80, 7200s};
  CHECK(natpmp::write_request(mapping) == hex("00 02 0000 1f90 0050 00001c20"));
  CHECK(natpmp::parse_request(hex("00 02 0000 1f90 0050 00001c20")) == natpmp::Request{mapping});
  const auto granted = natpmp::parse_response(hex("00 82 0000 0000002a 1f90 0051 00000e10"));
  REQUIRE(granted);
  CHECK(granted->epoch == 42s);
  CHECK(std::get<natpmp::MappingResponse>(granted->body) == natpmp::MappingResponse{Protocol::tcp, 8080, 81, 3600s});
  const auto address = natpmp::parse_response(hex("00 80 0000 0000002a cb007107"));
  REQUIRE(address);
  CHECK(std::get<natpmp::AddressResponse>(address->body).external == "203.0.113.7"_ip);
  CHECK(natpmp::write_response(*address) == hex("00 80 0000 0000002a cb007107"));
  CHECK(natpmp::parse_response(hex("00 81 0003 0000002a"))->result == natpmp::ResultCode::network_failure);
  CHECK(natpmp::parse_response(hex("00 81 0000 0000002a")).error() == natpmp::ParseError::truncated);
  CHECK(natpmp::parse_response(hex("02 81 0000 0000002a")).error() == natpmp::ParseError::not_natpmp);
}

TEST_CASE("SSDP answers are read with any case and any line end, and lead somewhere", "[ssdp]") {
  const auto answer =
      ssdp::parse_message(bytes_of("HTTP/1.1 200 OK\nst: urn:x\nLocation:  http://192.0.2.1:5000/a \n"
                                   "Usn: uuid:1\nBOOTID.UPNP.ORG: 17\n\nLOCATION: http://evil/"));
  REQUIRE(answer);
  CHECK(answer->kind == ssdp::Message::Kind::answer);
  CHECK(answer->location == "http://192.0.2.1:5000/a");
  CHECK(answer->target == "urn:x");
  CHECK(answer->boot_id == 17U);
  const auto byebye =
      ssdp::parse_message(bytes_of("NOTIFY * HTTP/1.1\r\nNTS: ssdp:byebye\r\nNT: upnp:rootdevice\r\n\r\n"));
  REQUIRE(byebye);
  CHECK(byebye->kind == ssdp::Message::Kind::byebye);
  CHECK(ssdp::parse_message(bytes_of("HTTP/1.1 200 OK\r\nST: a\r\n\r\n")).error() == ssdp::ParseError::no_location);
  CHECK(ssdp::parse_message(bytes_of("HTTP/1.1 404 No\r\n\r\n")).error() == ssdp::ParseError::not_ssdp);
  CHECK(ssdp::parse_message(Bytes(2049, 'a')).error() == ssdp::ParseError::too_long);
}

TEST_CASE("A USN names the device in front of what it is", "[ssdp]") {
  CHECK(ssdp::device_of("uuid:0000-1::upnp:rootdevice") == "uuid:0000-1");
  CHECK(ssdp::device_of("uuid:0000-1") == "uuid:0000-1");
  CHECK(ssdp::device_of("upnp:rootdevice").empty());
  CHECK(ssdp::device_of("").empty());
  CHECK(ssdp::device_of("uuid:" + std::string(100, 'x')).empty());
}

TEST_CASE("An SSDP search names where it goes, and how long a crowd may take", "[ssdp]") {
  CHECK(text_of(ssdp::write_search("upnp:rootdevice", ssdp::group(Family::ipv4))) ==
        "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: "
        "upnp:rootdevice\r\n\r\n");
  CHECK(text_of(ssdp::write_search("upnp:rootdevice", "192.0.2.1:1900"_ep)).find("MX") == std::string_view::npos);
}

TEST_CASE("A location is followed only to the host that sent it", "[url]") {
  const auto answerer = "192.168.1.1"_ip;
  const auto error_of = [&](std::string_view text) { return parse_url_on(text, answerer).error(); };
  const auto good = parse_url_on("HTTP://192.168.1.1:5000/root.xml?x", answerer);
  REQUIRE(good);
  CHECK(good->host == "192.168.1.1:5000"_ep);
  CHECK(good->path == "/root.xml?x");
  CHECK(parse_url_on("http://192.168.1.1", answerer)->host.port == 80);
  CHECK(parse_url_on("http://[::ffff:192.168.1.1]:80/", answerer));
  CHECK(error_of("http://192.168.1.2/") == UrlError::foreign_host);
  CHECK(error_of("http://127.0.0.1:8088/secret") == UrlError::forbidden);
  CHECK(error_of("http://[::ffff:127.0.0.1]/") == UrlError::forbidden);
  CHECK(error_of("http://[fe80::1%25eth0]/") == UrlError::forbidden);
  CHECK(error_of("http://router.local/") == UrlError::not_literal);
  CHECK(error_of("http://me@192.168.1.1/") == UrlError::malformed);
  CHECK(error_of("https://192.168.1.1/") == UrlError::not_http);
  CHECK(error_of("http://192.168.1.1/\x1b[31m") == UrlError::malformed);
  CHECK(error_of("http://192.168.1.1/" + std::string(600, 'a')) == UrlError::malformed);
  CHECK(parse_url_on("http://[fe80::1]:80/", "fe80::1"_ip));
}

TEST_CASE("A journal entry comes back as it was written", "[journal]") {
  const auto entry = some_entry();
  const auto line = write_entry(entry);
  CHECK(line.find('\n') == std::string::npos);
  const auto again = parse_entry(line);
  REQUIRE(again);
  CHECK(write_entry(*again) == line);
  CHECK(again->control_url == entry.control_url);
  CHECK(again->description == entry.description);
  CHECK(again->nonce == entry.nonce);
  CHECK(again->inner == entry.inner);
  CHECK(again->only == entry.only);
}

TEST_CASE("A journal line that was changed anywhere, or cut off, is not believed", "[journal]") {
  const auto line = write_entry(some_entry());
  for (std::size_t length = 0; length < line.size(); ++length) CHECK_FALSE(parse_entry(line.substr(0, length)));
  for (std::size_t i = 0; i < line.size(); ++i) {
    auto changed = line;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    CHECK_FALSE(parse_entry(changed));
  }
  CHECK(parse_entry("hello").error() == JournalError::not_ours);
  CHECK(parse_entry("natkit-2 id=1 crc=0").error() == JournalError::unknown_version);
}

TEST_CASE("Calls to gateways and their replies come back as they were written", "[igd]") {
  const igd::Service service{"urn:a:WANIPConnection:2", "http://192.168.1.1/ctl"};
  const std::vector<igd::Call> calls{
      igd::Describe{"http://192.168.1.1/d", "192.168.1.1"_ip, "192.168.1.2"_ip},
      igd::Add{service, Protocol::tcp, "192.168.1.2:80"_ep, 81, 60s, "words", igd::Add::Port::any},
      igd::Delete{service, Protocol::udp, 81},
      igd::Look{service, Protocol::udp, 81},
      igd::List{service, 9},
      igd::AddPinhole{service, Protocol::udp, {"2001:db8::2"_ip, 5}, 60s},
      igd::UpdatePinhole{service, "2001:db8::2"_ip, 3, 60s},
      igd::DeletePinhole{service, "2001:db8::2"_ip, 3},
  };
  for (const auto& call : calls) {
    const auto wire = igd::write_call(call);
    const auto again = igd::parse_call(wire);
    REQUIRE(again);
    CHECK(again->index() == call.index());
    CHECK(igd::write_call(*again) == wire);
    for (std::size_t length = 0; length < wire.size(); ++length)
      CHECK_FALSE(igd::parse_call(ByteView{wire}.first(length)));
  }
  igd::Device device;
  device.manufacturer = "m";
  device.connections.push_back({.service = service, .status = "Up", .external = "203.0.113.7"_ip});
  device.firewall = service;
  device.pinholes_allowed = false;
  const igd::Entry entry{Protocol::udp, 81, "192.168.1.2:80"_ep, 0s, "d", "", false};
  const std::vector<igd::Reply> replies{device,
                                        igd::Added{81},
                                        igd::Done{},
                                        entry,
                                        std::vector{entry, entry},
                                        igd::Pinhole{4},
                                        std::unexpected(igd::Fault{igd::Fault::Kind::upnp_error, 718, "x"})};
  for (const auto& reply : replies) {
    const auto wire = igd::write_reply(reply);
    const auto again = igd::parse_reply(wire);
    REQUIRE(again);
    CHECK(again->has_value() == reply.has_value());
    CHECK(igd::write_reply(*again) == wire);
  }
  CHECK(igd::parse_call(hex("63")).error() == igd::ParseError::unknown_kind);
}
