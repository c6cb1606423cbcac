#include "natkit/io/http_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

#include "catch.hpp"
#include "machines.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
using Clock = std::chrono::steady_clock;

/// A connection as a stranger makes it.
class Caller {
 public:
  explicit Caller(const Endpoint& server) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    address.sin_addr.s_addr = htonl(server.address.v4_value());
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as the system's calls want it
    REQUIRE(::connect(socket_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  /// False when the other side has ended it.
  bool say(std::string_view text) {
    return ::send(socket_.number(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  /// Until the other side ends it.
  std::string hear() {
    std::string all;
    std::array<char, 4096> piece{};
    for (;;) {
      const auto count = ::recv(socket_.number(), piece.data(), piece.size(), 0);
      if (count <= 0) return all;
      all.append(piece.data(), static_cast<std::size_t>(count));
    }
  }

 private:
  io::Descriptor socket_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

/// Answers with what it was asked.
HttpResponse mirror(Instant, const HttpRequest& request) {
  return {.status = 201,
          .body = request.method + " " + request.target + " " + request.authorization + " " + request.body + " " +
                  to_text(request.from),
          .content_type = "text/plain",
          .headers = {{"X-Mood", "fine"}}};
}

struct Site {
  explicit Site(const io::HttpServer::Limits& limits = {})
      : http(std::move(*io::HttpServer::listen({{loopback(), 0}}, limits, &mirror))),
        server(echo, {{.endpoint = {loopback(), 0}}}, {.guest = http.get()}) {}
  std::string ask(std::string_view text) {
    Caller caller{http->bound()[0]};
    CHECK(caller.say(text));
    return caller.hear();
  }
  Echo echo;
  std::unique_ptr<io::HttpServer> http;
  Server server;
};
}  // namespace

TEST_CASE("A question of HTTP arrives as a value, and the answer leaves", "[http]") {
  Site site;
  const auto answer =
      site.ask("POST /a%20b?c=d HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(answer.starts_with("HTTP/1.1 201 "));
  CHECK(answer.find("\r\nContent-Type: text/plain\r\n") != std::string::npos);
  CHECK(answer.find("\r\nX-Mood: fine\r\n") != std::string::npos);
  CHECK(answer.ends_with("\r\n\r\nPOST /a%20b?c=d Bearer k hello 127.0.0.1"));
}

TEST_CASE("A HEAD is answered as a GET, without the body", "[http]") {
  Site site;
  const auto answer = site.ask("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(answer.starts_with("HTTP/1.1 201 "));
  CHECK(answer.ends_with("\r\n\r\n"));
  CHECK(answer.find("Content-Length: 17\r\n") != std::string::npos);  // of "GET /   127.0.0.1"
}

TEST_CASE("HTTP is served beside the machine, one question after another", "[http]") {
  Site site;
  for (int i = 0; i < 100; ++i) {
    CHECK(site.ask("GET /" + std::to_string(i) + " HTTP/1.0\r\n\r\n").find("GET /" + std::to_string(i)) !=
          std::string::npos);
    if (i % 20 != 0) continue;
    Asker asker{{{.socket = SocketId{1}, .remote = site.server.endpoint(), .payload = {1, 2, 3}}}};
    REQUIRE(io::run(asker));
    CHECK(asker.answers.size() == 1);
  }
}

TEST_CASE("Too long a body or head is not kept", "[http][limits]") {
  Site site{{.head_bytes = 4096, .body_bytes = 100}};
  CHECK(site.ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n").starts_with("HTTP/1.1 413 "));
  CHECK(site.ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n").find(" 201 ") ==
        std::string::npos);
  CHECK(site.ask("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n80\r\n" + std::string(128, 'x') +
                 "\r\n0\r\n\r\n")
            .find(" 201 ") == std::string::npos);
  CHECK(site.ask("GET /" + std::string(8000, 'x') + " HTTP/1.1\r\nHost: x\r\n\r\n").find(" 201 ") == std::string::npos);
  CHECK(site.ask("no http at all\r\n\r\n").find(" 201 ") == std::string::npos);
  CHECK(site.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 201 "));
}

TEST_CASE("Who trickles is cut off in time, and others are served meanwhile", "[http][limits]") {
  Site site{{.time = 500ms}};
  Caller slow{site.http->bound()[0]};
  const auto begin = Clock::now();
  CHECK(slow.say("GET / HTTP/1.1\r\n"));
  while (slow.say("X: y\r\n") && Clock::now() - begin < 8s) {
    CHECK(site.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 201 "));
    std::this_thread::sleep_for(50ms);
  }
  const auto took = Clock::now() - begin;
  CHECK(took >= 450ms);
  CHECK(took < 5s);
}

TEST_CASE("One address has so many connections of HTTP at a time", "[http][limits]") {
  Site site{{.connections = 8, .connections_per_address = 2, .time = 20s}};
  Caller first{site.http->bound()[0]};
  Caller second{site.http->bound()[0]};
  CHECK(first.say("GET /1 HT"));
  CHECK(second.say("GET /2 HT"));
  std::this_thread::sleep_for(100ms);  // both have been accepted
  Caller third{site.http->bound()[0]};
  static_cast<void>(third.say("GET /3 HTTP/1.0\r\n\r\n"));
  CHECK(third.hear().empty());
  CHECK(first.say("TP/1.0\r\n\r\n"));
  CHECK(first.hear().find("GET /1") != std::string::npos);
  CHECK(second.say("TP/1.0\r\n\r\n"));
  CHECK(second.hear().find("GET /2") != std::string::npos);
}

TEST_CASE("A port for HTTP that is taken is named", "[http]") {
  const auto first = io::HttpServer::listen({{loopback(), 0}}, {}, &mirror);
  REQUIRE(first);
  const auto taken = io::HttpServer::listen({(*first)->bound()[0]}, {}, &mirror);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().reason == "address-in-use");
}
