#include "natkit/io/igd_task.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "literals.hpp"
#include "machines.hpp"
#include "natkit/io/listeners.hpp"
#include "natkit/portmap/igd.hpp"

using namespace natkit;
using namespace natkit::test;
using namespace natkit::portmap;
using igd::Fault;

namespace {
/// A gateway's control service on loopback: gives every request the same answer and closes.
class Gateway {
 public:
  explicit Gateway(std::string answer)
      : listeners_(std::move(*io::Listeners::bind({{.protocol = Protocol::tcp, .endpoint = {loopback(), 0}}}))),
        endpoint_(listeners_.bound()[0].endpoint),
        listener_(listeners_.take(0)),
        answer_(std::move(answer)),
        thread_([this] { serve(); }) {}
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway() { static_cast<void>(finish()); }

  [[nodiscard]] std::string url() const { return "http://" + to_text(endpoint_) + "/ctl"; }
  /// What it was asked, once nobody asks any more.
  const std::vector<std::string>& finish() {
    ::shutdown(listener_.number(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    return requests_;
  }

 private:
  void serve() {
    while (true) {
      pollfd wait{.fd = listener_.number(), .events = POLLIN, .revents = 0};
      ::poll(&wait, 1, -1);
      const io::Descriptor peer{::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (peer.number() < 0) return;
      std::string request(65536, '\0');
      std::size_t size = 0;
      // miniupnpc ends a call with the end of its envelope.
      while (request.find("</s:Envelope>") == std::string::npos) {
        const auto count = ::recv(peer.number(), request.data() + size, request.size() - size, 0);
        if (count <= 0) break;
        size += static_cast<std::size_t>(count);
      }
      request.resize(size);
      requests_.push_back(std::move(request));
      static_cast<void>(::send(peer.number(), answer_.data(), answer_.size(), MSG_NOSIGNAL));
    }
  }

  io::Listeners listeners_;
  Endpoint endpoint_;
  io::Descriptor listener_;
  std::string answer_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

std::string http(const std::string& body, const std::string& status = "200 OK", const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Type: text/xml\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
std::string soap(const std::string& inner) {
  return "<?xml version=\"1.0\"?><s:Envelope><s:Body><u:R>" + inner + "</u:R></s:Body></s:Envelope>";
}
std::string fault(int code) {
  return http(soap("<s:Fault><detail><UPnPError><errorCode>" + std::to_string(code) +
                   "</errorCode></UPnPError></detail></s:Fault>"),
              "500 Internal Server Error");
}

igd::Reply ask(const igd::Call& call) { return igd::parse_reply(io::run_igd_call(igd::write_call(call))).value(); }

igd::Add add_at(const Gateway& gateway) {
  return {.service = {"urn:schemas-upnp-org:service:WANIPConnection:1", gateway.url()},
          .protocol = Protocol::tcp,
          .internal = "192.168.1.2:7000"_ep,
          .external_port = 7001,
          .lifetime = 600s,
          .description = "a <game> & \"more\"\n"};
}
}  // namespace

TEST_CASE("A call is made by the book, with nothing of ours that could change it", "[igd_task]") {
  Gateway gateway{http(soap(""))};
  const auto reply = ask(add_at(gateway));
  REQUIRE(reply);
  CHECK(std::get<igd::Added>(*reply).external_port == 7001);
  const auto& requests = gateway.finish();
  REQUIRE(requests.size() == 1);
  for (const auto* part :
       {"POST /ctl HTTP/1.1\r\n", "WANIPConnection:1#AddPortMapping\"", "<NewProtocol>TCP</NewProtocol>",
        "<NewInternalClient>192.168.1.2</NewInternalClient>", "<NewLeaseDuration>600</NewLeaseDuration>",
        "<NewPortMappingDescription>a &lt;game&gt; &amp; \"more\"</NewPortMappingDescription>"}) {
    CAPTURE(part, requests[0]);
    CHECK(requests[0].find(part) != std::string::npos);
  }
}

TEST_CASE("A gateway's error is given on as the number it is", "[igd_task]") {
  const int code = GENERATE(402, 501, 606, 718, 725, 728);
  Gateway gateway{fault(code)};
  const auto reply = ask(add_at(gateway));
  REQUIRE_FALSE(reply);
  CHECK(reply.error().kind == Fault::Kind::upnp_error);
  CHECK(reply.error().code == code);
}

TEST_CASE("An entry is read as it was written, and one without an address is malformed", "[igd_task]") {
  const std::string inner =
      "<NewInternalPort>7000</NewInternalPort><NewInternalClient>192.168.1.2</NewInternalClient><NewEnabled>1</"
      "NewEnabled><NewPortMappingDescription>\x1b[31mred</NewPortMappingDescription><NewLeaseDuration>42</"
      "NewLeaseDuration>";
  Gateway good{http(soap(inner))};
  const igd::Look look{.service = add_at(good).service, .protocol = Protocol::udp, .external_port = 7001};
  const auto reply = ask(look);
  REQUIRE(reply);
  const auto& entry = std::get<igd::Entry>(*reply);
  CHECK(entry.internal == "192.168.1.2:7000"_ep);
  CHECK(entry.lifetime == 42s);
  CHECK(entry.description == "\x1b[31mred");  // raw
  Gateway odd{http(soap("<NewInternalPort>99999</NewInternalPort><NewInternalClient>nowhere</NewInternalClient>"))};
  const auto malformed = ask(igd::Look{.service = add_at(odd).service, .external_port = 7001});
  REQUIRE_FALSE(malformed);
  CHECK(malformed.error().kind == Fault::Kind::malformed);
}

TEST_CASE("An answer that is none fails, and leads nowhere else", "[igd_task]") {
  Gateway elsewhere{http(soap(""))};
  std::string bomb = "<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\">";
  for (char name = 'b'; name < 'k'; ++name) {
    bomb += std::string{"<!ENTITY "} + name + " \"";
    for (int i = 0; i < 10; ++i) bomb += std::string{"&"} + static_cast<char>(name - 1) + ";";
    bomb += "\">";
  }
  const auto answer = GENERATE_REF(values<std::string>({
      "",                                                                             // closed at once
      "HTTP/1.1 200 OK\r\nContent-Le",                                                // cut off
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",                                //
      "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n<s:Envelope>",             // a lie
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nxx",  //
      std::string(20'000, '\xff'),                                                    //
      http(bomb + "]><root>&j;</root>", "500 Error"),                                 //
      http("", "302 Found", "Location: " + elsewhere.url() + "\r\n"),                 //
  }));
  CAPTURE(answer.substr(0, 80));
  Gateway gateway{answer};
  const auto reply = ask(igd::Look{.service = add_at(gateway).service, .external_port = 7001});
  REQUIRE_FALSE(reply);
  CHECK(elsewhere.finish().empty());
}

TEST_CASE("Nobody is asked to describe what does not lie on the host that answered", "[igd_task]") {
  Gateway gateway{http("<root/>")};
  const auto location = GENERATE_REF(values<std::string>({gateway.url(), "http://localhost/", "ftp://192.0.2.1/", ""}));
  for (const auto* host : {"192.0.2.1", "127.0.0.1"}) {
    const auto reply = ask(igd::Describe{location, *parse_ip_address(host), "192.0.2.2"_ip});
    REQUIRE_FALSE(reply);
    CHECK(reply.error().kind == Fault::Kind::foreign);
  }
  CHECK(gateway.finish().empty());
}

TEST_CASE("A question that makes no sense is answered all the same", "[igd_task]") {
  const auto reply = igd::parse_reply(io::run_igd_call({}));
  REQUIRE(reply);
  REQUIRE_FALSE(*reply);
  CHECK(reply->error().kind == Fault::Kind::malformed);
}
