#pragma once
/// What members of a session say of each other afterwards, signed, and how far they agree.
///
///   a report about X in session S --> one-sided --X says the same of itself, or another reporter agrees--> agreed
///                                        |
///                                        `--X says the same of the reporter, or nobody says anything--> disputed
///
/// The server was not there: it tells numbers and never a verdict. Each reporter speaks once about a member of a
/// session; reporters at one address count as one; who is often alone with what he says counts less and less; and one
/// address may say so much in an hour. All numbers decay.
///
/// A report may carry evidence: a digest of what its reporter saw of the session, which only somebody who was there can
/// make (mesh/transcript.hpp). To the server it is a number. Two whose evidence is the same weigh half as much again as
/// two who show none; evidence that differs proves nothing, since the last thing that each saw may differ.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/bytes.hpp"
#include "natkit/base/ip_address.hpp"
#include "natkit/base/time.hpp"
#include "natkit/crypto/digest.hpp"

namespace natkit::rendezvous {
struct Report {
  enum class Reason : std::uint8_t {
    aborted,  ///< left, or was lost, before the end. About oneself: "it was me"
    cheating,
    abuse,
    other,
  };
  std::string session{};  ///< its id: 32 hexadecimal digits
  std::uint64_t epoch = 0;
  std::string member{};  ///< whom it is about: 64 lower-case hexadecimal digits
  Reason reason{};
  std::string text{};  ///< for people, at most `longest_report_text`
  std::optional<crypto::Sha256Digest> evidence{};
  Bytes certificate{};  ///< of the reporter, DER: its hash is the reporter's id
  Bytes signature{};    ///< over `report_text`

  bool operator==(const Report&) const = default;
};
inline constexpr std::size_t longest_report_text = 256;
[[nodiscard]] std::string_view to_text(Report::Reason reason);  ///< "aborted", "cheating" …
[[nodiscard]] std::optional<Report::Reason> parse_report_reason(std::string_view text);
/// What is signed: all of it, but for certificate and signature. Evidence has a line of its own, where there is some.
[[nodiscard]] Bytes report_text(const Report& report);

enum class ReportStanding : std::uint8_t {
  one_sided,  ///< nobody else has said anything yet
  agreed,
  disputed,
};
[[nodiscard]] std::string_view to_text(ReportStanding standing);  ///< "one-sided", "agreed", "disputed"
[[nodiscard]] std::optional<ReportStanding> parse_report_standing(std::string_view text);

enum class ReportRefusal : std::uint8_t { malformed, not_signed, too_fast };

/// Of one member, each report by its reporter's weight, decaying.
struct Reputation {
  double agreed = 0;
  double disputed = 0;
};

class Reports {
 public:
  struct Limits {
    std::size_t cases = 20000;         ///< members of sessions that something was said about
    std::size_t members = 20000;       ///< with numbers
    std::size_t reporters = 20000;     ///< addresses and weights kept
    std::size_t reports_per_case = 8;  ///< more say nothing new
    std::size_t per_hour = 20;         ///< of one address (an IPv6 /64 counts as one)
  };
  struct Config {
    Limits limits{};
    Duration patience = std::chrono::minutes{2};  ///< for the other side's word
    Duration half_life = std::chrono::hours{24};
  };
  explicit Reports(const Config& config) : config_(config) {}

  [[nodiscard]] std::expected<ReportStanding, ReportRefusal> take(Instant now, const Report& report,
                                                                  const IpAddress& from);
  [[nodiscard]] Reputation reputation_of(Instant now, const std::string& member) const;
  /// One-sided reports become disputed when their time is over; `take` does so too.
  void expire(Instant now);

  [[nodiscard]] std::uint64_t taken() const { return taken_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  [[nodiscard]] std::size_t cases() const { return cases_.size(); }

 private:
  struct Word {
    std::string reporter;
    IpAddress household;
    Report::Reason reason{};
    double weight = 1;
    std::optional<crypto::Sha256Digest> evidence{};
  };
  struct Case {
    std::vector<Word> words{};
    std::optional<Report::Reason> own{};  ///< what the member says of itself
    std::optional<crypto::Sha256Digest> own_evidence{};
    ReportStanding standing{};
    Instant since{};
  };
  using CaseKey = std::pair<std::string, std::string>;  // session, member
  struct Decaying {
    double agreed = 0;
    double disputed = 0;
    Instant at{};
  };

  [[nodiscard]] double fading(Instant now, Instant since) const;
  [[nodiscard]] bool is_too_fast(Instant now, const IpAddress& household);
  [[nodiscard]] double weight_of(Instant now, const std::string& reporter) const;
  void count(Instant now, const CaseKey& key, Case& about, ReportStanding standing);
  [[nodiscard]] bool is_agreed(const Case& about) const;
  [[nodiscard]] bool is_shown_alike(const Case& about) const;
  [[nodiscard]] bool accuse_each_other(const CaseKey& key, const Case& about) const;
  void settle(Instant now, const CaseKey& key, Case& about);

  Config config_;
  std::map<CaseKey, Case> cases_;
  std::deque<std::pair<Instant, CaseKey>> open_;
  std::map<std::string, Decaying> numbers_;
  std::map<std::string, Decaying> alone_;  ///< `disputed`: how often a reporter was alone with what he said
  std::map<IpAddress, std::pair<Instant, std::size_t>> said_;
  std::uint64_t taken_ = 0;
  std::uint64_t refused_ = 0;
};
}  // namespace natkit::rendezvous
