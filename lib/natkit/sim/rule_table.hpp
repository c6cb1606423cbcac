#pragma once
/// The forwarding rules of one router, whoever asked for them.
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/endpoint.hpp"
#include "natkit/base/time.hpp"
#include "natkit/portmap/journal.hpp"

namespace natkit::sim {
struct Rule {
  Protocol protocol{};
  std::uint16_t external_port = 0;
  Endpoint internal{};
  std::optional<Instant> expires{};  ///< nullopt: permanent
  portmap::Method via{};             ///< who made it
  std::optional<portmap::Nonce> nonce{};
  std::string description{};
  enum class Effect : std::uint8_t { forwards, listed_only } effect = Effect::forwards;
};

class RuleTable {
 public:
  /// Null where there is none.
  [[nodiscard]] Rule* find(Protocol protocol, std::uint16_t external_port);
  [[nodiscard]] const Rule* find(Protocol protocol, std::uint16_t external_port) const;
  [[nodiscard]] Rule* find_internal(Protocol protocol, const Endpoint& internal);
  void put(Rule rule) { rules_.insert_or_assign({rule.protocol, rule.external_port}, std::move(rule)); }
  bool erase(Protocol protocol, std::uint16_t external_port) { return rules_.erase({protocol, external_port}) > 0; }
  template <class Predicate>
  std::size_t erase_if(Predicate predicate) {
    return std::erase_if(rules_, [&](const auto& pair) { return predicate(pair.second); });
  }
  void purge(Instant now);
  [[nodiscard]] std::size_t size() const { return rules_.size(); }
  /// By protocol, then by port.
  [[nodiscard]] std::vector<Rule> all() const;

 private:
  std::map<std::pair<Protocol, std::uint16_t>, Rule> rules_;
};
}  // namespace natkit::sim
