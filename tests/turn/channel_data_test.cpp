#include "natkit/turn/channel_data.hpp"

#include "catch.hpp"

using namespace natkit;
using namespace natkit::turn;

TEST_CASE("ChannelData of RFC 8656 goes over the wire and back", "[channel_data]") {
  const Bytes payload{1, 2, 3, 4, 5};
  CHECK(to_hex(write_channel_data(0x4001, payload, Protocol::udp)) == "400100050102030405");
  const auto datagram = write_channel_data(0x4001, payload, Protocol::udp);
  const auto parsed = parse_channel_data(datagram);
  REQUIRE(parsed);
  CHECK(parsed->channel == 0x4001);
  CHECK(Bytes(parsed->payload.begin(), parsed->payload.end()) == payload);
}

TEST_CASE("Over a stream ChannelData is filled up to a whole word that its length does not count", "[channel_data]") {
  CHECK(to_hex(write_channel_data(0x4001, Bytes{1, 2, 3, 4, 5}, Protocol::tcp)) == "400100050102030405000000");
  CHECK(to_hex(write_channel_data(0x4001, Bytes{1, 2, 3, 4}, Protocol::tcp)) == "4001000401020304");
  const auto filled = from_hex("40010005010203040500000000");  // some clients fill over UDP as well
  CHECK(parse_channel_data(*filled)->payload.size() == 5);
}

TEST_CASE("An empty ChannelData message is one", "[channel_data]") {
  const auto datagram = write_channel_data(0x4FFF, {}, Protocol::udp);
  REQUIRE(parse_channel_data(datagram));
  CHECK(parse_channel_data(datagram)->payload.empty());
}

TEST_CASE("What is no ChannelData is told from what is cut short", "[channel_data]") {
  const auto error_of = [](std::string_view hex) { return parse_channel_data(*from_hex(hex)).error(); };
  CHECK(error_of("") == ChannelError::not_channel_data);
  CHECK(error_of("40") == ChannelError::not_channel_data);
  CHECK(error_of("000100002112a442") == ChannelError::not_channel_data);  // STUN
  CHECK(error_of("3fff0000") == ChannelError::not_channel_data);
  CHECK(error_of("80000000") == ChannelError::not_channel_data);
  CHECK(error_of("4000") == ChannelError::truncated);
  CHECK(error_of("400000") == ChannelError::truncated);
  CHECK(error_of("40000004010203") == ChannelError::truncated);
}

TEST_CASE("Channels above 0x4FFF are those of RFC 5766: read, but not used", "[channel_data]") {
  CHECK(is_channel(0x4FFF));
  CHECK_FALSE(is_channel(0x5000));
  CHECK(is_channel_of_any_time(0x7FFF));
  CHECK_FALSE(is_channel_of_any_time(0x8000));
  CHECK(parse_channel_data(*from_hex("50000000"))->channel == 0x5000);
}
