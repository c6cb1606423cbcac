// What servers of other makes and ages are asked, and how.
#include "natkit/turn/client.hpp"
#include "scripted_server.hpp"

using namespace natkit;
using namespace natkit::test;
using turn::Client;
using turn::Failure;
using State = Client::State;

namespace {
enum class Offer : std::uint8_t { there, missing };
}

TEST_CASE("An IPv6 address is asked for by name, a second family as well", "[turn_client]") {
  SECTION("IPv6") {
    auto server = ScriptedServer::for_alice({.families = turn::RelayedFamilies::ipv6});
    server.client->start(server.now);
    CHECK(server.request().u32(AttributeType::requested_address_family) == 0x02000000U);
  }
  SECTION("both") {
    auto server = ScriptedServer::for_alice({.families = turn::RelayedFamilies::both});
    server.client->start(server.now);
    const auto request = server.request();
    CHECK(request.u32(AttributeType::additional_address_family) == 0x02000000U);
    CHECK_FALSE(request.find(AttributeType::requested_address_family));
    server.challenge(request);
    const auto again = server.request();
    server.receive(ScriptedServer::answer_to(again, MessageClass::success)
                       .add_endpoint(AttributeType::xor_relayed_address, relayed_address)
                       .add_endpoint(AttributeType::xor_relayed_address, "[2001:db8::1]:50001"_ep)
                       .add_u32(AttributeType::lifetime, 600)
                       .add_message_integrity(ScriptedServer::key())
                       .finish());
    CHECK(server.client->relayed(Family::ipv4) == relayed_address);
    CHECK(server.client->relayed(Family::ipv6) == "[2001:db8::1]:50001"_ep);
  }
  SECTION("IPv6 alone where there is no IPv4") {
    auto server = ScriptedServer::for_alice({.families = turn::RelayedFamilies::both});
    server.client->start(server.now);
    server.challenge(server.request());
    server.refuse(server.request(), 440);
    CHECK(server.request().u32(AttributeType::requested_address_family) == 0x02000000U);
  }
}

TEST_CASE("A server of RFC 8489 is asked with SHA-256 and a hidden name", "[turn_client]") {
  auto server = ScriptedServer::for_alice();
  server.client->start(server.now);
  const auto bare = server.request();
  const auto algorithms = *from_hex("0002000000010000");
  const auto nonce = GENERATE(std::string{"obMatJos2wAAAx"}, std::string{"obMatJos2AAADx"});  // bits from either side
  const auto challenge = [&](const Message& request, Offer offer) {
    auto writer = ScriptedServer::answer_to(request, MessageClass::error);
    writer.add_error(401, "").add_text(AttributeType::realm, "north.example").add_text(AttributeType::nonce, nonce);
    if (offer == Offer::there) writer.add(AttributeType::password_algorithms, algorithms);
    server.receive(writer.finish());
  };
  SECTION("which is signed and answered with it") {
    challenge(bare, Offer::there);
    const auto request = server.request();
    const auto key = long_term_key_sha256("alice", "north.example", "secret");
    CHECK(verify_message_integrity_sha256(request, key) == Integrity::right);
    CHECK(verify_message_integrity(request, key) == Integrity::absent);
    CHECK_FALSE(request.find(AttributeType::username));
    const auto hidden = request.find(AttributeType::userhash);
    REQUIRE(hidden);
    CHECK(Bytes(hidden->begin(), hidden->end()) == userhash("alice", "north.example"));
    CHECK(to_hex(*request.find(AttributeType::password_algorithm)) == "00020000");
    const auto granted = [&] {
      return ScriptedServer::answer_to(request, MessageClass::success)
          .add_endpoint(AttributeType::xor_relayed_address, relayed_address);
    };
    server.receive(granted().add_message_integrity(key).finish());  // a step down
    CHECK(server.client->state() == State::allocating);
    server.receive(granted().add_message_integrity_sha256(key).finish());
    CHECK(server.client->state() == State::ready);
  }
  SECTION("and an offer that somebody took out on the way is an attack") {
    challenge(bare, Offer::missing);
    CHECK(server.sent().empty());
    CHECK(server.client->state() == State::failed);
  }
}
