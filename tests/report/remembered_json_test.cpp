#include "natkit/report/remembered_json.hpp"

#include <fmt/format.h>

#include "catch.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;
using namespace std::chrono_literals;
using enum Behavior;

namespace {
constexpr std::string_view id = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
constexpr std::string_view nat =
    R"("at_s":1795333374,"mapping":["endpoint-independent"],"filtering":null,"ports":"random")";

std::string file_with(std::string_view network) {
  return fmt::format(R"({{"schema":"natkit/networks/1","networks":[{}]}})", network);
}
std::string with_hairpin(std::string_view members) {
  return file_with(fmt::format(R"({{"network":"{}","hairpin":{{{}}}}})", id, members));
}
std::string with_lifetime(std::string_view members) {
  return file_with(fmt::format(R"({{"network":"{}","mapping_lifetime":{{{},{}}}}})", id, nat, members));
}
std::string refusal(std::string_view text) {
  const auto memories = parse_memories(text);
  return memories ? "" : memories.error().detail;
}

/// As large as they get.
NetworkMemories full() {
  NetworkMemories memories;
  const NatTraits traits{.mapping = {address_dependent, address_and_port_dependent},
                         .filtering = {address_dependent, address_and_port_dependent},
                         .ports = probe::PortAllocation::Rule::preserving};
  const std::chrono::sys_seconds at{253'402'300'799s};
  for (std::uint8_t i = 0; i < most_networks; ++i)
    memories.push_back(
        {.id = {i},
         .mapping_lifetime =
             Memory<probe::MappingLifetime>{
                 {.shortest = 23h + 59min + 59s, .longest = 24h, .refresh = probe::Refresh::outbound}, traits, at},
         .hairpin = Memory<bool>{false, traits, at}});
  return memories;
}
}  // namespace

TEST_CASE("What is remembered can be written and read back, and holds no address", "[remembered_json]") {
  NetworkMemories memories{
      {.id = {0xAB},
       .mapping_lifetime =
           Memory<probe::MappingLifetime>{{.shortest = 120s, .longest = {}, .refresh = {}},
                                          {.mapping = endpoint_independent, .filtering = {}, .ports = {}},
                                          std::chrono::sys_seconds{1'795'333'374s}},
       .hairpin = {}}};
  const auto text = to_json(memories);
  CHECK(text ==
        R"({"schema":"natkit/networks/1","networks":[{"network":")"
        "ab00000000000000000000000000000000000000000000000000000000000000"
        R"(","mapping_lifetime":{"at_s":1795333374,"mapping":["endpoint-independent"],"filtering":null,"ports":null,)"
        R"("shortest_ms":120000,"longest_ms":null,"refresh":null}}]})"
        "\n");
  const auto read = parse_memories(text);
  REQUIRE(read);
  CHECK(to_json(*read) == text);
}

TEST_CASE("As many networks as there may be fit into the file twice", "[remembered_json]") {
  const auto text = to_json(full());
  CHECK(text.size() < most_memories_bytes / 2);
  const auto read = parse_memories(text);
  REQUIRE(read);
  CHECK(to_json(*read) == text);
}

TEST_CASE("Ranges stay true when they are rounded to milliseconds", "[remembered_json]") {
  auto memories = full();
  memories.resize(1);
  memories[0].mapping_lifetime->value = {.shortest = 1999us, .longest = 2001us, .refresh = {}};
  CHECK(to_json(memories).find(R"("shortest_ms":1,"longest_ms":3)") != std::string::npos);
}

TEST_CASE("A file that is cut short, foreign, from another version or too large is refused", "[remembered_json]") {
  const auto text = to_json(full());
  CHECK(refusal(text.substr(0, text.size() / 2)) == "is not JSON, or cut short");
  CHECK(refusal("") == "is not JSON, or cut short");
  CHECK(refusal("[]") == "is of another kind");
  CHECK(refusal(R"({"schema":7})") == "is of another kind");
  CHECK(refusal(R"({"schema":"natkit/nat-probe/1","networks":[]})") == "is of another kind");
  CHECK(refusal(R"({"schema":"natkit/networks/2","networks":[]})") == "was written by another version");
  CHECK(refusal(std::string(most_memories_bytes + 1, ' ')) == "is too large");
  CHECK(refusal(std::string(most_memories_bytes, '[')) == "is not JSON, or cut short");
  CHECK(refusal(R"({"schema":"natkit/networks/1","networks":7})") == "has no list of at most 32 networks");
  auto many = full();
  many.push_back(many.front());
  CHECK(refusal(to_json(many)) == "has no list of at most 32 networks");
}

TEST_CASE("Every field is checked and every number bounded", "[remembered_json]") {
  CHECK(refusal(with_hairpin(fmt::format(R"({},"value":true)", nat))).empty());
  CHECK(refusal(with_lifetime(R"("shortest_ms":0,"longest_ms":86400000,"refresh":"both")")).empty());

  CHECK(refusal(file_with("7")) == "has an impossible 'network'");
  CHECK(refusal(file_with(R"({"network":"abcd"})")) == "has an impossible 'network'");
  CHECK(refusal(file_with(fmt::format(R"({{"network":"{}","hairpin":7}})", id))) == "has an impossible 'at_s'");
  CHECK(refusal(with_hairpin(nat)) == "has an impossible 'value'");
  CHECK(refusal(with_hairpin(fmt::format(R"({},"value":1)", nat))) == "has an impossible 'value'");
  const auto* at = GENERATE("-1", "1.5", "253402300800", "18446744073709551615", "1e300", "null", "\"7\"");
  CHECK(refusal(with_hairpin(fmt::format(R"("at_s":{},"value":true)", at))) == "has an impossible 'at_s'");
  const auto* mapping = GENERATE("[]", "7", "\"endpoint-independent\"", "[\"cone\"]", "[7]",
                                 R"(["endpoint-independent","address-dependent","address-and-port-dependent"])");
  CHECK(refusal(with_hairpin(fmt::format(R"("at_s":1,"mapping":{},"value":true)", mapping))) ==
        "has an impossible 'mapping'");
  const auto* ports = GENERATE("\"any\"", "7");
  CHECK(refusal(with_hairpin(fmt::format(R"("at_s":1,"ports":{},"value":true)", ports))) ==
        "has an impossible 'ports'");

  CHECK(refusal(with_lifetime(R"("longest_ms":5)")) == "has an impossible 'shortest_ms'");
  CHECK(refusal(with_lifetime(R"("shortest_ms":86400001)")) == "has an impossible 'shortest_ms'");
  CHECK(refusal(with_lifetime(R"("shortest_ms":5,"longest_ms":4)")) == "has an impossible 'longest_ms'");
  CHECK(refusal(with_lifetime(R"("shortest_ms":5,"longest_ms":-6)")) == "has an impossible 'longest_ms'");
  CHECK(refusal(with_lifetime(R"("shortest_ms":5,"refresh":"never")")) == "has an impossible 'refresh'");
}
