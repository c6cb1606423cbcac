#include "hand_over.hpp"

#include <chrono>

namespace natkit {
namespace {
using namespace std::chrono_literals;
/// The peer has to have heard that we are ready before we fall silent, or it would wait for ever. Its acknowledgement
/// tells; where that is lost it has heard all the same, and we need not wait for another.
constexpr Duration look_interval = 10ms;
constexpr Duration patience = 500ms;
}  // namespace

void HandOver::handle_peer_ready(Instant now, link::Link& link) {
  state_ = State::parting;
  patience_ends_ = now + patience;
  handle_timeout(now, link);
}

void HandOver::handle_timeout(Instant now, link::Link& link) {
  if (state_ != State::parting) return;
  next_look_ = now + look_interval;
  if (link.buffered_bytes() == 0 || now >= patience_ends_) state_ = State::done;
}

std::optional<Instant> HandOver::poll_timeout() const {
  return state_ == State::parting ? std::optional{next_look_} : std::nullopt;
}
}  // namespace natkit
