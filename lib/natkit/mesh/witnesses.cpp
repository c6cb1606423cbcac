#include "natkit/mesh/witnesses.hpp"

#include <algorithm>
#include <utility>

#include "natkit/base/base64.hpp"

namespace natkit::mesh {
namespace {
constexpr std::size_t key_length = 64;  ///< `witness_key`
}

Witnesses::Witnesses(Config config, const Signatures& signatures, Rng& rng)
    : config_(std::move(config)), signatures_(signatures), rng_(rng) {}

std::optional<std::string> Witnesses::answer(Instant now, std::string_view session, std::string_view text) {
  const auto question = from_base64(text);
  if (!question || session.size() != key_length) return std::nullopt;
  auto* known = find_or_make(now, session);
  if (!known) return std::nullopt;
  known->asked = now;
  const auto answer = known->witness.answer(now, *question);
  return answer ? std::optional{to_base64(write_answer(*answer))} : std::nullopt;
}

/// A session that was forgotten comes back with another incarnation: what it had promised nobody can know.
Witnesses::Session* Witnesses::find_or_make(Instant now, std::string_view session) {
  if (const auto found = sessions_.find(session); found != sessions_.end()) return &found->second;
  if (sessions_.size() >= config_.most)
    std::erase_if(sessions_, [&](const auto& each) { return now - each.second.asked >= config_.memory; });
  if (sessions_.size() >= config_.most)  // strangers may have asked in vain: those go first
    std::erase_if(sessions_, [](const auto& each) { return !each.second.witness.view(); });
  if (sessions_.size() >= config_.most) return nullptr;
  const mesh::Witness::Config config{.self = {.id = config_.id,
                                              .incarnation = Incarnation{rng_.next()},
                                              .name = "witness",
                                              .certificate = config_.certificate},
                                     .promise = config_.promise};
  return &sessions_.try_emplace(std::string{session}, Session{mesh::Witness{config, signatures_}, now}).first->second;
}
}  // namespace natkit::mesh
