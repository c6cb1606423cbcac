#include "natkit/ice/description.hpp"

#include <fmt/format.h>

#include "catch.hpp"

using namespace natkit;
using namespace natkit::ice;

TEST_CASE("A description is read as it was written", "[description]") {
  SeededRng rng{1};
  Description written{.credentials = make_credentials(rng),
                      .dialect = GENERATE(Dialect::rfc, Dialect::natkit),
                      .gathering = GENERATE(Gathering::going_on, Gathering::complete)};
  written.candidates.push_back(make_candidate(Kind::host, Transport::udp, *parse_endpoint("192.0.2.1:5"), {}));
  const auto read = parse_description(write_description(written));
  REQUIRE(read);
  CHECK(read->description.credentials == written.credentials);
  CHECK(read->description.dialect == written.dialect);
  CHECK(read->description.gathering == written.gathering);
  CHECK(read->description.candidates == written.candidates);
  CHECK(read->skipped.empty());
}

TEST_CASE("Credentials have the length and letters that RFC 8445 wants, and differ", "[description]") {
  SeededRng rng{2};
  const auto first = make_credentials(rng);
  CHECK(first.ufrag.size() >= 4);
  CHECK(first.password.size() >= 22);
  CHECK(first.ufrag.find(':') == std::string::npos);
  CHECK(first != make_credentials(rng));
}

TEST_CASE("Of a browser's offer the first section counts and mDNS names are passed over with a reason",
          "[description]") {
  const auto read = parse_description(
      "v=0\r\no=- 46 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
      "a=candidate:1 1 udp 2113937151 4f5c9a0e-1c4e-4e7b.local 54321 typ host generation 0\r\n"
      "a=candidate:2 1 udp 1677729535 203.0.113.7 40000 typ srflx raddr 0.0.0.0 rport 0\r\n"
      "a=ice-ufrag:EEtu\r\na=ice-pwd:3Yh0BBhCx4SkDYjqvLlgSOxC\r\na=ice-options:trickle\r\n"
      "m=audio 9 X 0\r\na=ice-ufrag:other\r\n");
  REQUIRE(read);
  CHECK(read->description.credentials.ufrag == "EEtu");
  CHECK(read->description.dialect == Dialect::rfc);
  CHECK(read->description.gathering == Gathering::going_on);
  REQUIRE(read->description.candidates.size() == 1);
  REQUIRE(read->skipped.size() == 1);
  CHECK(read->skipped.front().why == LineError::host_name);
}

TEST_CASE("Who does not trickle has told all", "[description]") {
  const auto read = parse_description("a=ice-ufrag:EEtu\na=ice-pwd:3Yh0BBhCx4SkDYjqvLlgSOxC\n");
  REQUIRE(read);
  CHECK(read->description.gathering == Gathering::complete);
}

TEST_CASE("A description without usable credentials is refused", "[description]") {
  CHECK(parse_description("").error() == DescriptionError::no_credentials);
  CHECK(parse_description("a=ice-ufrag:EEtu\r\n").error() == DescriptionError::no_credentials);
  CHECK(parse_description("a=ice-ufrag:E\r\na=ice-pwd:3Yh0BBhCx4SkDYjqvLlgSOxC\r\n").error() ==
        DescriptionError::bad_credentials);
  CHECK(parse_description("a=ice-ufrag:EEtu\r\na=ice-pwd:short\r\n").error() == DescriptionError::bad_credentials);
  CHECK(parse_description("a=ice-ufrag:EE:tu\r\na=ice-pwd:3Yh0BBhCx4SkDYjqvLlgSOxC\r\n").error() ==
        DescriptionError::bad_credentials);
  CHECK(parse_description(std::string(70000, 'x')).error() == DescriptionError::too_long);
}

TEST_CASE("No more candidates are taken than an agent can have", "[description]") {
  std::string text = "a=ice-ufrag:EEtu\r\na=ice-pwd:3Yh0BBhCx4SkDYjqvLlgSOxC\r\n";
  for (int i = 1; i <= 200; ++i) text += fmt::format("a=candidate:1 1 udp 1 192.0.2.1 {} typ host\r\n", i);
  for (int i = 1; i <= 200; ++i) text += fmt::format("a=candidate:1 1 udp 1 x.local {} typ host\r\n", i);
  const auto read = parse_description(text);
  REQUIRE(read);
  CHECK(read->description.candidates.size() == most_candidates);
  CHECK(read->skipped.size() == most_candidates);
}
