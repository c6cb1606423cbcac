#include "natkit/mesh/ballot.hpp"

namespace natkit::mesh {
bool Ballot::may_vote(Instant now, std::uint64_t epoch, const MemberId& candidate) const {
  return (now >= promised_until_ || promised_to_ == candidate) && may_follow(epoch, candidate);
}

void Ballot::vote(std::uint64_t epoch, const MemberId& candidate) {
  voted_epoch_ = epoch;
  voted_for_ = candidate;
}

bool Ballot::may_follow(std::uint64_t epoch, const MemberId& host) const {
  return epoch > voted_epoch_ || (epoch == voted_epoch_ && voted_for_ == host);
}

void Ballot::follow(std::uint64_t epoch, const MemberId& host) {
  if (epoch >= voted_epoch_) vote(epoch, host);
}

bool Ballot::promise(Instant now, std::uint64_t epoch, const MemberId& host) {
  const bool is_bound_to_another = promised_to_ != host && now < promised_until_;
  if (is_bound_to_another || !may_follow(epoch, host)) return false;
  promised_epoch_ = epoch;
  promised_to_ = host;
  promised_until_ = now + promise_;
  return true;
}

void Ballot::release(std::uint64_t epoch) {
  if (promised_epoch_ == epoch) promised_until_ = Instant{};
}
}  // namespace natkit::mesh
