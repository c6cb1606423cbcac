#include "forward.hpp"

#include <fmt/format.h>

#include <variant>

#include "natkit/base/printable.hpp"

namespace natkit {
namespace {
using link::Forwarder;
using report::PunchEvents;
using report::PunchWords;

std::string words_of(const Forwarder::Refused& refused) {
  const auto place = fmt::format("{} {}", to_text(refused.protocol), refused.to);
  const bool is_here = refused.by == Forwarder::Side::here;
  if (refused.why != link::not_permitted)
    return fmt::format("no connection{} to {}: {}", is_here ? "" : " of the peer's", place, refused.why);
  return is_here ? fmt::format("the peer asked for {}, which is not permitted; --permit {} would", place, refused.to)
                 : fmt::format("the peer does not permit {}; with --permit {} it would", place, refused.to);
}
}  // namespace

void Forward::handle_peer_ready(Instant /*now*/, link::Link& /*link*/) {
  for (const auto& permit : permits_)
    remarks_.push_back({.weight = Remark::Weight::step,
                        .event = {},
                        .words = fmt::format("the peer may reach {}, port {}", permit.host,
                                             permit.port ? std::to_string(*permit.port) : "any")});
  forwarder_.begin();
}

void Forward::hear(Instant now, link::Link& link, channel::Message message) {
  if (message.stream != control_stream) forwarder_.handle_message(now, link, message);
}
void Forward::handle_stream_opened(Instant now, link::Link& link, const channel::StreamOpened& opened) {
  forwarder_.handle_stream_opened(now, link, opened);
}
void Forward::handle_stream_closed(Instant now, link::Link& link, channel::StreamId stream) {
  forwarder_.handle_stream_closed(now, link, stream);
}
void Forward::handle_writable(Instant now, link::Link& link) { forwarder_.handle_writable(now, link); }
void Forward::handle_timeout(Instant now, link::Link& link) { forwarder_.handle_timeout(now, link); }
void Forward::handle_read(Instant now, link::Link& link, PipeId pipe, ByteView piece) {
  forwarder_.handle_pipe_read(now, link, pipe, piece);
}
void Forward::handle_written(Instant now, link::Link& link, PipeId pipe) {
  forwarder_.handle_pipe_written(now, link, pipe);
}
void Forward::handle_pipe_opened(Instant now, link::Link& link, PipeId pipe, const Endpoint& local) {
  forwarder_.handle_pipe_opened(now, link, pipe, local);
}
void Forward::handle_pipe_accepted(Instant now, link::Link& link, PipeId listener, PipeId pipe,
                                   const Endpoint& remote) {
  forwarder_.handle_pipe_accepted(now, link, listener, pipe, remote);
}
void Forward::handle_pipe_failure(Instant now, link::Link& link, PipeId pipe, std::string_view why) {
  forwarder_.handle_pipe_failure(now, link, pipe, why);
}
void Forward::handle_datagram(Instant now, link::Link& link, const Datagram& in) {
  forwarder_.handle_datagram(now, link, in);
}
void Forward::handle_socket_opened(SocketId socket, const Endpoint& local) {
  forwarder_.handle_socket_opened(socket, local);
}
void Forward::handle_socket_failure(SocketId socket, std::string_view why) {
  forwarder_.handle_socket_failure(socket, why);
}

std::optional<Remark> Forward::poll_remark() {
  if (!remarks_.empty()) {
    auto out = std::move(remarks_.front());
    remarks_.pop_front();
    return out;
  }
  while (const auto event = forwarder_.poll_event())
    if (auto remark = remark_on(*event)) return remark;
  return std::nullopt;
}

std::optional<Remark> Forward::remark_on(const Forwarder::Event& event) {
  if (const auto* listening = std::get_if<Forwarder::Listening>(&event)) {
    const auto to = link::to_text(listening->to);
    return Remark{.weight = Remark::Weight::answer,
                  .event = PunchEvents::listening(listening->protocol, listening->at, to),
                  .words = PunchWords::listening(listening->protocol, listening->at, to)};
  }
  if (const auto* opened = std::get_if<Forwarder::Opened>(&event))
    return Remark{.weight = Remark::Weight::step,
                  .event = {},
                  .words = PunchWords::forwarded(opened->protocol, opened->from, link::to_text(opened->to))};
  if (const auto* refused = std::get_if<Forwarder::Refused>(&event)) {
    const std::string_view by = refused->by == Forwarder::Side::here ? "here" : "peer";
    return Remark{.weight = Remark::Weight::warning,
                  .event = PunchEvents::refused(by, refused->protocol, refused->to, refused->why),
                  .words = printable(words_of(*refused))};
  }
  const auto& failed = std::get<Forwarder::NotListening>(event);
  if (!error_)
    error_ = Error{
        .code = Errc::usage,
        .reason = "cannot-listen",
        .detail = fmt::format("cannot listen on {} ({}): {}", to_text(failed.at), to_text(failed.protocol), failed.why),
        .advice = "choose another port, or an address of this host"};
  return std::nullopt;
}
}  // namespace natkit
