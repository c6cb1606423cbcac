// Forwarding over a simulated internet, in virtual time, with programs that are made up of fake pipes and sockets.
#include <algorithm>
#include <map>
#include <set>

#include "catch.hpp"
#include "link/encounter.hpp"
#include "natkit/link/forwarder.hpp"

using namespace natkit;
using namespace natkit::test;
using link::Forwarder;

namespace {
Endpoint at(std::string_view text) { return *parse_endpoint(text); }
const auto web = at("127.0.0.1:80");
const auto door = at("127.0.0.1:8080");
const auto web_place = link::Place{"127.0.0.1", 80};
const link::Permit web_permit{.host = "127.0.0.1", .port = 80, .addresses = {at("127.0.0.1:80").address}};

Bytes numbered(std::size_t size, unsigned seed = 1) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 131 + (i >> 8) * 29 + seed);
  return bytes;
}

/// A program's end of one TCP connection.
struct Program {
  Bytes says{};  ///< to be read by the forwarder
  enum class Then : std::uint8_t { ends, waits } then = Then::waits;
  bool is_reading = true;  ///< takes what is written to it
  Bytes heard{};
  bool has_heard_end = false, is_cut_off = false;
  std::size_t taken = 0;  ///< of `says`
  std::optional<std::size_t> asked{};
  std::optional<Bytes> written{};
};

/// One side: a forwarder on a link, and the programs around it.
class Office {
 public:
  Office(Party& party, sim::Host& host, Forwarder::Config config)
      : forwarder(std::move(config)), party_(party), host_(host) {}

  void work(Instant now) {
    for (bool goes_on = true; goes_on;) {
      goes_on = hear_link(now) || hear_wishes(now) || move_bytes(now);
      if (const auto due = forwarder.poll_timeout(); due && *due <= now) forwarder.handle_timeout(now, party_.link());
    }
    while (auto event = forwarder.poll_event()) events.push_back(std::move(*event));
    party_.hub.flush(now);
    host_.wake();
  }

  /// A program comes to the first door.
  PipeId come(Instant now, Program program) {
    const PipeId pipe{static_cast<std::uint32_t>(first_accepted_pipe) + ++visitors_};
    programs[pipe] = std::move(program);
    forwarder.handle_pipe_accepted(now, party_.link(), doors_.at(0), pipe, at("127.0.0.1:40000"));
    work(now);
    return pipe;
  }

  void cut(Instant now, PipeId pipe) {
    forwarder.handle_pipe_failure(now, party_.link(), pipe, "Connection reset by peer");
    work(now);
  }

  void hear_datagram(Instant now, SocketId socket, const Endpoint& from, Bytes payload) {
    forwarder.handle_datagram(now, party_.link(), {.socket = socket, .remote = from, .payload = std::move(payload)});
    work(now);
  }

  template <class E>
  [[nodiscard]] std::vector<E> told() const {
    std::vector<E> found;
    for (const auto& event : events)
      if (const auto* one = std::get_if<E>(&event)) found.push_back(*one);
    return found;
  }

  Forwarder forwarder;
  std::map<PipeId, Program> programs;
  std::map<Endpoint, Program> servers;  ///< who is connected to finds a copy
  std::vector<PipeId> served;
  std::vector<Endpoint> tried;
  std::vector<Forwarder::Event> events;
  std::vector<SocketId> sockets;  ///< that listen
  std::vector<SocketId> closed_sockets;
  std::vector<Datagram> datagrams;
  std::function<void(Instant, const Datagram&)> on_datagram = [](Instant, const Datagram&) {};

 private:
  bool hear_link(Instant now) {
    if (seen_ == party_.events.size()) return false;
    const auto event = party_.events[seen_++];
    auto& link = party_.link();
    if (const auto* opened = std::get_if<channel::StreamOpened>(&event))
      forwarder.handle_stream_opened(now, link, *opened);
    else if (const auto* closed = std::get_if<channel::StreamClosed>(&event))
      forwarder.handle_stream_closed(now, link, closed->stream);
    else if (const auto* message = std::get_if<channel::Message>(&event))
      forwarder.handle_message(now, link, *message);
    else if (std::holds_alternative<channel::WritableAgain>(event))
      forwarder.handle_writable(now, link);
    return true;
  }

  bool hear_wishes(Instant now) {
    bool has_any = false;
    while (auto socket = forwarder.poll_socket()) hear_socket(*socket);
    while (auto out = forwarder.poll_transmit()) {
      datagrams.push_back(*out);
      on_datagram(now, *out);
      has_any = true;
    }
    while (auto wish = forwarder.poll_pipe()) {
      hear_pipe(now, std::move(*wish));
      has_any = true;
    }
    return has_any;
  }

  void hear_socket(const SocketChange& change) {
    if (const auto* end = std::get_if<SocketEnd>(&change)) return closed_sockets.push_back(end->socket);
    const auto& wish = std::get<SocketWish>(change);
    sockets.push_back(wish.socket);
    forwarder.handle_socket_opened(wish.socket, wish.local);
  }

  void hear_pipe(Instant now, PipeChange wish) {
    if (const auto* listen = std::get_if<PipeListen>(&wish)) {
      doors_.push_back(listen->pipe);
      forwarder.handle_pipe_opened(now, party_.link(), listen->pipe, listen->local);
    } else if (const auto* connect = std::get_if<PipeConnect>(&wish)) {
      tried.push_back(connect->remote);
      const auto server = servers.find(connect->remote);
      if (server == servers.end()) {
        forwarder.handle_pipe_failure(now, party_.link(), connect->pipe, "Connection refused");
      } else {
        programs[connect->pipe] = server->second;
        served.push_back(connect->pipe);
        forwarder.handle_pipe_opened(now, party_.link(), connect->pipe, door);
      }
    } else if (const auto* read = std::get_if<PipeRead>(&wish)) {
      programs.at(read->pipe).asked = read->most;
    } else if (auto* write = std::get_if<PipeWrite>(&wish)) {
      CHECK_FALSE(programs.at(write->pipe).written);  // one at a time
      programs.at(write->pipe).written = std::move(write->bytes);
    } else if (const auto* end = std::get_if<PipeEnd>(&wish)) {
      programs.at(end->pipe).has_heard_end = true;
    } else if (const auto* close = std::get_if<PipeClose>(&wish)) {
      auto& program = programs[close->pipe];
      program.is_cut_off = true;
      program.asked.reset();
      program.written.reset();
    }
  }

  bool move_bytes(Instant now) {
    bool has_any = false;
    for (auto& [pipe, program] : programs) {
      if (program.written && program.is_reading) {
        program.heard.insert(program.heard.end(), program.written->begin(), program.written->end());
        program.written.reset();
        forwarder.handle_pipe_written(now, party_.link(), pipe);
        has_any = true;
      }
      const auto rest = program.says.size() - program.taken;
      if (!program.asked || (rest == 0 && program.then == Program::Then::waits)) continue;
      const auto piece = ByteView{program.says}.subspan(program.taken, std::min(*program.asked, rest));
      program.asked.reset();
      program.taken += piece.size();
      forwarder.handle_pipe_read(now, party_.link(), pipe, piece);
      has_any = true;
    }
    return has_any;
  }

  Party& party_;
  sim::Host& host_;
  std::size_t seen_ = 0;
  std::uint32_t visitors_ = 0;
  std::vector<PipeId> doors_;
};

/// Two secured homes; A listens at `door` for what B serves.
class Town {
 public:
  explicit Town(Forwarder::Config a_config = with_door(), Forwarder::Config b_config = {.permits = {web_permit}})
      : a(encounter.a, encounter.host_a, std::move(a_config)), b(encounter.b, encounter.host_b, std::move(b_config)) {
    encounter.tell();
    encounter.run(1s, [&] { return encounter.are_secured(); });
    REQUIRE(encounter.are_secured());
    a.forwarder.begin();
    b.forwarder.begin();
    run(100ms);
  }
  static Forwarder::Config with_door() { return {.listens = {{.at = {door}, .to = web_place}}}; }
  static Forwarder::Config with_udp_door() {
    return {.listens = {{.protocol = Protocol::udp, .at = {door}, .to = web_place}}};
  }

  [[nodiscard]] Instant now() const { return encounter.net.now(); }
  void run(Duration time) {
    run(time, [] { return false; });
  }
  bool run(Duration time, const std::function<bool()>& is_over) {
    for (const auto end = now() + time; now() < end && !is_over();) {
      a.work(now());
      b.work(now());
      encounter.step();
    }
    return is_over();
  }

  Encounter encounter{{}};
  Office a, b;
};
using Then = Program::Then;
}  // namespace

TEST_CASE("Connections go both ways at once, whole and in order, and are gone afterwards", "[forwarder][sim]") {
  Town town;
  REQUIRE(town.a.told<Forwarder::Listening>().size() == 1);
  CHECK(town.a.told<Forwarder::Listening>()[0].at == door);
  town.b.servers[web] = {.says = numbered(300'000, 9), .then = Then::ends};
  std::vector<PipeId> visitors;
  for (unsigned i = 0; i < 5; ++i)
    visitors.push_back(town.a.come(town.now(), {.says = numbered(200'000 + i, i), .then = Then::ends}));
  CHECK(town.run(20s, [&] { return town.a.forwarder.connections() + town.b.forwarder.connections() == 0; }));
  REQUIRE(town.b.served.size() == 5);
  for (unsigned i = 0; i < 5; ++i) {
    const auto& visitor = town.a.programs.at(visitors[i]);
    CHECK(visitor.heard == numbered(300'000, 9));
    CHECK(visitor.has_heard_end);
    CHECK_FALSE(visitor.is_cut_off);
    CHECK(town.b.programs.at(town.b.served[i]).heard == numbered(200'000 + i, i));
    CHECK(town.b.programs.at(town.b.served[i]).has_heard_end);
  }
}

TEST_CASE("A program that does not read holds up the one that sends to it, and no other", "[forwarder][sim]") {
  Town town;
  town.b.servers[web] = {.is_reading = false};
  const auto much = numbered(8'000'000);
  const auto slow = town.a.come(town.now(), {.says = much, .then = Then::ends});
  town.run(3s);
  const auto taken = town.a.programs.at(slow).taken;
  CHECK(taken >= link::ForwardStream::first_window);
  CHECK(taken <= link::ForwardStream::most_window + link::ForwardStream::first_window);
  town.run(3s);
  CHECK(town.a.programs.at(slow).taken == taken);

  town.b.servers[web] = {.says = numbered(100'000), .then = Then::ends};
  const auto quick = town.a.come(town.now(), {.says = numbered(100'000), .then = Then::ends});
  CHECK(town.run(5s, [&] { return town.a.programs.at(quick).has_heard_end; }));
  CHECK(town.a.programs.at(quick).heard == numbered(100'000));

  town.b.programs.at(town.b.served[0]).is_reading = true;
  CHECK(town.run(30s, [&] { return town.b.programs.at(town.b.served[0]).has_heard_end; }));
  CHECK(town.b.programs.at(town.b.served[0]).heard == much);
}

TEST_CASE("A program may end its half and still hear the answer", "[forwarder][sim]") {
  Town town;
  town.b.servers[web] = {};
  const auto visitor = town.a.come(town.now(), {.says = numbered(10), .then = Then::ends});
  town.run(1s);
  auto& server = town.b.programs.at(town.b.served.at(0));
  CHECK(server.has_heard_end);
  CHECK_FALSE(town.a.programs.at(visitor).has_heard_end);
  server.says = numbered(500'000);
  server.then = Then::ends;
  CHECK(town.run(5s, [&] { return town.a.programs.at(visitor).has_heard_end; }));
  CHECK(town.a.programs.at(visitor).heard == numbered(500'000));
  town.run(1s);
  CHECK(town.a.forwarder.connections() + town.b.forwarder.connections() == 0);
}

TEST_CASE("A connection that is cut off at one side is cut off at the other", "[forwarder][sim]") {
  Town town;
  town.b.servers[web] = {};
  const auto visitor = town.a.come(town.now(), {.says = numbered(10)});
  town.run(1s);
  SECTION("by the program that came") {
    town.a.cut(town.now(), visitor);
    town.run(1s);
    CHECK(town.b.programs.at(town.b.served.at(0)).is_cut_off);
    CHECK_FALSE(town.b.programs.at(town.b.served.at(0)).has_heard_end);
  }
  SECTION("by the server") {
    town.b.cut(town.now(), town.b.served.at(0));
    town.run(1s);
    CHECK(town.a.programs.at(visitor).is_cut_off);
  }
  CHECK(town.a.forwarder.connections() + town.b.forwarder.connections() == 0);
}

TEST_CASE("What is not permitted is refused, and both sides are told so once", "[forwarder][sim]") {
  const auto protocol = GENERATE(Protocol::tcp, Protocol::udp);
  auto config = protocol == Protocol::tcp ? Town::with_door() : Town::with_udp_door();
  config.listens[0].to.port = 22;
  Town town{config};
  town.b.servers[at("127.0.0.1:22")] = {};
  for (int i = 0; i < 3; ++i) {
    if (protocol == Protocol::tcp)
      town.a.come(town.now(), {.says = numbered(10)});
    else
      town.a.hear_datagram(town.now(), town.a.sockets.at(0), at("127.0.0.1:5000"), numbered(10));
    town.run(500ms);
  }
  REQUIRE(town.a.told<Forwarder::Refused>().size() == 1);
  REQUIRE(town.b.told<Forwarder::Refused>().size() == 1);
  CHECK(town.a.told<Forwarder::Refused>()[0].by == Forwarder::Side::there);
  CHECK(town.b.told<Forwarder::Refused>()[0].by == Forwarder::Side::here);
  for (const auto& refused : {town.a.told<Forwarder::Refused>()[0], town.b.told<Forwarder::Refused>()[0]}) {
    CHECK(refused.to == "127.0.0.1:22");
    CHECK(refused.why == link::not_permitted);
    CHECK(refused.protocol == protocol);
  }
  CHECK(town.b.tried.empty());
  CHECK(town.b.datagrams.empty());
  for (const auto& [pipe, program] : town.a.programs) CHECK(program.is_cut_off);
  CHECK(town.a.forwarder.connections() + town.b.forwarder.connections() == 0);
}

TEST_CASE("Every address of a permitted name is tried; that none takes the connection is told", "[forwarder][sim]") {
  auto config = Town::with_door();
  config.listens[0].to = {"Web", 80};
  const auto six = at("[::1]:80"), four = web;
  Town town{config, {.permits = {{.host = "web", .port = std::nullopt, .addresses = {six.address, four.address}}}}};
  SECTION("the second takes it") {
    town.b.servers[four] = {.says = numbered(10), .then = Then::ends};
    const auto visitor = town.a.come(town.now(), {});
    town.run(1s);
    CHECK(town.a.programs.at(visitor).heard == numbered(10));
    CHECK(town.a.told<Forwarder::Refused>().empty());
  }
  SECTION("none takes it") {
    const auto visitor = town.a.come(town.now(), {.says = numbered(10)});
    town.run(1s);
    CHECK(town.a.programs.at(visitor).is_cut_off);
    REQUIRE(town.a.told<Forwarder::Refused>().size() == 1);
    CHECK(town.a.told<Forwarder::Refused>()[0].why == "Connection refused");
    CHECK(town.a.forwarder.connections() + town.b.forwarder.connections() == 0);
  }
  CHECK(town.b.tried == std::vector{six, four});
}

TEST_CASE("There are only so many connections at once, and many one after the other", "[forwarder][sim]") {
  auto config = Town::with_door();
  config.most_connections = 3;
  Town town{config};
  town.b.servers[web] = {};
  std::vector<PipeId> visitors;
  for (int i = 0; i < 4; ++i) visitors.push_back(town.a.come(town.now(), {}));
  town.run(1s);
  CHECK(town.a.programs.at(visitors[3]).is_cut_off);
  CHECK(town.a.forwarder.connections() == 3);
  REQUIRE(town.a.told<Forwarder::Refused>().size() == 1);
  for (int i = 0; i < 3; ++i) town.a.cut(town.now(), visitors[static_cast<std::size_t>(i)]);
  town.run(1s);
  town.b.servers[web] = {.says = numbered(1), .then = Then::ends};
  for (int i = 0; i < 100; ++i) {  // more than a link of this test has streams
    const auto visitor = town.a.come(town.now(), {.then = Then::ends});
    CHECK(town.run(1s, [&] { return town.a.programs.at(visitor).has_heard_end; }));
    town.run(150ms);
  }
  CHECK(town.a.forwarder.connections() + town.b.forwarder.connections() == 0);
}

TEST_CASE("A peer that sends more than it was allowed is cut off", "[forwarder][sim]") {
  Town town;
  town.b.servers[web] = {.is_reading = false};
  auto& link = town.encounter.a.link();
  const auto stream = link.open_stream(town.now(), {.label = "tcp 127.0.0.1:80"});
  REQUIRE(stream);
  const auto piece = GENERATE(link::ForwardStream::first_window + 1, std::size_t{16'384});
  const auto is_cut_off = [&] { return !town.b.served.empty() && town.b.programs.at(town.b.served[0]).is_cut_off; };
  std::size_t sent = 0;
  while (sent <= link::ForwardStream::most_window && !is_cut_off()) {
    if (link.send(town.now(), *stream, channel::MessageKind::binary, numbered(piece))) sent += piece;
    town.run(20ms);
  }
  CHECK(town.run(5s, is_cut_off));
  CHECK(town.b.forwarder.connections() == 0);
}

TEST_CASE("Pieces without a byte are not kept for a program that does not read", "[forwarder][sim]") {
  Town town;
  town.b.servers[web] = {.is_reading = false};
  auto& link = town.encounter.a.link();
  const auto stream = link.open_stream(town.now(), {.label = "tcp 127.0.0.1:80"});
  REQUIRE(stream);
  town.run(200ms);
  REQUIRE(town.b.served.size() == 1);
  for (int i = 0; i < 100; ++i) CHECK(link.send(town.now(), *stream, channel::MessageKind::binary, {}));
  CHECK(link.send(town.now(), *stream, channel::MessageKind::binary, numbered(10)));
  town.run(500ms);
  auto& program = town.b.programs.at(town.b.served[0]);
  REQUIRE(program.written);
  CHECK(*program.written == numbered(10));
  program.is_reading = true;
  town.run(200ms);
  CHECK(program.heard == numbered(10));
}

TEST_CASE("A peer that says again that it forwards makes nobody listen twice", "[forwarder][sim]") {
  Town town;
  town.a.forwarder.begin();
  town.run(100ms);
  CHECK(town.a.told<Forwarder::Listening>().size() == 1);
}

TEST_CASE("Both are told where each side refuses the other the same place", "[forwarder][sim]") {
  Town town{Town::with_door(), Town::with_door()};
  town.a.come(town.now(), {});
  town.run(500ms);
  town.b.come(town.now(), {});
  town.run(500ms);
  for (const auto* office : {&town.a, &town.b}) {
    std::set<Forwarder::Side> sides;
    for (const auto& refused : office->told<Forwarder::Refused>()) sides.insert(refused.by);
    CHECK(sides == std::set{Forwarder::Side::here, Forwarder::Side::there});
  }
}

TEST_CASE("Datagrams go to the place and its answers back to who asked, as long as somebody talks",
          "[forwarder][sim]") {
  Town town{Town::with_udp_door()};
  town.b.on_datagram = [&](Instant now, const Datagram& out) {
    CHECK(out.remote == web);
    town.b.forwarder.handle_datagram(now, town.encounter.b.link(),
                                     {.socket = out.socket, .remote = at("127.0.0.1:81"), .payload = numbered(7)});
    town.b.forwarder.handle_datagram(now, town.encounter.b.link(),
                                     {.socket = out.socket, .remote = web, .payload = out.payload});
  };
  const auto first = at("127.0.0.1:5001"), second = at("127.0.0.1:5002");
  const auto socket = town.a.sockets.at(0);
  town.a.hear_datagram(town.now(), socket, first, numbered(100, 1));
  town.a.hear_datagram(town.now(), socket, second, numbered(1400, 2));
  town.run(1s);
  REQUIRE(town.a.datagrams.size() == 2);
  for (const auto& answer : town.a.datagrams) {
    CHECK(answer.socket == socket);
    CHECK(answer.payload == (answer.remote == first ? numbered(100, 1) : numbered(1400, 2)));
  }
  CHECK(town.b.datagrams.at(0).socket != town.b.datagrams.at(1).socket);
  CHECK(town.b.closed_sockets.empty());
  town.run(62s);
  CHECK(town.b.closed_sockets.size() == 2);
  CHECK(town.a.closed_sockets.empty());  // that one listens on
  town.a.hear_datagram(town.now(), socket, first, numbered(3));
  town.run(1s);
  CHECK(town.a.datagrams.back().payload == numbered(3));
}

TEST_CASE("There are only so many flows: a new one ends the one idle for longest", "[forwarder][sim]") {
  auto config = Town::with_udp_door();
  config.flows.most = 2;
  Town town{config};
  for (std::uint16_t port = 5001; port <= 5003; ++port) {
    town.a.hear_datagram(town.now(), town.a.sockets.at(0), {door.address, port}, numbered(1, port));
    town.run(500ms);
  }
  REQUIRE(town.b.datagrams.size() == 3);
  REQUIRE(town.b.closed_sockets.size() == 1);
  CHECK(town.b.closed_sockets[0] == town.b.datagrams[0].socket);
}
