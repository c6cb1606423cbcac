#include <fmt/format.h>

#include "natkit/probe/verdicts.hpp"

namespace natkit::probe {
namespace {
/// What the answers say when held against each other, pair by pair.
struct Comparison {
  std::string same_across{};  ///< two addresses saw the same endpoint; the text says which
  std::string differs_across{};
  std::string same_on_one{};  ///< two ports of one address saw the same endpoint
  std::string differs_on_one{};
};

std::vector<const Asked*> answered_questions(const Digest& digest, Question question, Family family) {
  std::vector<const Asked*> answered;
  for (const auto& asked : digest.asked)
    if (asked.question == question && asked.to.address.family() == family && asked.mapped) answered.push_back(&asked);
  return answered;
}

Comparison compare(const std::vector<const Asked*>& answered) {
  Comparison seen;
  for (std::size_t i = 0; i < answered.size(); ++i) {
    for (std::size_t j = i + 1; j < answered.size(); ++j) {
      const auto& one = *answered[i];
      const auto& other = *answered[j];
      if (one.to == other.to) continue;
      const bool same = one.mapped == other.mapped;
      const bool on_one = one.to.address == other.to.address;
      auto& fact =
          on_one ? (same ? seen.same_on_one : seen.differs_on_one) : (same ? seen.same_across : seen.differs_across);
      if (fact.empty())
        fact = same ? fmt::format("{} and {} both saw {}", to_text(one.to), to_text(other.to), to_text(*one.mapped))
                    : fmt::format("{} saw {}, but {} saw {}", to_text(one.to), to_text(*one.mapped), to_text(other.to),
                                  to_text(*other.mapped));
    }
  }
  return seen;
}

Verdict known(BehaviorSet behavior, const char* reason, std::string detail) {
  return {behavior, {{.reason = reason, .detail = std::move(detail)}}};
}

Verdict unknown(const char* reason, std::string detail) { return known({}, reason, std::move(detail)); }

/// Why there are not two answers to compare.
Verdict too_few_answers(const Digest& digest, Family family, const std::vector<const Asked*>& answered) {
  if (answered.empty())
    return unknown("no-answer", fmt::format("no {} server answered a Binding request over UDP", to_text(family)));
  for (const auto& asked : digest.asked)
    if (asked.question == Question::mapping && asked.to.address.family() == family && !asked.is_answered() &&
        digest.servers[asked.server].answered)
      return unknown(
          "second-endpoint-silent",
          fmt::format("{} answered, but its other endpoint {} did not answer {} requests",
                      to_text(digest.servers[asked.server].address), to_text(asked.to), asked.copies.size()));
  return unknown("one-endpoint-only",
                 fmt::format("only {} answered, and it names no second address or port to compare with",
                             to_text(answered.front()->to)));
}

Verdict too_few_over_tcp(const Digest& digest, Family family, const std::vector<const Asked*>& answered) {
  const Asked* refused = nullptr;
  const Asked* silent = nullptr;
  for (const auto& asked : digest.asked) {
    if (asked.question != Question::tcp_mapping || asked.to.address.family() != family || asked.mapped) continue;
    (asked.send_failures > 0 ? refused : silent) = &asked;
  }
  if (refused != nullptr)
    return unknown("server-has-no-tcp", fmt::format("{} over TCP: {}", to_text(refused->to), refused->why_not_sent));
  if (silent != nullptr)
    return unknown("no-answer", fmt::format("{} did not answer over TCP in time", to_text(silent->to)));
  if (answered.empty()) return unknown("not-asked", "no server was asked over TCP");
  return unknown("one-endpoint-only", fmt::format("only {} answered over TCP, and it names no second address or port",
                                                  to_text(answered.front()->to)));
}

Verdict judge(const Comparison& seen) {
  using enum Behavior;
  const auto both = [](const std::string& one, const std::string& other) { return one + "; " + other; };
  if (!seen.same_across.empty()) {
    if (!seen.differs_across.empty())
      return unknown("contradictory-answers", both(seen.same_across, seen.differs_across));
    if (!seen.differs_on_one.empty())
      return unknown("contradictory-answers", both(seen.same_across, seen.differs_on_one));
    return known(endpoint_independent, "same-mapping-from-two-addresses", seen.same_across);
  }
  if (!seen.differs_on_one.empty()) {
    if (!seen.same_on_one.empty()) return unknown("contradictory-answers", both(seen.same_on_one, seen.differs_on_one));
    return known(address_and_port_dependent, "other-mapping-for-another-port", seen.differs_on_one);
  }
  if (!seen.differs_across.empty() && !seen.same_on_one.empty())
    return known(address_dependent, "other-mapping-for-another-address-only",
                 both(seen.differs_across, seen.same_on_one));
  if (!seen.differs_across.empty())
    return known({address_dependent, address_and_port_dependent}, "other-mapping-for-another-server",
                 seen.differs_across + "; neither server has a second port to tell the two apart");
  return known({endpoint_independent, address_dependent}, "one-address-only",
               seen.same_on_one + "; a second server address would tell the two apart");
}
}  // namespace

Verdict judge_mapping(const Digest& digest, Family family) {
  const auto answered = answered_questions(digest, Question::mapping, family);
  for (const auto* asked : answered)
    if (asked->remapped)
      return unknown("mapping-changed", fmt::format("{} saw {} first and {} later", to_text(asked->to),
                                                    to_text(*asked->mapped), to_text(*asked->remapped)));
  if (answered.size() < 2) return too_few_answers(digest, family, answered);
  return judge(compare(answered));
}

Verdict judge_tcp_mapping(const Digest& digest, Family family) {
  const auto answered = answered_questions(digest, Question::tcp_mapping, family);
  return answered.size() < 2 ? too_few_over_tcp(digest, family, answered) : judge(compare(answered));
}
}  // namespace natkit::probe
