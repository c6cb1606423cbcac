#include "natkit/report/relayed_peers_json.hpp"

#include <fmt/format.h>

#include "catch.hpp"
#include "literals.hpp"

using namespace natkit;
using namespace natkit::report;
using namespace natkit::test;
using namespace std::chrono_literals;

namespace {
constexpr std::string_view id = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

std::string file_with(std::string_view peers) {
  return fmt::format(R"({{"schema":"natkit/peers/1","peers":[{}]}})", peers);
}
std::string one_with(std::string_view meeting, std::string_view peer, std::string_view at) {
  return file_with(fmt::format(R"({{"meeting":{},"peer":{},"at_s":{}}})", meeting, peer, at));
}
std::string refusal(std::string_view text) {
  const auto peers = parse_relayed_peers(text);
  return peers ? "" : peers.error().detail;
}
std::string quoted(std::string_view text) { return fmt::format("\"{}\"", text); }
}  // namespace

TEST_CASE("What is remembered of peers can be written and read back, and holds neither name nor address",
          "[relayed_peers_json]") {
  const auto meeting = meeting_id(NetworkId{7}, "blue whale");
  const RelayedPeers peers{
      {.meeting = meeting, .peer = peer_id(meeting, "203.0.113.7"_ip), .at = std::chrono::sys_seconds{1'795'333'374s}}};
  const auto text = to_json(peers);
  CHECK(text.starts_with(R"({"schema":"natkit/peers/1","peers":[{"meeting":")"));
  CHECK(text.find(R"("at_s":1795333374)") != std::string::npos);
  CHECK(text.find("whale") == std::string::npos);
  CHECK(text.find("203.0") == std::string::npos);
  CHECK(text.find("cb007107") == std::string::npos);
  const auto read = parse_relayed_peers(text);
  REQUIRE(read);
  CHECK(to_json(*read) == text);
}

TEST_CASE("As many peers as may be fit into half of a file", "[relayed_peers_json]") {
  RelayedPeers peers;
  for (std::uint8_t i = 0; i < most_relayed_peers; ++i)
    peers.push_back({.meeting = {i}, .peer = {i}, .at = std::chrono::sys_seconds{253'402'300'799s}});
  CHECK(to_json(peers).size() <= most_relayed_peers_bytes / 2);
  CHECK(parse_relayed_peers(to_json(peers)).value().size() == most_relayed_peers);
}

TEST_CASE("A file of peers that is none says why", "[relayed_peers_json]") {
  CHECK(refusal(std::string(most_relayed_peers_bytes + 1, ' ')) == "is too large");
  CHECK(refusal("") == "is not JSON, or cut short");
  CHECK(refusal(R"({"schema":"natkit/peers/1","peers":[)") == "is not JSON, or cut short");
  CHECK(refusal("[]") == "is of another kind");
  CHECK(refusal(R"({"schema":"natkit/networks/1","networks":[]})") == "is of another kind");
  CHECK(refusal(R"({"schema":"natkit/peers/2"})") == "was written by another version");
  CHECK(refusal(R"({"schema":"natkit/peers/1"})") == "has no list of at most 64 peers");
  std::string many;
  for (std::size_t i = 0; i <= most_relayed_peers; ++i) many += i == 0 ? "0" : ",0";
  CHECK(refusal(file_with(many)) == "has no list of at most 64 peers");
}

TEST_CASE("Every field of a remembered peer is checked", "[relayed_peers_json]") {
  const auto good = quoted(id);
  CHECK(refusal(one_with(good, good, "1795333374")).empty());
  CHECK(refusal(file_with("7")) == "has an impossible 'meeting'");
  CHECK(refusal(file_with("[]")) == "has an impossible 'meeting'");
  CHECK(refusal(one_with(quoted(id.substr(2)), good, "1")) == "has an impossible 'meeting'");
  CHECK(refusal(one_with(good, "null", "1")) == "has an impossible 'peer'");
  CHECK(refusal(one_with(good, quoted("zz" + std::string{id.substr(2)}), "1")) == "has an impossible 'peer'");
  for (const auto* at : {"-1", "1.5", "\"1\"", "null", "253402300800", "1e400"})
    CHECK_FALSE(refusal(one_with(good, good, at)).empty());
}

TEST_CASE("A peer that is written twice counts once, as it was last", "[relayed_peers_json]") {
  const auto one = fmt::format(R"({{"meeting":"{0}","peer":"{0}","at_s":{1}}})", id, 1);
  const auto two = fmt::format(R"({{"meeting":"{0}","peer":"{0}","at_s":{1}}})", id, 2);
  const auto peers = parse_relayed_peers(file_with(one + "," + two));
  REQUIRE(peers);
  REQUIRE(peers->size() == 1);
  CHECK(peers->front().at == std::chrono::sys_seconds{2s});
}
