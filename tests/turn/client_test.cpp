#include "natkit/turn/client.hpp"

#include "scripted_server.hpp"

using namespace natkit;
using namespace natkit::test;
using turn::Client;
using turn::Failure;
using State = Client::State;

namespace {
const Bytes hello{'h', 'e', 'l', 'l', 'o'};

std::vector<IpAddress> peers_of(const Message& request) {
  std::vector<IpAddress> peers;
  for (auto cursor = request.attributes(); const auto attribute = cursor.next();)
    if (attribute->type == AttributeType::xor_peer_address)
      peers.push_back(parse_address_value(attribute->value, request.datagram().subspan(4, 16))->address);
  return peers;
}
Bytes data_indication(const Endpoint& from, ByteView payload) {
  return MessageWriter{MessageClass::indication, Method::data, TransactionId{}}
      .add_endpoint(AttributeType::xor_peer_address, from)
      .add(AttributeType::data, payload)
      .finish();
}
/// Data has gone by Send indication so often that the client binds a channel, and the server has granted it.
std::uint16_t bind(ScriptedServer& server) {
  server.client->bind_channel(server.now, peer);
  std::uint16_t channel = 0;
  for (const auto& datagram : server.sent()) {
    const auto request = server.parsed(datagram);
    if (request.method() == Method::channel_bind) channel = *request.u16(AttributeType::channel_number);
    server.allow(request);
  }
  REQUIRE(turn::is_channel(channel));
  return channel;
}
}  // namespace

TEST_CASE("A client asks unsigned, is told realm and nonce, and asks again signed", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.client->start(server.now);
  const auto bare = server.request();
  CHECK(bare.method() == Method::allocate);
  CHECK(bare.u32(AttributeType::requested_transport) == 0x11000000U);
  CHECK_FALSE(bare.find(AttributeType::username));
  server.challenge(bare);
  const auto signed_one = server.request();
  CHECK(signed_one.text(AttributeType::username) == "alice");
  CHECK(signed_one.text(AttributeType::realm) == "north.example");
  CHECK(signed_one.text(AttributeType::nonce) == "n-1");
  CHECK(verify_message_integrity(signed_one, ScriptedServer::key()) == Integrity::right);
  CHECK(signed_one.transaction_id() != bare.transaction_id());
  server.grant(signed_one);
  CHECK(server.client->state() == State::ready);
  CHECK(server.client->relayed(Family::ipv4) == relayed_address);
  CHECK_FALSE(server.client->relayed(Family::ipv6));
  CHECK(server.client->mapped() == "203.0.113.1:1234"_ep);
}

TEST_CASE("With a known realm and nonce the first request is signed already", "[turn_client]") {
  auto server = ScriptedServer::for_alice({.challenge = turn::Challenge{"north.example", "n-0"}});
  server.client->start(server.now);
  const auto first = server.request();
  CHECK(first.text(AttributeType::nonce) == "n-0");
  SECTION("and may be granted at once") {
    server.grant(first);
    CHECK(server.client->state() == State::ready);
  }
  SECTION("and where the nonce is stale it is asked with the new one") {
    server.challenge(first, 438, "n-1");
    server.grant(server.request());
    CHECK(server.client->state() == State::ready);
  }
}

TEST_CASE("Permission and first data follow the signed request without waiting for its answer", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.client->start(server.now);
  server.client->send(server.now, peer, hello);
  server.challenge(server.request());
  const auto flight = server.sent();
  REQUIRE(flight.size() == 3);
  CHECK(server.parsed(flight[0]).method() == Method::allocate);
  const auto permission = server.parsed(flight[1]);
  CHECK(permission.method() == Method::create_permission);
  CHECK(peers_of(permission) == std::vector{peer.address});
  const auto data = server.parsed(flight[2]);
  CHECK(data.method() == Method::send);
  CHECK(data.message_class() == MessageClass::indication);
  CHECK(data.endpoint(AttributeType::xor_peer_address) == peer);
  CHECK(data.find(AttributeType::data)->size() == hello.size());

  SECTION("and what the relay got too early is sent again") {
    const auto code = GENERATE(std::uint16_t{400}, std::uint16_t{401}, std::uint16_t{437});
    const auto is_permission_first = GENERATE(true, false);
    const auto refuse = [&] { code == 401 ? server.challenge(permission) : server.refuse(permission, code); };
    if (is_permission_first) refuse();
    server.grant(server.parsed(flight[0]));
    if (!is_permission_first) {
      CHECK(server.sent().empty());
      refuse();
    }
    const auto again = server.sent();
    REQUIRE(again.size() == 2);
    CHECK(peers_of(server.parsed(again[0])) == std::vector{peer.address});
    CHECK(server.parsed(again[1]).method() == Method::send);
    server.allow(server.parsed(again[0]));
    CHECK(server.client->state() == State::ready);
    CHECK(server.sent().empty());
  }
  SECTION("and what it got in time is not") {
    server.grant(server.parsed(flight[0]));
    server.allow(permission);
    CHECK(server.sent().empty());
    CHECK(server.client->is_permitted(peer.address));
  }
}

TEST_CASE("Data of peers goes to the owner, in the long form and in the short one", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.allocate();
  const auto channel = bind(server);
  server.receive(data_indication(peer, hello));
  auto received = server.client->poll_received();
  REQUIRE(received);
  CHECK(received->peer == peer);
  CHECK(received->payload == hello);
  server.receive(turn::write_channel_data(channel, hello, Protocol::udp));
  received = server.client->poll_received();
  REQUIRE(received);
  CHECK(received->peer == peer);
  CHECK(received->payload == hello);
  server.receive(turn::write_channel_data(channel + 1, hello, Protocol::udp));
  server.receive(data_indication("192.0.2.77:1"_ep, hello));  // nobody that we let in
  CHECK_FALSE(server.client->poll_received());
}

TEST_CASE("Data travels in Send indications until its channel is bound", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.allocate();
  server.client->permit(server.now, peer.address);
  server.allow(server.request());
  server.client->bind_channel(server.now, peer);
  const auto bind_request = server.request();
  CHECK(bind_request.endpoint(AttributeType::xor_peer_address) == peer);
  server.client->send(server.now, peer, hello);
  CHECK(server.request().method() == Method::send);
  server.allow(bind_request);
  server.client->send(server.now, peer, hello);
  const auto short_form = server.sent();
  REQUIRE(short_form.size() == 1);
  REQUIRE(turn::parse_channel_data(short_form[0].payload));
  CHECK(turn::parse_channel_data(short_form[0].payload)->channel == bind_request.u16(AttributeType::channel_number));
}

TEST_CASE("A peer that gets more than a few datagrams gets a channel", "[turn_client]") {
  auto server = ScriptedServer::for_alice({.peers = {.datagrams_before_channel = 2}});
  server.allocate();
  int binds = 0;
  for (int i = 0; i < 6; ++i) {
    server.client->send(server.now, peer, hello);
    for (const auto& datagram : server.sent()) {
      const auto parsed = parse_message(datagram.payload);
      if (!parsed) continue;
      if (parsed->method() == Method::channel_bind) ++binds;
      if (parsed->message_class() == MessageClass::request) server.allow(server.parsed(datagram));
    }
    CHECK(binds == (i < 2 ? 0 : 1));
  }
}

TEST_CASE("Several peers share one permission request, and are renewed together before 300 s", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.client->start(server.now);
  const std::vector peers{"203.0.113.1"_ip, "203.0.113.2"_ip, "203.0.113.3"_ip};
  for (const auto& one : peers) server.client->permit(server.now, one);
  server.challenge(server.request());
  const auto flight = server.sent();
  REQUIRE(flight.size() == 2);
  const auto permission = server.parsed(flight[1]);
  CHECK(peers_of(permission) == peers);
  server.grant(server.parsed(flight[0]));
  server.allow(permission);
  const auto granted = server.now;
  REQUIRE(server.client->poll_timeout());
  CHECK(*server.client->poll_timeout() > granted + 200s);
  CHECK(*server.client->poll_timeout() < granted + 260s);
  server.run_until(*server.client->poll_timeout());
  const auto renewal = server.request();
  CHECK(renewal.method() == Method::create_permission);
  CHECK(peers_of(renewal) == peers);
}

TEST_CASE("What nobody uses any more is not renewed, and asked for anew when it is used again", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.allocate();
  server.client->send(server.now, peer, hello);
  auto flight = server.sent();
  REQUIRE(flight.size() == 2);
  server.allow(server.parsed(flight[0]));
  const auto end = server.now + 520s;
  std::vector<Method> asked;
  while (server.client->poll_timeout() && *server.client->poll_timeout() < end) {
    server.run_until(*server.client->poll_timeout());
    for (const auto& datagram : server.sent()) {
      const auto request = server.parsed(datagram);
      asked.push_back(request.method());
      server.allow(request);
    }
  }
  CHECK(asked == std::vector{Method::create_permission});  // once more, since it was in use in its last minutes
  server.run_until(end + 20s);
  server.allow(server.request());  // the allocation's own renewal
  server.now += 5s;                // the permission ended five seconds ago
  server.client->send(server.now, peer, hello);
  flight = server.sent();
  REQUIRE(flight.size() == 2);
  CHECK(server.parsed(flight[0]).method() == Method::create_permission);
  CHECK(server.parsed(flight[1]).method() == Method::send);
}

TEST_CASE("The allocation is renewed a minute before its end, and lost when the relay forgot it", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.allocate();
  server.run_until(server.now + 539s);
  CHECK(server.sent().empty());
  server.run_until(server.now + 1s);
  const auto refresh = server.request();
  CHECK(refresh.method() == Method::refresh);
  SECTION("granted") {
    server.allow(refresh);
    server.run_until(server.now + 100s);
    CHECK(server.client->state() == State::ready);
  }
  SECTION("with a nonce that has become stale") {
    server.challenge(refresh, 438, "n-2");
    const auto again = server.request();
    CHECK(again.text(AttributeType::nonce) == "n-2");
    CHECK(again.u32(AttributeType::lifetime) == 600U);
  }
  SECTION("forgotten") {
    server.refuse(refresh, 437);
    REQUIRE(server.client->failure());
    CHECK(server.client->failure()->kind == Failure::Kind::allocation_lost);
  }
  SECTION("without an answer it is asked until the time is over") {
    server.run_until(server.now + 61s);
    REQUIRE(server.client->failure());
    CHECK(server.client->failure()->kind == Failure::Kind::silent);
  }
}

TEST_CASE("Answers that are not signed by the one who knows the password count for nothing", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.client->start(server.now);
  server.challenge(server.request());
  const auto request = server.request();
  const auto forged = [&] {
    return ScriptedServer::answer_to(request, MessageClass::success)
        .add_endpoint(AttributeType::xor_relayed_address, "192.0.2.66:6"_ep);
  };
  server.receive(forged().finish());
  server.receive(forged().add_message_integrity(as_bytes("guess")).finish());
  server.receive(ScriptedServer::answer_to(request, MessageClass::error)
                     .add_error(486, "")
                     .add_message_integrity(as_bytes("guess"))
                     .finish());
  CHECK(server.client->state() == State::allocating);
  server.grant(request);
  CHECK(server.client->relayed(Family::ipv4) == relayed_address);
}

TEST_CASE("Every refusal has its name and its advice", "[turn_client]") {
  const auto [code, kind, name] = GENERATE(table<std::uint16_t, Failure::Kind, std::string>(
      {{403, Failure::Kind::forbidden, "relay-forbidden"},
       {440, Failure::Kind::unsupported_family, "relay-without-family"},
       {442, Failure::Kind::unsupported_transport, "relay-without-udp"},
       {486, Failure::Kind::quota_reached, "relay-quota-reached"},
       {508, Failure::Kind::no_capacity, "relay-full"},
       {500, Failure::Kind::refused, "relay-refused"}}));
  auto server = ScriptedServer::for_alice();
  server.client->start(server.now);
  server.challenge(server.request());
  server.refuse(server.request(), code);
  REQUIRE(server.client->failure());
  CHECK(server.client->failure()->kind == kind);
  const auto error = to_error(*server.client->failure());
  CHECK(error.reason == name);
  CHECK_FALSE(error.advice.empty());
  CHECK(error.detail.find("198.51.100.1:3478") != std::string::npos);
  CHECK_FALSE(server.client->poll_timeout());
}

TEST_CASE("A wrong password is told at the second 401, and none at all at the first", "[turn_client]") {
  SECTION("wrong") {
    auto server = ScriptedServer::for_alice();
    server.client->start(server.now);
    server.challenge(server.request());
    server.challenge(server.request(), 401, "n-2");
    REQUIRE(server.client->failure());
    CHECK(server.client->failure()->kind == Failure::Kind::authentication_failed);
    CHECK(server.sent().empty());
  }
  SECTION("none") {
    ScriptedServer server;
    server.client->start(server.now);
    server.challenge(server.request());
    REQUIRE(server.client->failure());
    CHECK(server.client->failure()->kind == Failure::Kind::authentication_failed);
  }
}

TEST_CASE("A server that calls every nonce stale is not asked for ever", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.client->start(server.now);
  server.challenge(server.request());
  int asked = 0;
  while (server.client->state() == State::allocating && asked < 10) {
    ++asked;
    server.challenge(server.request(), 438, "n-" + std::to_string(asked));
  }
  CHECK(asked == 2);
  REQUIRE(server.client->failure());
}

TEST_CASE("Silence has a bound, and is retransmitted into as RFC 8489 says", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.client->start(server.now);
  server.run_until(server.now + 9999ms);
  CHECK(server.sent().size() == 5);  // at 0, 0.5, 1.5, 3.5 and 7.5 s
  CHECK(server.client->state() == State::allocating);
  server.run_until(server.now + 1ms);
  REQUIRE(server.client->failure());
  CHECK(server.client->failure()->kind == Failure::Kind::silent);
  CHECK(to_error(*server.client->failure()).reason == "relay-silent");
}

TEST_CASE("A relay that has fallen silent is not asked again without a pause", "[turn_client]") {
  const auto protocol = GENERATE(Protocol::udp, Protocol::tcp);
  auto server = ScriptedServer::for_alice({.server = {protocol, relay_address}});
  server.allocate();
  server.pass(protocol == Protocol::udp ? 20ms : 0ms);
  server.client->permit(server.now, peer.address);
  server.client->bind_channel(server.now, peer);
  struct Ask {
    stun::Method method{};
    stun::TransactionId id{};
    Instant last_sent{};
  };
  std::vector<Ask> asked;
  std::size_t sent = 0;
  const auto note = [&] {
    for (const auto& datagram : server.sent()) {
      ++sent;
      const auto message = server.parsed(datagram);
      const auto known = std::ranges::find(asked, message.transaction_id(), &Ask::id);
      if (known != asked.end()) {
        known->last_sent = server.now;
        continue;
      }
      for (const auto& before : asked) {
        CAPTURE(before.last_sent, server.now);
        CHECK((before.method != message.method() || server.now - before.last_sent >= 2s));
      }
      asked.push_back({message.method(), message.transaction_id(), server.now});
    }
  };
  note();
  for (const auto end = server.now + 599s; server.client->state() == State::ready && server.now < end;) {
    const auto due = server.client->poll_timeout();
    REQUIRE(due);
    server.run_until(std::max(*due, server.now));
    note();
  }
  CHECK(sent > 20);    // it does not give up
  CHECK(sent < 1600);  // two requests, seven times in 4 s each, then 2 s of silence; without it 2232
}

TEST_CASE("Over a stream nothing is sent twice, and pieces are put together", "[turn_client]") {
  auto server = ScriptedServer::for_alice({.server = {Protocol::tcp, relay_address}});
  server.client->start(server.now);
  server.run_until(server.now + 9s);
  const auto request = server.request();
  const auto answer = ScriptedServer::answer_to(request, MessageClass::error)
                          .add_error(401, "Unauthorized")
                          .add_text(AttributeType::realm, "north.example")
                          .add_text(AttributeType::nonce, "n-1")
                          .finish();
  for (const auto byte : answer) server.receive({byte});
  server.grant(server.request());
  CHECK(server.client->state() == State::ready);
  const auto channel = bind(server);
  server.client->send(server.now, peer, hello);
  const auto sent = server.sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].payload == turn::write_channel_data(channel, hello, Protocol::tcp));
  CHECK(sent[0].protocol == Protocol::tcp);
  SECTION("and a stream that breaks is a failure with the system's words") {
    server.client->handle_send_failure(server.now, {.protocol = Protocol::tcp, .remote = relay_address}, "reset");
    REQUIRE(server.client->failure());
    CHECK(server.client->failure()->kind == Failure::Kind::unreachable);
    CHECK(to_error(*server.client->failure()).detail.ends_with("reset"));
  }
  SECTION("and so is one that is no TURN") {
    server.receive({0x80});
    REQUIRE(server.client->failure());
    CHECK(server.client->failure()->kind == Failure::Kind::not_a_relay);
  }
}

TEST_CASE("A redirection is followed, but not in circles", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.client->start(server.now);
  const auto redirect = [&](const Message& request, const Endpoint& to) {
    server.receive(ScriptedServer::answer_to(request, MessageClass::error)
                       .add_error(300, "")
                       .add_endpoint(AttributeType::alternate_server, to)
                       .finish());
  };
  redirect(server.request(), "198.51.100.2:3478"_ep);
  SECTION("to where it ends") {
    const auto sent = server.sent();
    REQUIRE(sent.size() == 1);
    CHECK(sent[0].remote == "198.51.100.2:3478"_ep);
    server.challenge(server.parsed(sent[0]));
    server.grant(server.request());
    CHECK(server.client->state() == State::ready);
    CHECK(server.client->server().endpoint == "198.51.100.2:3478"_ep);
  }
  SECTION("or to a reason") {
    for (int i = 0; i < 9 && server.client->state() == State::allocating; ++i)
      redirect(server.request(), i % 2 == 0 ? relay_address : "198.51.100.2:3478"_ep);
    REQUIRE(server.client->failure());
    CHECK(server.client->failure()->kind == Failure::Kind::too_many_redirections);
  }
}

TEST_CASE("What was asked of the server that redirects is asked of the next one", "[turn_client]") {
  auto server = ScriptedServer::for_alice({.challenge = turn::Challenge{"north.example", "n-0"}});
  server.client->start(server.now);
  server.client->send(server.now, peer, hello);
  const auto flight = server.sent();
  REQUIRE(flight.size() == 3);  // Allocate, CreatePermission, data
  server.receive(ScriptedServer::answer_to(server.parsed(flight[0]), MessageClass::error)
                     .add_error(300, "")
                     .add_endpoint(AttributeType::alternate_server, "198.51.100.2:3478"_ep)
                     .finish());
  server.challenge(server.request());
  const auto again = server.sent();
  REQUIRE(again.size() == 3);
  server.grant(server.parsed(again[0]));
  CHECK(peers_of(server.parsed(again[1])) == std::vector{peer.address});
  server.allow(server.parsed(again[1]));
  CHECK(server.parsed(again[2]).method() == Method::send);
  CHECK(server.client->is_permitted(peer.address));
}

TEST_CASE("The removal of what an earlier run left behind never meets the new allocation", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.client->start(server.now);
  server.challenge(server.request());
  server.refuse(server.request(), 437);
  bool is_granted = false;
  for (int round = 0; round < 3 && !is_granted; ++round) {
    for (const auto& datagram : server.sent()) {
      const auto request = server.parsed(datagram);
      if (request.method() == Method::allocate) {
        server.grant(request);
        is_granted = true;
      } else if (round > 0) {  // the first time its answer is lost
        CHECK(request.u32(AttributeType::lifetime) == 0U);
        server.allow(request);
      }
    }
    if (!is_granted) server.run_until(server.now + 600ms);
  }
  REQUIRE(is_granted);
  CHECK(server.client->state() == State::ready);
  server.run_until(server.now + 30s);
  CHECK(server.sent().empty());
}

TEST_CASE("Data of a peer that was forgotten and is wanted again comes by the channel that it has", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.allocate();
  const auto channel = bind(server);
  server.client->forget(peer.address);
  server.receive(turn::write_channel_data(channel, hello, Protocol::udp));
  CHECK_FALSE(server.client->poll_received());
  server.client->permit(server.now, peer.address);
  server.allow(server.request());
  server.receive(turn::write_channel_data(channel, hello, Protocol::udp));
  REQUIRE(server.client->poll_received());
  CHECK(bind(server) == channel);  // the relay would take no other for this peer
}

TEST_CASE("Closing gives the relayed address back and ends soon, answered or not", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.allocate();
  server.client->close(server.now);
  const auto refresh = server.request();
  CHECK(refresh.u32(AttributeType::lifetime) == 0U);
  SECTION("answered") { server.allow(refresh); }
  SECTION("silent") { server.run_until(server.now + 1500ms); }
  CHECK(server.client->state() == State::closed);
  CHECK_FALSE(server.client->poll_timeout());
}

TEST_CASE("A forbidden peer is named, and does not take the others with it", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.client->start(server.now);
  server.client->permit(server.now, "203.0.113.1"_ip);
  server.client->permit(server.now, "10.0.0.1"_ip);
  server.challenge(server.request());
  auto flight = server.sent();
  server.grant(server.parsed(flight[0]));
  server.refuse(server.parsed(flight[1]), 403);
  flight = server.sent();
  REQUIRE(flight.size() == 2);
  for (const auto& datagram : flight) {
    const auto request = server.parsed(datagram);
    if (peers_of(request).front() == "10.0.0.1"_ip)
      server.refuse(request, 403);
    else
      server.allow(request);
  }
  const auto refusal = server.client->poll_refusal();
  REQUIRE(refusal);
  CHECK(refusal->peer == "10.0.0.1"_ip);
  CHECK(refusal->code == 403);
  CHECK_FALSE(server.client->poll_refusal());
  CHECK(server.client->is_permitted("203.0.113.1"_ip));
  CHECK_FALSE(server.client->is_permitted("10.0.0.1"_ip));
}
