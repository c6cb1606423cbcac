#include "punch/two_sides.hpp"

#include <algorithm>
#include <string>
#include <variant>

#include "natkit/crypto/identity.hpp"

namespace natkit::test {
namespace {
/// Slow to make with sanitizers, and none the better for being fresh.
const crypto::Identity& identity_of_a() {
  static const auto identity = crypto::Identity::make();
  return identity;
}
const crypto::Identity& identity_of_b() {
  static const auto identity = crypto::Identity::make();
  return identity;
}

link::Hub::Config hub_config(const sim::Host& host, const crypto::Identity& identity) {
  link::Hub::Config config{.gathering = {}, .agent = {}, .channel = {}, .identity = identity};
  config.gathering.addresses = host.addresses();
  return config;
}

sim::LinkConfig line(const TwoConfig& config) {
  return {.delay = 12500us, .jitter = config.jitter, .loss = config.loss};
}
}  // namespace

void Side::start(Instant now) {
  hub.start(now);
  id = hub.open(now);
  look(now);
}

void Side::handle_datagram(Instant now, const Datagram& in) {
  if (hearing == Hearing::all && !(loses && loses())) hub.handle_datagram(now, in);
  look(now);
}

void Side::handle_timeout(Instant now) {
  hub.handle_timeout(now);
  look(now);
}

void Side::handle_socket_opened(Instant now, SocketId socket, const Endpoint& local) {
  hub.handle_socket_opened(now, socket, local);
  look(now);
}

void Side::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  hub.handle_socket_failure(now, socket, why);
  look(now);
}

std::optional<Datagram> Side::poll_transmit() {
  while (auto out = hub.poll_transmit())
    if (speaking == Speaking::all) return out;
  return std::nullopt;
}

std::optional<Instant> Side::poll_timeout() const {
  auto due = hub.poll_timeout();
  const auto note = [&](std::optional<Instant> at) {
    if (at && (!due || *at < *due)) due = at;
  };
  if (secured_at && !done_at && !ended) note(task->poll_timeout());
  if (writing_) note(written_at_);
  return due;
}

void Side::give(Instant now, const Bytes& bytes, More more) {
  input_.insert(input_.end(), bytes.begin(), bytes.end());
  more_ = more;
  look(now);
}

void Side::hear(Instant now, link::Link::Event& event) {
  auto& link = *hub.find(*id);
  if (std::holds_alternative<link::Link::Connected>(event)) {
    task->prepare();
  } else if (std::holds_alternative<link::Link::Secured>(event)) {
    secured_at = now;
    static_cast<void>(link.open_agreed_stream(control_stream, {}));
    const std::string_view words = "then=this";
    static_cast<void>(link.send(now, control_stream, channel::MessageKind::text, Bytes(words.begin(), words.end())));
    task->begin(now, link);
  } else if (auto* message = std::get_if<channel::Message>(&event)) {
    if (message->stream == control_stream && message->payload.size() == 9) {
      peer_ready_at = now;
      task->handle_peer_ready(now, link);
    } else {
      task->hear(now, link, std::move(*message));
    }
  } else if (std::holds_alternative<channel::WritableAgain>(event)) {
    task->handle_writable(now, link);
  } else if (const auto* over = std::get_if<link::Link::Ended>(&event)) {
    ended = *over;
  }
}

/// Whether the task may take messages again.
bool Side::use_pipes(Instant now) {
  auto& link = *hub.find(*id);
  while (auto change = task->poll_pipe()) {
    if (const auto* read = std::get_if<PipeRead>(&*change)) {
      reading_ = *read;
    } else {
      writing_ = std::move(std::get<PipeWrite>(*change));
      written_at_ = now;
      if (bytes_per_millisecond > 0)
        written_at_ += std::chrono::milliseconds{writing_->bytes.size() / bytes_per_millisecond + 1};
    }
  }
  if (reading_ && (given_ < input_.size() || (more_ == More::no && !is_end_given_))) {
    const auto piece = ByteView{input_}.subspan(given_, std::min(reading_->most, input_.size() - given_));
    is_end_given_ = piece.empty();
    given_ += piece.size();
    reading_.reset();
    task->handle_read(now, link, standard_streams, piece);
  }
  if (!writing_ || written_at_ > now) return false;
  written.insert(written.end(), writing_->bytes.begin(), writing_->bytes.end());
  writing_.reset();
  task->handle_written(now, link, standard_streams);
  return true;
}

void Side::look(Instant now) {
  while (hub.poll_own_event()) {
  }
  for (bool has_heard = true; has_heard && !done_at;) {
    has_heard = false;
    while (!task->is_busy()) {
      auto event = hub.poll_link_event();
      if (!event) break;
      hear(now, event->event);
      has_heard = true;
    }
    if (!secured_at || ended) break;
    if (const auto due = task->poll_timeout(); due && *due <= now) task->handle_timeout(now, *hub.find(*id));
    has_heard |= use_pipes(now);
    if (task->is_done()) done_at = now;
  }
  hub.flush(now);
}

TwoSides::TwoSides(const TwoConfig& config, std::unique_ptr<Task> task_a, std::unique_ptr<Task> task_b)
    : net{config.seed},
      host_a{net.add_host({.link = line(config)})},
      host_b{net.add_host({.link = line(config)})},
      a{hub_config(host_a, identity_of_a()), std::move(task_a), net.rng()},
      b{hub_config(host_b, identity_of_b()), std::move(task_b), net.rng()} {
  set_virtual_time(net.now());
  host_a.attach(a);
  host_b.attach(b);
  begin(a, b, ice::Role::controlling, host_a);
  begin(b, a, ice::Role::controlled, host_b);
}

void TwoSides::begin(Side& side, const Side& peer, ice::Role role, sim::Host& host) {
  const auto now = net.now();
  side.hub.begin(
      now, *side.id,
      {.description = peer.hub.describe(*peer.id), .role = role, .start_at = now, .rtt_guess = Duration{50ms}});
  side.handle_timeout(now);
  host.wake();
}

void TwoSides::run(Duration time, const std::function<bool()>& is_over) {
  for (const auto end = net.now() + time; net.now() < end && !is_over();) {
    set_virtual_time(net.now());
    net.run_for(1ms);
  }
}

double ms_between(const std::optional<Instant>& from, const std::optional<Instant>& to) {
  return std::chrono::duration<double, std::milli>(to.value() - from.value()).count();
}

Bytes noise(std::size_t size, std::uint64_t seed) {
  SeededRng rng{seed};
  Bytes bytes(size);
  rng.fill(bytes);
  return bytes;
}
}  // namespace natkit::test
