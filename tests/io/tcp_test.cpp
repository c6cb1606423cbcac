#include <memory>
#include <utility>

#include "catch.hpp"
#include "machines.hpp"
#include "natkit/crypto/identity.hpp"
#include "natkit/crypto/tls.hpp"
#include "natkit/io/driver.hpp"
#include "natkit/stun/message.hpp"

using namespace natkit;
using namespace natkit::test;

namespace {
Datagram tcp(std::uint32_t socket, const Endpoint& remote, std::string_view text) {
  const auto bytes = as_bytes(text);
  return {
      .socket = SocketId{socket}, .protocol = Protocol::tcp, .remote = remote, .payload{bytes.begin(), bytes.end()}};
}

std::vector<io::Listener> on_loopback() { return {{.protocol = Protocol::tcp, .endpoint = {loopback(), 0}}}; }

/// Is done when its connection stands or is refused.
class Connector : public Asker {
 public:
  using Asker::Asker;
  void handle_connected(Instant, SocketId, const Endpoint& remote) { connected = remote; }
  std::optional<Instant> poll_timeout() const { return connected ? std::nullopt : Asker::poll_timeout(); }
  std::optional<Endpoint> connected;
};

/// A stream comes in pieces cut anywhere: done when so many bytes came.
class StreamAsker : public Asker {
 public:
  StreamAsker(std::vector<Datagram> questions, std::size_t bytes) : Asker(std::move(questions)), bytes_(bytes) {}
  void start(Instant now) {
    Asker::start(now);
    deadline_ = now + 5s;
  }
  void handle_datagram(Instant now, const Datagram& in) {
    Asker::handle_datagram(now, in);
    heard_ += in.payload.size();
  }
  std::optional<Instant> poll_timeout() const {
    return heard_ >= bytes_ || is_late || !refusals.empty() ? std::nullopt : deadline_;
  }
  std::string text() const {
    std::string all;
    for (const auto& answer : answers) all += as_text(answer.payload);
    return all;
  }

 private:
  std::size_t bytes_;
  std::size_t heard_ = 0;
  std::optional<Instant> deadline_;
};
}  // namespace

TEST_CASE("A stream is opened at the first transmit and carries pieces both ways", "[tcp]") {
  Echo echo;
  Server server{echo, on_loopback()};
  StreamAsker asker{{tcp(1, server.endpoint(), "hel"), tcp(1, server.endpoint(), "lo")}, 5};

  CHECK(io::run(asker) == io::RunEnd::finished);
  static_cast<void>(server.stop());

  CHECK(asker.text() == "hello");
  REQUIRE_FALSE(echo.received.empty());
  CHECK(echo.received[0].protocol == Protocol::tcp);
  CHECK(echo.received[0].local == server.endpoint());
  CHECK(asker.answers[0].local == echo.received[0].remote);
}

TEST_CASE("A connection that nobody takes is told to the machine with what was to be sent", "[tcp]") {
  const auto closed = [] {  // a port that was free a moment ago
    auto listeners = io::Listeners::bind(on_loopback());
    return listeners->bound()[0].endpoint;
  }();
  Asker asker{{tcp(1, closed, "lost")}};
  CHECK(io::run(asker) == io::RunEnd::finished);
  REQUIRE(asker.refusals.size() == 1);
  CHECK(asker.refusals[0].remote == closed);
  CHECK(as_text(asker.refusals[0].payload) == "lost");
}

TEST_CASE("A machine is told that its connection stands, though the other side never says a word", "[tcp]") {
  auto listeners = io::Listeners::bind(on_loopback());  // the system accepts, nobody reads
  const auto place = listeners->bound()[0].endpoint;
  Connector connector{{tcp(1, place, "unheard")}};
  CHECK(io::run(connector) == io::RunEnd::finished);
  CHECK(connector.connected == place);
  CHECK(connector.refusals.empty());
}

TEST_CASE("A connection leaves from the address that was wished for it", "[tcp]") {
  /// Wishes for another loopback address than the system would take.
  struct Choosy : Asker {
    using Asker::Asker;
    std::optional<SocketChange> poll_socket() {
      if (std::exchange(is_wished, true)) return std::nullopt;
      return SocketWish{.socket = SocketId{1}, .protocol = Protocol::tcp, .local = {*parse_ip_address("127.0.0.9"), 0}};
    }
    void handle_socket_opened(Instant, SocketId, const Endpoint&) {}
    void handle_socket_failure(Instant, SocketId, std::string_view) {}
    bool is_wished = false;
  };
  static_assert(OpensSockets<Choosy>);
  Echo echo;
  Server server{echo, on_loopback()};
  Choosy choosy{{tcp(1, server.endpoint(), "hello")}};
  CHECK(io::run(choosy) == io::RunEnd::finished);
  static_cast<void>(server.stop());
  REQUIRE_FALSE(echo.received.empty());
  CHECK(to_text(echo.received[0].remote.address) == "127.0.0.9");
}

TEST_CASE("One address cannot take all connections of a server", "[tcp]") {
  Echo echo;
  Server server{echo, on_loopback(), {.tcp = {.connections_per_address = 2}}};
  Asker asker{{tcp(1, server.endpoint(), "a"), tcp(2, server.endpoint(), "b"), tcp(3, server.endpoint(), "c")}};
  CHECK(io::run(asker) == io::RunEnd::finished);
  CHECK(asker.answers.size() == 2);
  CHECK(asker.refusals.size() == 1);
}

TEST_CASE("A connection without traffic is closed by the server, and the client told", "[tcp]") {
  Echo echo;
  Server server{echo, on_loopback(), {.tcp = {.idle = 1ms}}};
  Asker asker{{tcp(1, server.endpoint(), "a"), tcp(1, server.endpoint(), "b")}, 10s};
  // Both pieces may come back as one, so what ends this run is the server's closing.
  CHECK(io::run(asker) == io::RunEnd::finished);
  CHECK_FALSE(asker.is_late);
}

namespace {
/// Answers the first piece of a connection, and ends it with that unless it says "stay".
class Dismisser : public Echo {
 public:
  void handle_datagram(Instant now, const Datagram& in) {
    Echo::handle_datagram(now, in);
    has_said_all_ = false;
    if (as_text(in.payload) != "stay") ends_.push_back({in.socket, in.remote});
  }
  std::optional<Datagram> poll_transmit() {
    auto next = Echo::poll_transmit();
    has_said_all_ = !next;
    return next;
  }
  std::optional<SocketChange> poll_socket() {
    if (!has_said_all_ || ends_.empty()) return std::nullopt;
    const auto end = ends_.back();
    ends_.pop_back();
    return end;
  }
  void handle_socket_opened(Instant, SocketId, const Endpoint&) {}
  void handle_socket_failure(Instant, SocketId, std::string_view) {}

 private:
  std::vector<ConnectionEnd> ends_;
  bool has_said_all_ = true;
};
static_assert(OpensSockets<Dismisser>);

/// Is done when so many answers and so many ends of a connection are in.
class Dismissed : public Asker {
 public:
  Dismissed(std::vector<Datagram> questions, std::size_t most_answers, std::size_t most_ends)
      : Asker(std::move(questions), 10s), most_answers_(most_answers), most_ends_(most_ends) {}
  void start(Instant now) {
    Asker::start(now);
    deadline_ = now + 10s;
  }
  std::optional<Instant> poll_timeout() const {
    return is_late || (answers.size() >= most_answers_ && refusals.size() >= most_ends_) ? std::nullopt
                                                                                         : std::optional{deadline_};
  }

 private:
  std::size_t most_answers_;
  std::size_t most_ends_;
  Instant deadline_;
};
}  // namespace

TEST_CASE("A connection that the machine ends carries its last words, and the other ones stay", "[tcp]") {
  Dismisser dismisser;
  Server server{dismisser, on_loopback()};
  Dismissed asker{{tcp(1, server.endpoint(), "go"), tcp(2, server.endpoint(), "stay")}, 2, 1};
  CHECK(io::run(asker) == io::RunEnd::finished);
  CHECK(asker.answers.size() == 2);
  REQUIRE(asker.refusals.size() == 1);
  CHECK(asker.refusals[0].socket == SocketId{1});
  CHECK_FALSE(asker.is_late);
}

TEST_CASE("A connection that the machine ends carries its last words to a peer who goes on talking", "[tcp]") {
  Dismisser dismisser;
  Server server{dismisser, on_loopback()};
  Dismissed talker{std::vector(100, tcp(1, server.endpoint(), std::string(500, 'x'))), 1, 1};
  CHECK(io::run(talker) == io::RunEnd::finished);
  CHECK_FALSE(talker.is_late);
}

TEST_CASE("What waits for a slow peer is bounded", "[tcp]") {
  Echo echo;
  Server server{echo, on_loopback()};
  Asker asker{{tcp(1, server.endpoint(), std::string(1001, 'x'))}};
  CHECK(io::run(asker, {.tcp = {.unsent_bytes = 1000}}) == io::RunEnd::finished);
  REQUIRE(asker.refusals.size() == 1);
  CHECK(asker.reasons[0] == "the other side does not read what it is sent");
}

TEST_CASE("What the system has no room for at once waits, and arrives whole", "[tcp]") {
  Echo echo;
  // More than the system keeps for both ends (tcp_wmem, tcp_rmem: 4 and 6 MiB).
  const std::string text(std::size_t{16} << 20, 'x');
  const io::TcpLimits roomy{.unsent_bytes = 2 * text.size()};
  Server server{echo, on_loopback(), {.tcp = roomy}};
  StreamAsker asker{{tcp(1, server.endpoint(), text)}, text.size()};
  CHECK(io::run(asker, {.tcp = roomy}) == io::RunEnd::finished);
  static_cast<void>(server.stop());
  CHECK(asker.reasons.empty());
  CHECK(asker.text().size() == text.size());
}

TEST_CASE("A server that speaks STUN is handed whole messages, however the stream was cut", "[tcp]") {
  Echo echo;
  Server server{echo, on_loopback(), {.framing = io::TcpFraming::stun}};
  SeededRng rng{1};
  const auto message =
      stun::MessageWriter{stun::MessageClass::request, stun::Method::binding, stun::make_transaction_id(rng)}.finish();
  const auto text = as_text(message);
  const auto twice = std::string(text) + std::string(text);
  StreamAsker asker{{tcp(1, server.endpoint(), twice.substr(0, 7)), tcp(1, server.endpoint(), twice.substr(7))},
                    twice.size()};
  CHECK(io::run(asker) == io::RunEnd::finished);
  static_cast<void>(server.stop());
  REQUIRE(echo.received.size() == 2);
  CHECK(echo.received[0].payload == message);
  CHECK(echo.received[1].payload == message);
  CHECK(asker.text() == twice);
}

TEST_CASE("A server that speaks STUN closes on anything else", "[tcp]") {
  Echo echo;
  Server server{echo, on_loopback(), {.framing = io::TcpFraming::stun}};
  StreamAsker asker{{tcp(1, server.endpoint(), "GET / HTTP/1.1\r\n\r\n")}, 1};
  CHECK(io::run(asker) == io::RunEnd::finished);
  static_cast<void>(server.stop());
  CHECK(asker.refusals.size() == 1);
  CHECK(echo.received.empty());
}

namespace {
/// Wishes for TLS, with the server and the authorities that it is told.
struct TlsAsker : Asker {
  TlsAsker(std::vector<Datagram> asks, TlsWish wish) : Asker(std::move(asks), 10s), wish_(std::move(wish)) {}
  std::optional<SocketChange> poll_socket() {
    if (std::exchange(is_wished_, true)) return std::nullopt;
    return SocketWish{.socket = SocketId{1}, .protocol = Protocol::tcp, .tls = wish_};
  }
  void handle_socket_opened(Instant, SocketId, const Endpoint&) {}
  void handle_socket_failure(Instant, SocketId, std::string_view why) { refusal = why; }

  std::string refusal;

 private:
  TlsWish wish_;
  bool is_wished_ = false;
};
static_assert(OpensSockets<TlsAsker>);
}  // namespace

TEST_CASE("TLS and plain TCP are served on one port, and look the same to the machine", "[tcp][tls]") {
  static const auto pem = crypto::Identity::make().to_pem();
  Echo echo;
  Server server{echo, on_loopback(), {.tls = *crypto::TlsContext::serve(pem, pem)}};
  const io::RunOptions trusting{.trust = crypto::TlsContext::trust};
  SECTION("TLS") {
    TlsAsker asker{{tcp(1, server.endpoint(), "sealed")}, {.server = "natkit", .authorities = pem}};
    CHECK(io::run(asker, trusting) == io::RunEnd::finished);
    REQUIRE(asker.answers.size() == 1);
    CHECK(as_text(asker.answers[0].payload) == "sealed");
  }
  SECTION("plain") {
    Asker asker{{tcp(1, server.endpoint(), "open")}};
    CHECK(io::run(asker) == io::RunEnd::finished);
    REQUIRE(asker.answers.size() == 1);
    CHECK(as_text(asker.answers[0].payload) == "open");
  }
  SECTION("and a server that we do not trust is told with the reason") {
    TlsAsker asker{{tcp(1, server.endpoint(), "sealed")}, {.server = "example.org", .authorities = pem}};
    CHECK(io::run(asker, trusting) == io::RunEnd::finished);
    REQUIRE(asker.reasons.size() == 1);
    CHECK(asker.reasons[0] == "TLS: certificate: hostname mismatch");
  }
  static_cast<void>(server.stop());
}

TEST_CASE("A wish for TLS fails where nobody can judge certificates, and nothing leaves in the open", "[tcp][tls]") {
  Echo echo;
  Server server{echo, on_loopback()};
  TlsAsker asker{{tcp(1, server.endpoint(), "sealed")}, {.server = "natkit"}};
  CHECK(io::run(asker) == io::RunEnd::finished);
  CHECK_FALSE(asker.refusal.empty());
  CHECK(asker.answers.empty());
  REQUIRE(asker.reasons.size() == 1);
  CHECK(asker.reasons[0] == "nobody can judge its certificate");
  static_cast<void>(server.stop());
}

TEST_CASE("A connection that the machine needs may be quiet", "[tcp]") {
  Echo echo;
  const auto is_needed = GENERATE(true, false);
  Server server{echo,
                on_loopback(),
                {.tcp = {.idle = 1ms},
                 .needs_connection = [is_needed](SocketId, const Endpoint&, const Endpoint&) { return is_needed; }}};
  // The second answer never comes, so the client waits until the server has swept once or its patience is over.
  Asker asker{{tcp(1, server.endpoint(), "a"), tcp(1, server.endpoint(), "")}, is_needed ? 1500ms : 10s};
  CHECK(io::run(asker) == io::RunEnd::finished);
  CHECK(asker.is_late == is_needed);
}
