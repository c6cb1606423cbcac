#include "natkit/sim/rule_table.hpp"

namespace natkit::sim {
Rule* RuleTable::find(Protocol protocol, std::uint16_t external_port) {
  const auto found = rules_.find({protocol, external_port});
  return found == rules_.end() ? nullptr : &found->second;
}

const Rule* RuleTable::find(Protocol protocol, std::uint16_t external_port) const {
  const auto found = rules_.find({protocol, external_port});
  return found == rules_.end() ? nullptr : &found->second;
}

Rule* RuleTable::find_internal(Protocol protocol, const Endpoint& internal) {
  for (auto& [key, rule] : rules_)
    if (rule.protocol == protocol && rule.internal == internal) return &rule;
  return nullptr;
}

void RuleTable::purge(Instant now) {
  erase_if([now](const Rule& rule) { return rule.expires && *rule.expires <= now; });
}

std::vector<Rule> RuleTable::all() const {
  std::vector<Rule> rules;
  rules.reserve(rules_.size());
  for (const auto& [key, rule] : rules_) rules.push_back(rule);
  return rules;
}
}  // namespace natkit::sim
