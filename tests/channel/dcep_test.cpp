#include "natkit/channel/dcep.hpp"

#include "catch.hpp"

using namespace natkit;
using namespace natkit::channel;
using dcep::parse_message;
using dcep::write_message;

TEST_CASE("The two messages of RFC 8832 are written byte for byte", "[dcep]") {
  const dcep::Open open{{.label = "chat",
                         .protocol = "x",
                         .ordering = Ordering::unordered,
                         .delivery = MostRepeats{5},
                         .priority = 0x0102}};
  CHECK(to_hex(write_message(open)) == "0381010200000005000400016368617478");
  CHECK(to_hex(write_message(dcep::Ack{})) == "02");
}

TEST_CASE("What was written is read again, for every promise a stream can make", "[dcep]") {
  const auto ordering = GENERATE(Ordering::ordered, Ordering::unordered);
  const auto delivery = GENERATE(Delivery{Reliable{}}, Delivery{MostRepeats{0}}, Delivery{MostRepeats{4'000'000'000}},
                                 Delivery{MostAge{std::chrono::milliseconds{1500}}});
  const dcep::Message open = dcep::Open{{.label = std::string(65'535, 'l'),
                                         .protocol = "p",
                                         .ordering = ordering,
                                         .delivery = delivery,
                                         .priority = 512}};
  CHECK(parse_message(write_message(open)).value() == open);
}

TEST_CASE("A reliable stream's parameter is passed over", "[dcep]") {
  const auto message = parse_message(*from_hex("030001000000000900000000"));
  REQUIRE(message);
  CHECK(std::get<dcep::Open>(*message).options.delivery == Delivery{Reliable{}});
}

TEST_CASE("A malformed announcement has a reason", "[dcep]") {
  const auto whole = write_message(dcep::Open{{.label = "chat", .protocol = "x"}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(parse_message(ByteView{whole}.first(size)).error() == dcep::ParseError::wrong_length);
  }
  auto longer = whole;
  longer.push_back(0);
  CHECK(parse_message(longer).error() == dcep::ParseError::wrong_length);
  auto other_type = whole;
  other_type[1] = 3;
  CHECK(parse_message(other_type).error() == dcep::ParseError::unknown_channel_type);
  CHECK(parse_message(*from_hex("00")).error() == dcep::ParseError::unknown_message);
}
