#include "natkit/report/remembered_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "natkit/base/bytes.hpp"
#include "natkit/report/json.hpp"
#include "natkit/report/labels.hpp"

namespace natkit::report {
namespace {
using Rule = probe::PortAllocation::Rule;
using std::chrono::milliseconds;

constexpr std::string_view kin = "natkit/networks/";  // of any version
constexpr std::string_view schema = "natkit/networks/1";
/// RFC 4787 wants more than two minutes; a NAT that keeps an idle mapping for a day keeps it for ever.
constexpr milliseconds longest_lifetime = std::chrono::hours{24};
constexpr std::uint64_t last_second = 253'402'300'799;  // of the year 9999
constexpr std::array rules{Rule::preserving, Rule::sequential, Rule::block, Rule::random};
constexpr std::array refreshes{probe::Refresh::outbound, probe::Refresh::both};

// Writing.

Json behaviors_json(const BehaviorSet& set) {
  if (set.is_unknown()) return nullptr;
  Json out = Json::array();
  for (const auto behavior : report::members(set)) out.push_back(to_text(behavior));
  return out;
}

template <class T>
Json memory_json(const Memory<T>& memory) {
  const auto& nat = memory.nat;
  return {{"at_s", memory.at.time_since_epoch().count()},
          {"mapping", behaviors_json(nat.mapping)},
          {"filtering", behaviors_json(nat.filtering)},
          {"ports", nat.ports ? Json(to_text(*nat.ports)) : Json(nullptr)}};
}

/// Rounded so that the range stays true.
Json lifetime_json(const Memory<probe::MappingLifetime>& memory) {
  const auto& lifetime = memory.value;
  auto out = memory_json(memory);
  out["shortest_ms"] = std::chrono::floor<milliseconds>(lifetime.shortest.value_or(Duration{})).count();
  out["longest_ms"] =
      lifetime.longest ? Json(std::chrono::ceil<milliseconds>(*lifetime.longest).count()) : Json(nullptr);
  out["refresh"] = lifetime.refresh ? Json(to_text(*lifetime.refresh)) : Json(nullptr);
  return out;
}

// Reading.

// std::map inside: an object with very many keys must not cost quadratic time.
using Parsed = nlohmann::json;

/// Reads value by value; holds the first thing found wrong, and what is read after that does not matter any more.
class MemoriesReader {
 public:
  NetworkMemories read(std::string_view text) {
    NetworkMemories memories;
    for (const auto& network : networks_of(text)) {
      memories.push_back(read_network(network));
      if (!fault_.empty()) break;
    }
    return memories;
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  void refuse(std::string what) {
    if (fault_.empty()) fault_ = std::move(what);
  }
  void refuse_field(const char* key) { refuse(fmt::format("has an impossible '{}'", key)); }

  /// Null where it is absent.
  static const Parsed& member(const Parsed& object, const char* key) {
    static const Parsed null;
    const auto found = object.find(key);
    return found == object.end() ? null : *found;
  }

  /// The list of networks; none, and a fault, where the text is not of this kind.
  Parsed networks_of(std::string_view text) {
    if (text.size() > most_memories_bytes) {
      refuse("is too large");
      return {};
    }
    auto root = Parsed::parse(text, nullptr, /*allow_exceptions=*/false);
    if (root.is_discarded()) {
      refuse("is not JSON, or cut short");
      return {};
    }
    const auto& kind = member(root, "schema");
    const auto found = kind.is_string() ? kind.get<std::string>() : std::string{};
    if (found != schema) refuse(found.starts_with(kin) ? "was written by another version" : "is of another kind");
    const auto& networks = member(root, "networks");
    if (!networks.is_array() || networks.size() > most_networks)
      refuse(fmt::format("has no list of at most {} networks", most_networks));
    return fault_.empty() ? networks : Parsed::array();
  }

  NetworkMemory read_network(const Parsed& network) {
    NetworkMemory read;
    const auto& name = member(network, "network");
    const auto bytes = name.is_string() ? from_hex(name.get<std::string>()) : std::nullopt;
    if (!bytes || bytes->size() != read.id.size()) {
      refuse_field("network");
      return read;
    }
    std::ranges::copy(*bytes, read.id.begin());
    if (const auto& value = member(network, "hairpin"); !value.is_null()) read.hairpin = read_hairpin(value);
    if (const auto& value = member(network, "mapping_lifetime"); !value.is_null())
      read.mapping_lifetime = read_lifetime(value);
    return read;
  }

  template <class T>
  Memory<T> read_memory(const Parsed& object) {
    return {.value = {},
            .nat = {.mapping = read_behaviors(object, "mapping"),
                    .filtering = read_behaviors(object, "filtering"),
                    .ports = read_choice(object, "ports", rules)},
            .at = std::chrono::sys_seconds{std::chrono::seconds{read_number(object, "at_s", last_second)}}};
  }

  Memory<bool> read_hairpin(const Parsed& object) {
    auto memory = read_memory<bool>(object);
    const auto& value = member(object, "value");
    if (!value.is_boolean())
      refuse_field("value");
    else
      memory.value = value.get<bool>();
    return memory;
  }

  Memory<probe::MappingLifetime> read_lifetime(const Parsed& object) {
    auto memory = read_memory<probe::MappingLifetime>(object);
    auto& lifetime = memory.value;
    lifetime.shortest = read_milliseconds(object, "shortest_ms");
    if (!member(object, "longest_ms").is_null()) lifetime.longest = read_milliseconds(object, "longest_ms");
    if (lifetime.longest && *lifetime.longest < *lifetime.shortest) refuse_field("longest_ms");
    lifetime.refresh = read_choice(object, "refresh", refreshes);
    return memory;
  }

  std::uint64_t read_number(const Parsed& object, const char* key, std::uint64_t most) {
    const auto& value = member(object, key);
    // Only what stands there whole and without a sign is stored as unsigned.
    if (value.is_number_unsigned() && value.get<std::uint64_t>() <= most) return value.get<std::uint64_t>();
    refuse_field(key);
    return 0;
  }
  Duration read_milliseconds(const Parsed& object, const char* key) {
    return milliseconds{read_number(object, key, static_cast<std::uint64_t>(longest_lifetime.count()))};
  }

  /// One of our own words, or null.
  template <class Choices>
  std::optional<typename Choices::value_type> read_choice(const Parsed& object, const char* key,
                                                          const Choices& choices) {
    const auto& value = member(object, key);
    if (value.is_null()) return std::nullopt;
    for (const auto choice : choices)
      if (value.is_string() && value.get<std::string>() == to_text(choice)) return choice;
    refuse_field(key);
    return std::nullopt;
  }

  /// Null, or one or two different ones: all three are null.
  BehaviorSet read_behaviors(const Parsed& object, const char* key) {
    const auto& value = member(object, key);
    if (value.is_null()) return {};
    std::vector<Behavior> members;
    if (value.is_array() && value.size() <= 2)
      for (const auto& item : value)
        if (const auto one = item.is_string() ? parse_behavior(item.get<std::string>()) : std::nullopt)
          members.push_back(*one);
    if (!members.empty() && members.size() == value.size()) return {members.front(), members.back()};
    refuse_field(key);
    return {};
  }

  std::string fault_;
};
}  // namespace

std::string to_json(const NetworkMemories& memories) {
  Json networks = Json::array();
  for (const auto& memory : memories) {
    Json network = Json::object();
    network["network"] = to_hex(memory.id);
    if (memory.hairpin) {
      network["hairpin"] = memory_json(*memory.hairpin);
      network["hairpin"]["value"] = memory.hairpin->value;
    }
    if (memory.mapping_lifetime) network["mapping_lifetime"] = lifetime_json(*memory.mapping_lifetime);
    networks.push_back(std::move(network));
  }
  return dump({{"schema", schema}, {"networks", std::move(networks)}}) + "\n";
}

Result<NetworkMemories> parse_memories(std::string_view text) {
  MemoriesReader reader;
  auto memories = reader.read(text);
  if (!reader.fault().empty()) return std::unexpected(Error{Errc::usage, "bad-memory", reader.fault(), ""});
  return memories;
}
}  // namespace natkit::report
