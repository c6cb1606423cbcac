#include "natkit/report/trace_json.hpp"

#include "catch.hpp"
#include "samples.hpp"

using namespace natkit;
using namespace natkit::report;

namespace {
std::string refusal(std::string_view text) {
  const auto trace = parse_trace(text);
  REQUIRE_FALSE(trace);
  CHECK(trace.error().code == Errc::usage);
  CHECK(trace.error().reason == "bad-trace");
  CHECK_FALSE(trace.error().advice.empty());
  return trace.error().detail;
}

/// The sample as text, with one piece replaced.
std::string sample_with(std::string_view piece, std::string_view replacement) {
  auto text = to_json(test::sample_trace());
  const auto at = text.find(piece);
  REQUIRE(at != std::string::npos);
  return text.replace(at, piece.size(), replacement);
}

/// A trace without events but this text in their place.
std::string with_events(std::string_view events) {
  return R"({"schema":"natkit/nat-probe-trace/1","servers":[{"name":"a","address":"198.51.100.1:3478"}],"events":[)" +
         std::string(events) + "]}";
}

constexpr auto sent =
    R"({"event":"sent","at_ns":5,"socket":1,"question":"mapping","server":0,"to":"198.51.100.1:3478","id":"000000000000000000000001"})";
}  // namespace

TEST_CASE("A trace comes back from its file exactly as it was", "[trace_json]") {
  const auto text = to_json(test::sample_trace());
  const auto trace = parse_trace(text);
  REQUIRE(trace);
  const auto original = test::sample_trace();
  CHECK(trace->servers.size() == original.servers.size());
  REQUIRE(trace->events.size() == original.events.size());
  const auto* received = std::get_if<probe::Received>(&trace->events[3]);
  REQUIRE(received);
  CHECK(received->at == std::chrono::nanoseconds{50000001});
  CHECK(received->other == test::endpoint("198.51.100.2:3479"));
  CHECK(received->second_port == std::uint16_t{3479});
  CHECK_FALSE(received->error_code);
  CHECK(to_json(*trace) == text);
}

TEST_CASE("A trace without servers and events is a trace", "[trace_json]") {
  const auto trace = parse_trace(to_json(probe::Trace{}));
  REQUIRE(trace);
  CHECK(trace->events.empty());
}

TEST_CASE("A trace cut short anywhere is refused", "[trace_json]") {
  const auto text = to_json(test::sample_trace());
  for (std::size_t length = 0; length + 2 < text.size(); ++length) {
    CAPTURE(length);
    REQUIRE_FALSE(parse_trace(std::string_view(text).substr(0, length)));
  }
}

TEST_CASE("A file that is no trace is refused by name", "[trace_json]") {
  CHECK(refusal("") == "line 1: not JSON, or cut short");
  CHECK(refusal("{\"schema\":\n\"x") == "line 2: not JSON, or cut short");
  CHECK(refusal("\x7F"
                "ELF\x02\x01") == "line 1: not JSON, or cut short");
  const auto* foreign = GENERATE("[]", "3", "null", "{}", R"({"schema":3})", R"({"schema":"natkit/nat-probe/1"})",
                                 R"({"schema":"natkit/nat-probe-trace/2","servers":[],"events":[]})");
  CHECK(refusal(foreign) == "the file: is no trace of nat-probe (its schema is not natkit/nat-probe-trace/1)");
}

TEST_CASE("A trace that lies names the event and the lie", "[trace_json]") {
  const auto [piece, replacement, detail] = GENERATE(table<std::string, std::string, std::string>({
      {"\"question\":\"mapping\"", "\"question\":\"age\"", "event 0: 'question' is not a question this version knows"},
      {"\"question\":\"mapping\",", "", "event 0: 'question' is missing"},
      {"\"server\":0", "\"server\":2", "event 0: 'server' is not in the list of servers"},
      {"\"server\":0", "\"server\":-1", "event 0: 'server' is not a whole number from 0 to 4294967295"},
      {"\"server\":0", "\"server\":0.5", "event 0: 'server' is not a whole number from 0 to 4294967295"},
      {"\"server\":0", "\"server\":0,\"mood\":1", "event 0: has a key that this version does not know"},
      {"\"id\":\"0102", "\"id\":\"01", "event 0: 'id' is not 24 hex digits"},
      {"\"to\":\"198.51.100.1:3478\"", "\"to\":\"198.51.100.1\"", "event 0: 'to' is not an address and port"},
      {"\"to\":\"198.51.100.1:3478\"", "\"to\":7", "event 0: 'to' is not a text"},
      {"\"event\":\"send-failed\"", "\"event\":\"explosion\"", "event 2: 'event' is not one this version knows"},
      {"\"at_ns\":50000001", "\"at_ns\":3", "event 3: 'at_ns' runs backwards"},
      {"\"at_ns\":50000001", "\"at_ns\":86400000000001",
       "event 3: 'at_ns' is not a whole number from 0 to 86400000000000"},
      {"\"at_ns\":50000001", "\"at_ns\":1e999", "the file: has a value that cannot be represented"},
      {"\"second_port\":3479", "\"second_port\":65536", "event 3: 'second_port' is not a whole number from 0 to 65535"},
      {"\"socket\":2,\"from\"", "\"socket\":1,\"from\"", "event 4: answers a request that this socket never sent"},
      {"\"size\":1500", "\"size\":65536", "event 5: 'size' is not a whole number from 0 to 65535"},
      {"\"hop_limit\":1", "\"hop_limit\":256", "event 7: 'hop_limit' is not a whole number from 0 to 255"},
      {"\"router\":\"192.168.1.1\"", "\"router\":\"home\"", "event 8: 'router' is not an IP address"},
      {"\"reach\":\"under way\"", "\"reach\":\"perhaps\"", "event 9: 'reach' is not a state this version knows"},
      {"\"schema\"", "\"mood\":1,\"schema\"", "the file: has a key that this version does not know"},
      {"\"name\":\"v6\",", "", "server 1: 'name' is missing"},
      {"\"servers\":[", "\"servers\":[3,", "server 0: not an object"},
      {"\"events\":[", "\"acts\":[", "the file: has no list 'events'"},
      {"\"why\":\"Network", "\"why\":[[\"Network", "the file: nests deeper than a trace does"},
  }));
  CHECK(refusal(sample_with(piece, replacement)) == detail);
}

TEST_CASE("Nothing happens after the end of a trace", "[trace_json]") {
  CHECK(refusal(with_events(R"({"event":"ended","at_ns":1},{"event":"ended","at_ns":2})")) ==
        "event 1: comes after the end");
}

TEST_CASE("A huge or deep file is refused without being built", "[trace_json]") {
  CHECK(refusal(std::string(most_trace_bytes + 1, ' ')).find("is larger than") != std::string::npos);
  CHECK(refusal(std::string(most_trace_bytes, '[')) == "the file: nests deeper than a trace does");
  std::string many = sent;
  for (int i = 0; i < 10'000; ++i) many += std::string(",") + sent;
  CHECK(refusal(with_events(many)) == "the file: has more than 10000 events");
}

TEST_CASE("What the routers said is recorded and replayed; without it the file is as it ever was", "[trace_json]") {
  auto trace = test::sample_trace();
  CHECK(to_json(trace).find("port_mapping") == std::string::npos);
  trace.port_mapping.pcp = {.available = true, .external = *parse_ip_address("203.0.113.7")};
  trace.port_mapping.upnp = {.available = false, .external = {}};
  const auto back = parse_trace(to_json(trace));
  REQUIRE(back);
  CHECK(back->port_mapping == trace.port_mapping);
  const auto with = [](std::string_view more) {
    return R"({"schema":"natkit/nat-probe-trace/1","servers":[],"events":[],"port_mapping":)" + std::string(more) + "}";
  };
  CHECK(parse_trace(with("{}")));
  for (const auto* wrong : {"[]", "7", R"({"pcp":7})", R"({"ftp":{}})", R"({"pcp":{"available":1}})",
                            R"({"pcp":{"external":"x"}})", R"({"pcp":{"more":1}})"})
    refusal(with(wrong));
}

TEST_CASE("What the host knew of itself is recorded and replayed; without it the file is as it ever was",
          "[trace_json]") {
  auto trace = test::sample_trace();
  CHECK(to_json(trace).find("\"host\"") == std::string::npos);
  trace.host = {.temporary = {*parse_ip_address("2001:db8:1::a:b")}, .stable = {*parse_ip_address("2001:db8:1::2")}};
  const auto back = parse_trace(to_json(trace));
  REQUIRE(back);
  CHECK(back->host == trace.host);
  trace.host = {.temporary = {}, .stable = {}, .ipv4only = std::vector<IpAddress>{}, .has_clat = false};
  CHECK(parse_trace(to_json(trace)).value().host == trace.host);  // not found is not "not asked"
  trace.host.ipv4only->push_back(*parse_ip_address("64:ff9b::192.0.0.170"));
  CHECK(parse_trace(to_json(trace)).value().host == trace.host);
  const auto with = [](std::string_view more) {
    return R"({"schema":"natkit/nat-probe-trace/1","servers":[],"events":[],"host":)" + std::string(more) + "}";
  };
  CHECK(parse_trace(with("{}")));
  for (const auto* wrong : {"[]", "7", R"({"temporary":{}})", R"({"stable":[7]})", R"({"stable":["192.0.2.1"]})",
                            R"({"stable":["x"]})", R"({"clat":1})", R"({"ipv4only":null})", R"({"more":[]})"})
    refusal(with(wrong));
  std::string many = R"({"stable":["::1")";
  for (int i = 0; i < 64; ++i) many += R"(,"::1")";
  refusal(with(many + "]}"));
}
