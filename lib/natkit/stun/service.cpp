#include "natkit/stun/service.hpp"

#include <algorithm>
#include <utility>

#include "natkit/stun/integrity.hpp"

namespace natkit::stun {
Service::Service(Responder::Config responder, const std::optional<ReachabilityChecker::Config>& checker, Rng& rng)
    : listeners_(responder.listeners), responder_(std::move(responder), rng) {
  if (checker) checker_.emplace(*checker, rng);
}

void Service::handle_datagram(Instant now, const Datagram& in) {
  if (checker_ && checker_->owns(in.socket)) return checker_->handle_datagram(now, in);
  if (!check(now, in)) responder_.handle_datagram(now, in);
}

std::optional<std::size_t> Service::find_listener(const Datagram& in) const {
  const auto found = std::ranges::find_if(
      listeners_, [&](const auto& l) { return l.socket == in.socket && l.protocol == in.protocol; });
  if (found == listeners_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - listeners_.begin());
}

bool Service::check(Instant now, const Datagram& in) {
  const auto listener = checker_ ? find_listener(in) : std::nullopt;
  if (!listener || in.remote.port == 0 || in.payload.size() < reach_request_bytes(in.remote.address.family()))
    return false;
  const auto message = parse_message(in.payload);
  if (!message || message->method() != Method::binding || message->is_classic()) return false;
  auto question = parse_reach(*message);
  if (!question || verify_fingerprint(*message) == Integrity::wrong) return false;
  const auto echo = message->find(AttributeType::natkit_cookie);
  const bool is_proven =
      in.protocol == Protocol::tcp || (echo && responder_.cookies().is_right(*echo, in.remote.address, now));
  if (!is_proven || !message->unknown_to({}).is_empty()) return false;

  // It asks for the very port that it is seen from, before it can know which one that is.
  if (question->port == 0 && in.protocol == Protocol::tcp) question->port = in.remote.port;
  const auto here = [&](const Responder::Listener& l) {
    return Endpoint{l.endpoint.address.is_unspecified() ? in.local.address : l.endpoint.address, l.endpoint.port};
  };
  std::vector<Endpoint> own;
  for (const auto& other : listeners_)
    if (other.protocol == question->protocol) own.push_back(here(other));
  const auto answer_from = here(listeners_[*listener]);
  const auto other =
      question->origin == ReachOrigin::other_address ? responder_.alternates(*listener).both : std::nullopt;
  checker_->handle_question(now, {.in = in,
                                  .message = *message,
                                  .question = *question,
                                  .answer_from = answer_from,
                                  .probe_from = other ? listeners_[*other].endpoint.address : answer_from.address,
                                  .own = own});
  return true;
}

void Service::handle_timeout(Instant now) {
  if (checker_) checker_->handle_timeout(now);
}

void Service::handle_connected(Instant now, SocketId socket, const Endpoint& remote) {
  if (checker_) checker_->handle_connected(now, socket, remote);
}

void Service::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  if (checker_) checker_->handle_send_failure(now, lost, why);
}

void Service::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  if (checker_) checker_->handle_socket_opened(now, socket, local);
}

void Service::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  if (checker_) checker_->handle_socket_failure(now, socket, why);
}

std::optional<SocketChange> Service::poll_socket() { return checker_ ? checker_->poll_socket() : std::nullopt; }

std::optional<Datagram> Service::poll_transmit() {
  if (auto next = responder_.poll_transmit()) return next;
  return checker_ ? checker_->poll_transmit() : std::nullopt;
}

std::optional<Instant> Service::poll_timeout() const { return checker_ ? checker_->poll_timeout() : std::nullopt; }
}  // namespace natkit::stun
