#include "supervised.hpp"

#include <algorithm>

namespace natkit {
void Supervised::start(Instant now) {
  if (!hooks_.word.empty()) word_due_ = now + unnoticed;
  if (hooks_.bound) bound_ = now + *hooks_.bound;
  if (hooks_.tick) next_tick_ = now + *hooks_.tick;
  if (!is_resumed_) machine_.start(now);
  look(now);
}

void Supervised::look(Instant now) {
  if (bound_ && now >= *bound_) {
    bound_.reset();
    hooks_.on_bound(now);
  }
  if (word_due_ && now >= *word_due_) {
    word_due_.reset();
    output_.progress(hooks_.word);
  }
  if (next_tick_ && now >= *next_tick_) next_tick_ = now + *hooks_.tick;
  if (hooks_.after) hooks_.after(now);
  if (hooks_.is_over && hooks_.is_over(now)) is_over_ = true;
}

void Supervised::handle_timeout(Instant now) {
  if (const auto due = machine_.poll_timeout(); due && *due <= now) machine_.handle_timeout(now);
  look(now);
}

void Supervised::handle_datagram(Instant now, const Datagram& in) {
  machine_.handle_datagram(now, in);
  look(now);
}
void Supervised::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  machine_.handle_send_failure(now, lost, why);
  look(now);
}
void Supervised::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  machine_.handle_socket_opened(now, socket, local);
  look(now);
}
void Supervised::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  machine_.handle_socket_failure(now, socket, why);
  look(now);
}
void Supervised::handle_path_error(Instant now, const PathError& error) {
  machine_.handle_path_error(now, error);
  look(now);
}
void Supervised::handle_errand_reply(Instant now, const ErrandReply& reply) {
  machine_.handle_errand_reply(now, reply);
  look(now);
}

/// Whoever is finished is not kept awake by the rest.
std::optional<Instant> Supervised::poll_timeout() const {
  auto due = machine_.poll_timeout();
  if (!due || is_over_) return std::nullopt;
  for (const auto& other : {word_due_, bound_, next_tick_})
    if (other) due = std::min(*due, *other);
  return due;
}
}  // namespace natkit
