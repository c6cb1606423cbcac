#include "natkit/link/description.hpp"

#include "catch.hpp"
#include "natkit/base/rng.hpp"

using namespace natkit;

namespace {
link::Description some_description() {
  SeededRng rng{1};
  link::Description description{.ice = {.credentials = ice::make_credentials(rng), .dialect = ice::Dialect::natkit},
                                .fingerprint = crypto::Fingerprint{},
                                .setup = link::Setup::active};
  for (std::size_t i = 0; i < description.fingerprint->digest.size(); ++i)
    description.fingerprint->digest[i] = static_cast<std::uint8_t>(i * 7);
  return description;
}
}  // namespace

TEST_CASE("A description comes back as it was written", "[description]") {
  const auto description = some_description();
  const auto again = link::parse_description(link::write_description(description));
  REQUIRE(again);
  CHECK(again->description.ice.credentials == description.ice.credentials);
  CHECK(again->description.ice.dialect == ice::Dialect::natkit);
  CHECK(again->description.fingerprint == description.fingerprint);
  CHECK(again->description.setup == link::Setup::active);
}

TEST_CASE("A description without a SHA-256 fingerprint is refused, and why is told", "[description]") {
  const auto text = ice::write_description(some_description().ice);
  CHECK(link::parse_description(text).error() == link::DescriptionError::no_fingerprint);
  CHECK(link::parse_description(text + "a=fingerprint:sha-1 AA:BB\r\n").error() ==
        link::DescriptionError::bad_fingerprint);
  CHECK(link::parse_description("v=0\r\n").error() == link::DescriptionError::no_ice);
}

TEST_CASE("Of several fingerprints the SHA-256 one counts, and a foreign program's SDP is understood",
          "[description]") {
  const auto description = some_description();
  auto text = link::write_description(description);
  text = "v=0\r\na=fingerprint:sha-512 AA:BB\r\n" + text + "a=sctp-port:5000\r\n";
  const auto parsed = link::parse_description(text);
  REQUIRE(parsed);
  CHECK(parsed->description.fingerprint == description.fingerprint);
}
