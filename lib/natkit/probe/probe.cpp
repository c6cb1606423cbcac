#include "natkit/probe/probe.hpp"

#include <algorithm>
#include <utility>

#include "natkit/stun/receipt.hpp"

namespace natkit::probe {
namespace {
/// Beyond the four of each server.
constexpr std::uint32_t first_sample = 4 * (Probe::max_servers + 1);
constexpr std::uint32_t first_rested = first_sample + (2 * most_samples) + 4;
static_assert(2 * most_rested <= socket_of_call);

/// Each question's own socket: one per family for mapping, one per sample, one per server for the others.
SocketId socket_for(const Step& step) {
  if (step.question == Question::mapping) return SocketId{step.to.address.is_v4() ? 0U : 1U};
  if (step.question == Question::allocation)
    return SocketId{first_sample + most_samples * (step.to.address.is_v4() ? 0U : 1U) + step.sample};
  if (step.question == Question::hairpin)
    return SocketId{first_sample + 2 * most_samples + 2 * (step.to.address.is_v4() ? 0U : 1U) + step.sample};
  if (step.question == Question::lifetime || step.question == Question::lifetime_call)
    return SocketId{first_rested + (most_rested * (step.to.address.is_v4() ? 0U : 1U)) + step.sample +
                    (step.question == Question::lifetime_call ? socket_of_call : 0U)};
  return SocketId{(4 * (step.server + 1)) + static_cast<std::uint32_t>(step.question)};
}

std::vector<Server> first_of(std::vector<Server> servers) {
  if (servers.size() > Probe::max_servers) servers.resize(Probe::max_servers);
  return servers;
}

Bytes write_request(const Step& step, const stun::TransactionId& id) {
  stun::MessageWriter writer{stun::MessageClass::request, stun::Method::binding, id};
  if (step.question == Question::filtering) writer.add_change_request(stun::Change::address_and_port);
  if (step.question == Question::filtering_port) writer.add_change_request(stun::Change::port);
  if (step.question == Question::lifetime_call) writer.add_u16(stun::AttributeType::response_port, step.port);
  stun::add_receipt_request(writer, step.to.address.family(), stun::Fingerprint::none);
  return writer.finish();
}
}  // namespace

Probe::Probe(Config config, Rng& rng)
    : timing_(config.timing),
      rng_(rng),
      trace_{.servers = first_of(std::move(config.servers))},
      ledger_(trace_.servers) {}

void Probe::start(Instant now) {
  started_ = now;
  proceed(now);
}

void Probe::handle_timeout(Instant now) {
  if (wake_ && now >= *wake_) proceed(now);
}

void Probe::handle_datagram(Instant now, const Datagram& in) {
  if (done_) return;
  if (in.protocol == Protocol::udp) {
    handle_message(now, in, in.payload);
  } else {
    auto& stream = streams_[in.socket];
    stream.append(in.payload);
    while (const auto message = stream.next()) handle_message(now, in, *message);
  }
  proceed(now);
}

void Probe::handle_message(Instant now, const Datagram& in, ByteView datagram) {
  const auto message = stun::parse_message(datagram);
  if (!message || message->method() != stun::Method::binding) return;
  if (message->message_class() == stun::MessageClass::request) return handle_mirrored(now, in, *message);
  const bool success = message->message_class() == stun::MessageClass::success;
  if (!success && message->message_class() != stun::MessageClass::error) return;
  const auto request = requests_.find(message->transaction_id());
  if (request == requests_.end() || !may_arrive_at(request->second, in.socket)) return;
  // An endless stream of answers to one request must not grow the trace: one from each place, and few places.
  static constexpr std::size_t most_places = 4;
  auto& places = request->second.answered_from;
  const std::pair place{in.socket, in.remote};
  if (places.size() >= most_places || std::ranges::find(places, place) != places.end()) return;
  places.push_back(place);
  Received received{.at = since_start(now),
                    .socket = request->second.socket,
                    .from = in.remote,
                    .local = in.local,
                    .id = message->transaction_id()};
  if (success) {
    received.mapped = message->mapped_endpoint();
    const auto plain = message->endpoint(stun::AttributeType::mapped_address);
    if (plain && plain != received.mapped) received.rewritten = plain;
    received.other = message->endpoint(stun::AttributeType::other_address);
    received.receipt = stun::receipt(*message);
    received.second_port = stun::second_port(*message);
  } else {
    received.error_code = message->error_code();
  }
  record(received);
}

bool Probe::may_arrive_at(const Request& request, SocketId socket) {
  return request.socket == socket ||
         (request.question == Question::lifetime_call &&
          std::to_underlying(request.socket) == std::to_underlying(socket) + socket_of_call);
}

/// One of our own requests, which came back by the NAT to another socket.
void Probe::handle_mirrored(Instant now, const Datagram& in, const stun::Message& message) {
  const auto request = requests_.find(message.transaction_id());
  if (request == requests_.end() || request->second.question != Question::hairpin ||
      request->second.socket == in.socket || !request->second.answered_from.empty())
    return;
  request->second.answered_from.emplace_back(in.socket, in.remote);
  record(Received{.at = since_start(now),
                  .socket = request->second.socket,
                  .from = in.remote,
                  .local = in.local,
                  .id = message.transaction_id()});
}

void Probe::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  if (done_) return;
  const auto request = std::ranges::find_if(requests_, [&](const auto& r) { return r.second.socket == lost.socket; });
  if (request == requests_.end()) return;
  record(SendFailed{.at = since_start(now),
                    .socket = lost.socket,
                    .question = request->second.question,
                    .to = lost.remote,
                    .why = std::string{why}});
  proceed(now);
}

std::optional<Datagram> Probe::poll_transmit() {
  if (outbox_.empty()) return std::nullopt;
  auto out = std::move(outbox_.front());
  outbox_.pop_front();
  return out;
}

void Probe::proceed(Instant now) {
  if (done_) return;
  const Duration at = since_start(now);
  const auto next = plan(ledger_.digest(), timing_, at);
  for (const auto& step : next.send) send(at, step);
  wake_ = next.wake ? std::optional{started_ + *next.wake} : std::nullopt;
  if (!wake_) end(at);
}

void Probe::send(Duration at, const Step& step) {
  const auto id = stun::make_transaction_id(rng_);
  const auto socket = socket_for(step);
  const bool tcp = step.question == Question::tcp_control;
  requests_[id] = {.socket = socket, .question = step.question};
  record(Sent{.at = at, .socket = socket, .question = step.question, .server = step.server, .to = step.to, .id = id});
  outbox_.push_back({.socket = socket,
                     .protocol = tcp ? Protocol::tcp : Protocol::udp,
                     .remote = step.to,
                     .payload = write_request(step, id)});
}

void Probe::end(Duration at) {
  done_ = true;
  outbox_.clear();
  record(Ended{at});
}

void Probe::record(Event event) {
  ledger_.enter(event);
  trace_.events.push_back(std::move(event));
}
}  // namespace natkit::probe
