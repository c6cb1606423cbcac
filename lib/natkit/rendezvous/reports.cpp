#include "natkit/rendezvous/reports.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "natkit/crypto/signature.hpp"
#include "natkit/rendezvous/household.hpp"

namespace natkit::rendezvous {
namespace {
constexpr std::size_t longest_certificate = 2048;  // ours has some 300 bytes
constexpr double weight_of_evidence = 1.5;         // our own judgement: it shows that both were there, and no more
constexpr double least_counted = 0.01;             // what is left of one report after a week

constexpr std::array<std::pair<Report::Reason, std::string_view>, 4> reasons{{{Report::Reason::aborted, "aborted"},
                                                                              {Report::Reason::cheating, "cheating"},
                                                                              {Report::Reason::abuse, "abuse"},
                                                                              {Report::Reason::other, "other"}}};
constexpr std::array<std::pair<ReportStanding, std::string_view>, 3> standings{
    {{ReportStanding::one_sided, "one-sided"},
     {ReportStanding::agreed, "agreed"},
     {ReportStanding::disputed, "disputed"}}};

template <class Names>
std::string_view name_in(const Names& names, auto value) {
  const auto found = std::ranges::find(names, value, [](const auto& each) { return each.first; });
  return found == names.end() ? std::string_view{} : found->second;
}
template <class Names>
auto value_in(const Names& names, std::string_view name) -> std::optional<decltype(names[0].first)> {
  const auto found = std::ranges::find(names, name, [](const auto& each) { return each.second; });
  if (found == names.end()) return std::nullopt;
  return found->first;
}

bool is_hex(const std::string& text, std::size_t digits) {
  return text.size() == digits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

template <class Map>
void forget_one_over(Map& map, std::size_t most) {
  if (map.size() > most) map.erase(map.begin());
}
}  // namespace

std::string_view to_text(Report::Reason reason) { return name_in(reasons, reason); }
std::optional<Report::Reason> parse_report_reason(std::string_view text) { return value_in(reasons, text); }
std::string_view to_text(ReportStanding standing) { return name_in(standings, standing); }
std::optional<ReportStanding> parse_report_standing(std::string_view text) { return value_in(standings, text); }

/// One line each; no part of it holds a control character, so no two reports have the same text.
Bytes report_text(const Report& report) {
  auto text = "natkit report\n" + report.session + '\n' + std::to_string(report.epoch) + '\n' + report.member + '\n' +
              std::string{to_text(report.reason)} + '\n' + report.text;
  if (report.evidence) text += '\n' + to_hex(*report.evidence);
  return {text.begin(), text.end()};
}

double Reports::fading(Instant now, Instant since) const {
  const auto age = std::chrono::duration<double>(std::max(Duration::zero(), now - since));
  return std::exp2(-age / std::chrono::duration<double>(config_.half_life));
}

bool Reports::is_too_fast(Instant now, const IpAddress& household) {
  if (!said_.contains(household) && said_.size() >= config_.limits.reporters) {
    std::erase_if(said_, [&](const auto& each) { return now - each.second.first >= std::chrono::hours{1}; });
    if (said_.size() >= config_.limits.reporters) return true;
  }
  auto& [since, count] = said_.try_emplace(household, now, 0).first->second;
  if (now - since >= std::chrono::hours{1}) {
    since = now;
    count = 0;
  }
  return ++count > config_.limits.per_hour;
}

/// Who was alone with what he said once counts half, twice a third …
double Reports::weight_of(Instant now, const std::string& reporter) const {
  const auto found = alone_.find(reporter);
  return found == alone_.end() ? 1 : 1 / (1 + found->second.disputed * fading(now, found->second.at));
}

std::expected<ReportStanding, ReportRefusal> Reports::take(Instant now, const Report& report, const IpAddress& from) {
  expire(now);
  const auto refuse = [this](ReportRefusal why) {
    ++refused_;
    return std::unexpected(why);
  };
  if (!is_hex(report.session, 32) || !is_hex(report.member, 64) || report.text.size() > longest_report_text ||
      !is_showable(report.text) || report.certificate.size() > longest_certificate ||
      report.signature.size() > crypto::longest_signature)
    return refuse(ReportRefusal::malformed);
  const auto household = household_of(from);
  if (is_too_fast(now, household)) return refuse(ReportRefusal::too_fast);  // before a signature is checked
  const crypto::Fingerprint signer{crypto::sha256(report.certificate)};
  if (!crypto::is_signed_by(signer, report.certificate, report_text(report), report.signature))
    return refuse(ReportRefusal::not_signed);
  const auto reporter = to_hex(signer.digest);
  // What is said of other doings is another case.
  const CaseKey key{report.session + '/' + std::string{to_text(report.reason)}, report.member};
  if (!cases_.contains(key) && cases_.size() >= config_.limits.cases) return refuse(ReportRefusal::too_fast);
  auto& about = cases_[key];
  const bool is_new = about.words.empty() && !about.own;
  if (is_new) {
    about.since = now;
    open_.emplace_back(now, key);
  }
  ++taken_;
  if (reporter == report.member) {
    about.own = report.reason;
    about.own_evidence = report.evidence;
  } else {
    const bool is_known = std::ranges::any_of(about.words, [&](const Word& word) { return word.reporter == reporter; });
    if (is_known || about.words.size() >= config_.limits.reports_per_case) return about.standing;
    about.words.push_back({.reporter = reporter,
                           .household = household,
                           .reason = report.reason,
                           .weight = weight_of(now, reporter),
                           .evidence = report.evidence});
  }
  settle(now, key, about);
  return about.standing;
}

/// The member says so itself, or two at different addresses say the same.
bool Reports::is_agreed(const Case& about) const {
  return std::ranges::any_of(about.words, [&](const Word& word) {
    return about.own == word.reason || std::ranges::any_of(about.words, [&](const Word& other) {
             return other.reason == word.reason && other.household != word.household;
           });
  });
}

/// Two of those who agree have seen the same of the session.
bool Reports::is_shown_alike(const Case& about) const {
  return std::ranges::any_of(about.words, [&](const Word& word) {
    if (!word.evidence) return false;
    return (about.own == word.reason && about.own_evidence == word.evidence) ||
           std::ranges::any_of(about.words, [&](const Word& other) {
             return other.reason == word.reason && other.household != word.household && other.evidence == word.evidence;
           });
  });
}

bool Reports::accuse_each_other(const CaseKey& key, const Case& about) const {
  return std::ranges::any_of(about.words, [&](const Word& word) {
    const auto counter = cases_.find({key.first, word.reporter});
    return counter != cases_.end() && std::ranges::any_of(counter->second.words, [&](const Word& other) {
             return other.reporter == key.second && other.reason == word.reason;
           });
  });
}

void Reports::settle(Instant now, const CaseKey& key, Case& about) {
  if (about.standing == ReportStanding::agreed || about.words.empty()) return;
  if (is_agreed(about)) return count(now, key, about, ReportStanding::agreed);
  if (about.standing == ReportStanding::disputed || !accuse_each_other(key, about)) return;
  count(now, key, about, ReportStanding::disputed);
  for (const auto& word : std::vector{about.words})
    if (const auto counter = cases_.find({key.first, word.reporter});
        counter != cases_.end() && counter->second.standing == ReportStanding::one_sided)
      count(now, counter->first, counter->second, ReportStanding::disputed);
}

/// As much as those who say so weigh, and no more than one of them for a session.
void Reports::count(Instant now, const CaseKey& key, Case& about, ReportStanding standing) {
  const auto before = std::exchange(about.standing, standing);
  auto& numbers = numbers_[key.second];
  const auto left = fading(now, numbers.at);
  numbers = {.agreed = numbers.agreed * left, .disputed = numbers.disputed * left, .at = now};
  double weight = 0;
  for (const auto& word : about.words) weight = std::max(weight, word.weight);
  if (standing == ReportStanding::agreed)
    numbers.agreed += is_shown_alike(about) ? weight_of_evidence * weight : weight;
  else
    numbers.disputed += weight;
  if (before == ReportStanding::disputed) numbers.disputed = std::max(0.0, numbers.disputed - weight);
  if (standing == ReportStanding::disputed)
    for (const auto& word : about.words) {
      auto& alone = alone_[word.reporter];
      alone = {.disputed = alone.disputed * fading(now, alone.at) + 1, .at = now};
    }
  forget_one_over(numbers_, config_.limits.members);
  forget_one_over(alone_, config_.limits.reporters);
}

void Reports::expire(Instant now) {
  while (!open_.empty() && open_.front().first + config_.patience <= now) {
    const auto found = cases_.find(open_.front().second);
    open_.pop_front();
    if (found == cases_.end()) continue;
    if (found->second.standing == ReportStanding::one_sided && !found->second.words.empty())
      count(now, found->first, found->second, ReportStanding::disputed);
    cases_.erase(found);
  }
}

Reputation Reports::reputation_of(Instant now, const std::string& member) const {
  const auto found = numbers_.find(member);
  if (found == numbers_.end()) return {};
  const auto left = fading(now, found->second.at);
  const auto shown = [&](double number) { return number * left < least_counted ? 0.0 : number * left; };
  return {.agreed = shown(found->second.agreed), .disputed = shown(found->second.disputed)};
}
}  // namespace natkit::rendezvous
