#include "natkit/report/remembered.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace natkit::report {
namespace {
enum class Likeness : std::uint8_t { same, open, other };

Likeness compare(const BehaviorSet& now, const BehaviorSet& then) {
  if (now == then) return Likeness::same;
  return now.intersect(then) ? Likeness::open : Likeness::other;
}

Likeness compare(const NatTraits& now, const NatTraits& then) {
  auto ports = Likeness::same;
  if (now.ports != then.ports) ports = now.ports && then.ports ? Likeness::other : Likeness::open;
  return std::max({compare(now.mapping, then.mapping), compare(now.filtering, then.filtering), ports});
}

/// Only a NAT has such answers, and one of which nothing is known cannot be known again.
bool is_recognizable(const probe::FamilyReport& family) { return family.nat == true && !family.mapping.is_unknown(); }

template <class T>
Learned drop_other(std::optional<Memory<T>>& memory, const NatTraits& nat) {
  if (!memory || compare(nat, memory->nat) != Likeness::other) return Learned::nothing;
  memory.reset();
  return Learned::something;
}

/// Whether what is remembered ends where the new one only begins.
bool tells_more(const std::optional<Memory<probe::MappingLifetime>>& memory, const probe::MappingLifetime& measured) {
  return memory && memory->value.longest && !measured.longest && *measured.shortest < *memory->value.longest;
}

void keep_measured(NetworkMemory& network, const probe::FamilyReport& measured, std::chrono::sys_seconds now) {
  const auto nat = traits_of(measured);
  if (measured.hairpin) network.hairpin = Memory<bool>{*measured.hairpin, nat, now};
  const auto& lifetime = measured.mapping_lifetime;
  if (lifetime.shortest && !tells_more(network.mapping_lifetime, lifetime))
    network.mapping_lifetime = Memory<probe::MappingLifetime>{lifetime, nat, now};
}

bool is_empty(const NetworkMemory& network) { return !network.mapping_lifetime && !network.hairpin; }

template <class T>
void drop_old(std::optional<Memory<T>>& memory, std::chrono::sys_seconds now) {
  if (memory && (memory->at > now || now - memory->at > longest_memory)) memory.reset();
}

/// Takes the place of the sentence that the value is not measured unless asked for; before any other reason.
void put_evidence(std::vector<probe::Evidence>& all, probe::Evidence evidence) {
  const auto found = std::ranges::find(all, evidence.about, &probe::Evidence::about);
  if (found != all.end() && found->reason == "not-asked")
    *found = std::move(evidence);
  else
    all.insert(found, std::move(evidence));
}

/// Writes into one family of a report.
class Recall {
 public:
  Recall(probe::Report& report, Family family, std::chrono::sys_seconds now)
      : report_(report), prefix_(family == Family::ipv4 ? "ipv4." : "ipv6."), now_(now) {}

  template <class T>
  void note(const Memory<T>& memory, std::string_view key, std::string_view option) {
    // The clock may have been set back while a watch goes on.
    const Duration age = std::max(now_ - memory.at, std::chrono::seconds{});
    const auto about = prefix_ + std::string(key);
    put_evidence(report_.evidence,
                 {.about = about,
                  .reason = "remembered",
                  .detail = fmt::format("measured {} ago on this network, whose mapping, filtering and ports are the "
                                        "same now; {} measures it again",
                                        age_text(age), option)});
    remembered_.push_back({.about = about, .age = age});
  }
  [[nodiscard]] std::vector<Remembered> take() { return std::move(remembered_); }

 private:
  probe::Report& report_;
  std::string prefix_;
  std::chrono::sys_seconds now_;
  std::vector<Remembered> remembered_;
};
}  // namespace

NatTraits traits_of(const probe::FamilyReport& family) {
  return {.mapping = family.mapping, .filtering = family.filtering, .ports = family.port_allocation.rule};
}

Learned learn(NetworkMemories& memories, const NetworkId& network, const probe::FamilyReport& measured,
              std::chrono::sys_seconds now) {
  const auto found = std::ranges::find(memories, network, &NetworkMemory::id);
  auto memory = found == memories.end() ? NetworkMemory{.id = network} : *found;
  auto learned = Learned::nothing;
  if (measured.nat == false && !is_empty(memory)) {
    memory = NetworkMemory{.id = network};
    learned = Learned::something;
  }
  if (is_recognizable(measured)) {
    const auto nat = traits_of(measured);
    learned = std::max({learned, drop_other(memory.hairpin, nat), drop_other(memory.mapping_lifetime, nat)});
    if (measured.hairpin || measured.mapping_lifetime.shortest) learned = Learned::something;
    keep_measured(memory, measured, now);
  }
  if (learned == Learned::nothing) return learned;
  if (found != memories.end()) memories.erase(found);
  if (!is_empty(memory)) memories.push_back(memory);
  if (memories.size() > most_networks) memories.erase(memories.begin());
  return learned;
}

void forget_old(NetworkMemories& memories, std::chrono::sys_seconds now) {
  for (auto& network : memories) {
    drop_old(network.hairpin, now);
    drop_old(network.mapping_lifetime, now);
  }
  std::erase_if(memories, is_empty);
}

std::vector<Remembered> recall(const NetworkMemories& memories, const NetworkId& network, Family family,
                               probe::Report& report, std::chrono::sys_seconds now) {
  auto& facts = family == Family::ipv4 ? report.ipv4 : report.ipv6;
  const auto found = std::ranges::find(memories, network, &NetworkMemory::id);
  if (!facts || !is_recognizable(*facts) || found == memories.end()) return {};
  const auto nat = traits_of(*facts);
  Recall into{report, family, now};
  if (const auto& memory = found->hairpin; memory && memory->nat == nat && !facts->hairpin) {
    facts->hairpin = memory->value;
    into.note(*memory, "hairpin", "--hairpin");
  }
  if (const auto& memory = found->mapping_lifetime;
      memory && memory->nat == nat && !facts->mapping_lifetime.shortest && !facts->mapping_lifetime.longest) {
    facts->mapping_lifetime = memory->value;
    into.note(*memory, "mapping_lifetime_ms", "--lifetime");
  }
  return into.take();
}

std::string age_text(Duration age) {
  using std::chrono::hours;
  using std::chrono::minutes;
  if (age < minutes{1}) return "less than a minute";
  if (age < hours{1}) return fmt::format("{} min", age / minutes{1});
  if (age < hours{48}) return fmt::format("{} h", age / hours{1});
  return fmt::format("{} days", age / hours{24});
}
}  // namespace natkit::report
