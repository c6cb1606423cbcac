#include "natkit/report/peer_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace natkit::report {
namespace {
constexpr std::string_view schema = "natkit/nat-probe/1";
/// The report, a family in it, the allocation of ports in that, its range; and room for what later versions add.
constexpr int most_depth = 16;
constexpr std::size_t most_servers = 256;

// std::map inside: an object with very many keys must not cost quadratic time.
using Parsed = nlohmann::json;

/// Whether brackets outside of texts nest deeper than this: a parser would build every level first.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text && c == '\\') ++i;
    if (c == '"') in_text = !in_text;
    if (in_text) continue;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (depth > most_depth) return true;
  }
  return false;
}

/// Reads value by value; holds the first thing found wrong, and what is read after that does not matter any more.
class PeerReportReader {
 public:
  probe::Report read(std::string_view text) {
    const auto root = parse(text);
    probe::Report report;
    if (!fault_.empty()) return report;
    if (!root.is_object() || root.value("schema", Parsed{}) != schema) {
      refuse("the file", fmt::format("is no report of nat-probe (its schema is not {})", schema));
      return report;
    }
    report.udp = read_udp(root);
    read_servers(report, root);
    read_family(report.ipv4, root, "ipv4");
    read_family(report.ipv6, root, "ipv6");
    report.captive_portal = read_flag(root, "", "captive_portal");
    const auto& mappings = object(root, "", "port_mapping");
    report.port_mapping = {.upnp = read_mapping(mappings, "upnp"),
                           .nat_pmp = read_mapping(mappings, "nat_pmp"),
                           .pcp = read_mapping(mappings, "pcp")};
    return report;
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  void refuse(std::string_view place, std::string_view what) {
    if (fault_.empty()) fault_ = fmt::format("{}: {}", place, what);
  }

  /// nlohmann's own words would quote the file.
  Parsed parse(std::string_view text) {
    if (text.size() > most_report_bytes) {
      refuse("the file", fmt::format("is larger than {} bytes", most_report_bytes));
      return {};
    }
    if (is_too_deep(text)) {
      refuse("the file", "nests deeper than a report does");
      return {};
    }
    try {
      return Parsed::parse(text);
    } catch (const Parsed::parse_error& error) {
      const auto before = text.substr(0, error.byte);
      refuse(fmt::format("line {}", std::count(before.begin(), before.end(), '\n') + 1), "not JSON, or cut short");
    } catch (const Parsed::exception&) {  // a number that no type holds
      refuse("the file", "has a value that cannot be represented");
    }
    return {};
  }

  /// Null where it is absent: both mean unknown.
  static const Parsed& member(const Parsed& object, const char* key) {
    static const Parsed null;
    const auto found = object.find(key);
    return found == object.end() ? null : *found;
  }
  static std::string join(std::string_view place, std::string_view key) {
    return place.empty() ? std::string{key} : fmt::format("{}.{}", place, key);
  }
  const Parsed& object(const Parsed& parent, std::string_view place, const char* key) {
    static const Parsed empty = Parsed::object();
    const auto& value = member(parent, key);
    if (value.is_object()) return value;
    if (!value.is_null()) refuse(join(place, key), "is not an object");
    return empty;
  }

  std::optional<std::string> read_text(const Parsed& object, std::string_view place, const char* key) {
    const auto& value = member(object, key);
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_null()) refuse(join(place, key), "is not a text");
    return std::nullopt;
  }
  std::optional<bool> read_flag(const Parsed& object, std::string_view place, const char* key) {
    const auto& value = member(object, key);
    if (value.is_boolean()) return value.get<bool>();
    if (!value.is_null()) refuse(join(place, key), "is neither true nor false");
    return std::nullopt;
  }
  std::optional<unsigned> read_count(const Parsed& object, std::string_view place, const char* key) {
    const auto& value = member(object, key);
    // Only what stands there without a sign is stored as unsigned, so this refuses negative numbers as well.
    if (value.is_number_unsigned() && value.get<std::uint64_t>() <= std::numeric_limits<std::uint8_t>::max())
      return value.get<unsigned>();
    if (!value.is_null()) refuse(join(place, key), "is not a whole number from 0 to 255");
    return std::nullopt;
  }
  std::optional<Endpoint> read_endpoint(const Parsed& object, std::string_view place, const char* key) {
    const auto text = read_text(object, place, key);
    if (!text) return std::nullopt;
    const auto endpoint = parse_endpoint(*text);
    if (!endpoint) refuse(join(place, key), "is not an address and port");
    return endpoint;
  }

  probe::UdpState read_udp(const Parsed& root) {
    const auto text = read_text(root, "", "udp");
    if (!text) return probe::UdpState::unknown;
    if (*text == "ok") return probe::UdpState::ok;
    if (*text != "blocked") refuse("udp", "is neither \"ok\" nor \"blocked\"");
    return probe::UdpState::blocked;
  }

  void read_servers(probe::Report& report, const Parsed& root) {
    const auto& servers = member(root, "servers");
    if (servers.is_null()) return;
    if (!servers.is_array()) return refuse("servers", "is not a list");
    if (servers.size() > most_servers) return refuse("servers", fmt::format("has more than {} entries", most_servers));
    for (std::size_t i = 0; i < servers.size(); ++i) {
      const auto place = fmt::format("servers.{}", i);
      if (!servers[i].is_object()) return refuse(place, "is not an object");
      const auto address = read_endpoint(servers[i], place, "address");
      if (!address) continue;
      report.servers.push_back({.name = {}, .address = *address, .rtt = {}, .loss = {}, .behavior_discovery = {}});
      (address->address.is_v4() ? report.ipv4 : report.ipv6).emplace();
    }
  }

  std::optional<Behavior> read_behavior(const Parsed& value, const std::string& place) {
    const auto behavior = value.is_string() ? parse_behavior(value.get<std::string>()) : std::nullopt;
    if (!behavior) refuse(place, "is not a behavior that this version knows");
    return behavior;
  }

  BehaviorSet read_behaviors(const Parsed& object, std::string_view place, const char* key) {
    const auto& value = member(object, key);
    if (value.is_null()) return {};
    const auto here = join(place, key);
    if (!value.is_array()) {
      const auto one = read_behavior(value, here);
      return one ? BehaviorSet{*one} : BehaviorSet{};
    }
    if (value.empty() || value.size() > 3) refuse(here, "is not a list of one to three behaviors");
    std::vector<Behavior> members;
    for (const auto& item : value)
      if (const auto one = read_behavior(item, here); one && std::ranges::find(members, *one) == members.end())
        members.push_back(*one);
    if (members.size() == 1) return {members[0]};
    if (members.size() == 2) return {members[0], members[1]};
    return {};
  }

  void read_family(std::optional<probe::FamilyReport>& out, const Parsed& root, const char* key) {
    const auto& family = object(root, "", key);
    probe::FamilyReport read{.local = read_endpoint(family, key, "local"),
                             .mapped = read_endpoint(family, key, "mapped"),
                             .nat = read_flag(family, key, "nat"),
                             .mapping = read_behaviors(family, key, "mapping"),
                             .filtering = read_behaviors(family, key, "filtering"),
                             .hairpin = read_flag(family, key, "hairpin"),
                             .layers = read_count(family, key, "layers"),
                             .cgn = read_flag(family, key, "cgn")};
    const auto expected = std::string_view{key} == "ipv4" ? Family::ipv4 : Family::ipv6;
    for (const auto& endpoint : {read.local, read.mapped})
      if (endpoint && endpoint->address.family() != expected) refuse(key, "holds an address of the other family");
    if (out || read.local || read.mapped || read.nat || !read.mapping.is_unknown() || !read.filtering.is_unknown())
      out = std::move(read);
  }

  probe::PortMapping read_mapping(const Parsed& mappings, const char* method) {
    const auto place = fmt::format("port_mapping.{}", method);
    const auto& one = object(mappings, "port_mapping", method);
    probe::PortMapping read{.available = read_flag(one, place, "available"), .external = {}};
    if (const auto text = read_text(one, place, "external")) {
      read.external = parse_ip_address(*text);
      if (!read.external) refuse(join(place, "external"), "is not an IP address");
    }
    return read;
  }

  std::string fault_;
};
}  // namespace

Result<probe::Report> parse_peer_report(std::string_view text) {
  PeerReportReader reader;
  auto report = reader.read(text);
  if (!reader.fault().empty())
    return std::unexpected(Error{Errc::usage, "bad-report", reader.fault(),
                                 "give what nat-probe --json printed at the peer's, whole and unchanged"});
  return report;
}
}  // namespace natkit::report
