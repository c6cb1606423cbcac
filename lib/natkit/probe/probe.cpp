#include "natkit/probe/probe.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "natkit/base/host_port.hpp"
#include "natkit/base/packet_size.hpp"
#include "natkit/stun/receipt.hpp"

namespace natkit::probe {
namespace {
/// Beyond the four of each server.
constexpr std::uint32_t first_sample = 4 * (Probe::max_servers + 1);
constexpr std::uint32_t first_rested = first_sample + (2 * most_samples) + 4;
static_assert(2 * most_rested <= socket_of_call);
/// Those that are the same for all servers, two of each: one per family.
constexpr std::uint32_t first_shared = first_rested + (2 * socket_of_call);

constexpr std::uint32_t shared_questions = 7;
constexpr std::uint32_t first_hop = first_shared + (2 * shared_questions);
constexpr std::uint32_t first_tls = first_hop + most_hops + 1;

/// Whether what is asked from here on comes from one socket, and which.
std::optional<std::uint32_t> shared_socket(Question question) {
  switch (question) {
    case Question::path_mtu:
      return 0;
    case Question::fragments:
      return 1;
    case Question::tcp_mapping:
      return 2;
    case Question::tcp_filtering:
    case Question::tcp_call:
    case Question::tcp_call_port:
      return 3;
    case Question::way_out:
      return 4;
    case Question::way_out_tcp:
      return 5;
    case Question::web_page:
      return 6;
    default:
      return std::nullopt;
  }
}

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
  if (step.question == Question::hop) return SocketId{first_hop + step.sample};
  // The name that a certificate must have is the socket's.
  if (step.question == Question::way_out_tls) return SocketId{first_tls + step.server};
  if (const auto shared = shared_socket(step.question))
    return SocketId{first_shared + (2 * *shared) + (step.to.address.is_v4() ? 0U : 1U)};
  return SocketId{(4 * (step.server + 1)) + static_cast<std::uint32_t>(step.question)};
}

/// Whose socket is more than a fresh one on any port.
bool is_special(Question question) {
  return shared_socket(question) || question == Question::hop || question == Question::way_out_tls;
}

bool needs_one_port(Question question) {
  return is_over_tcp(question) && question != Question::tcp_control && question != Question::way_out_tcp &&
         question != Question::way_out_tls && question != Question::web_page;
}

/// Of a server's name as the user gave it: without the port.
std::string host_of(const std::string& name) {
  const auto parsed = parse_host_port(name, 0);
  return parsed ? parsed->host : name;
}

std::vector<Server> first_of(std::vector<Server> servers) {
  if (servers.size() > Probe::max_servers) servers.resize(Probe::max_servers);
  return servers;
}

/// Told to nobody but the server, as is the id that it is taken from.
stun::ReachToken token_of(const stun::TransactionId& id) {
  stun::ReachToken token;
  std::ranges::copy(std::span{id.bytes}.last(token.size()), token.begin());
  return token;
}

/// 0: not limited.
std::uint8_t hop_limit_of(const Step& step) {
  return step.question == Question::hop ? static_cast<std::uint8_t>(step.sample) : std::uint8_t{0};
}

Bytes write_call(const Step& step, const stun::TransactionId& id) {
  const auto origin =
      step.question == Question::tcp_call ? stun::ReachOrigin::other_address : stun::ReachOrigin::same_address;
  return stun::write_reach_request(
      id, step.to.address.family(),
      {.protocol = Protocol::tcp, .port = step.port, .token = token_of(id), .origin = origin}, {});
}

Bytes write_request(const Step& step, const stun::TransactionId& id) {
  if (step.question == Question::tcp_call || step.question == Question::tcp_call_port) return write_call(step, id);
  if (step.question == Question::web_page) return write_page_request(step.to, id);
  stun::MessageWriter writer{stun::MessageClass::request, stun::Method::binding, id};
  if (step.question == Question::filtering) writer.add_change_request(stun::Change::address_and_port);
  if (step.question == Question::filtering_port) writer.add_change_request(stun::Change::port);
  if (step.question == Question::lifetime_call) writer.add_u16(stun::AttributeType::response_port, step.port);
  if (step.size != 0)
    stun::add_receipt_request(writer, step.size - udp_overhead_bytes(step.to.address.family()));
  else
    stun::add_receipt_request(writer, step.to.address.family(), stun::Fingerprint::none);
  return writer.finish();
}
}  // namespace

Probe::Probe(Config config, Rng& rng)
    : timing_(config.timing),
      rng_(rng),
      trace_{.servers = first_of(std::move(config.servers))},
      ledger_(trace_.servers),
      local_addresses_(std::move(config.local_addresses)) {}

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
  } else if (const auto asked = request_to(in.socket, in.remote);
             asked != requests_.end() && asked->second.question == Question::web_page) {
    handle_page(now, in, asked->first, asked->second);
  } else if (auto* stream = stream_of(in)) {
    stream->append(in.payload);
    while (const auto message = stream->next()) handle_message(now, in, *message);
  }
  proceed(now);
}

void Probe::handle_page(Instant now, const Datagram& in, const stun::TransactionId& id, Request& request) {
  if (!request.answered_from.empty()) return;
  auto& reader = pages_[id];
  reader.append(in.payload);
  const auto page = reader.head();
  if (!page) return;
  request.answered_from.emplace_back(in.socket, in.remote);
  record(Received{
      .at = since_start(now), .socket = in.socket, .from = in.remote, .local = in.local, .id = id, .page = page});
}

Probe::Requests::iterator Probe::request_to(SocketId socket, const Endpoint& remote) {
  return std::ranges::find_if(requests_,
                              [&](const auto& one) { return one.second.socket == socket && one.second.to == remote; });
}

/// Anybody may connect to a socket that listens: null for those who are too many.
stun::StreamFramer* Probe::stream_of(const Datagram& in) {
  static constexpr std::size_t most_streams = 64;
  const std::pair key{in.socket, in.remote};
  if (const auto known = streams_.find(key); known != streams_.end()) return &known->second;
  return streams_.size() < most_streams ? &streams_[key] : nullptr;
}

void Probe::handle_message(Instant now, const Datagram& in, ByteView datagram) {
  const auto message = stun::parse_message(datagram);
  if (!message || message->method() != stun::Method::binding) return;
  if (const auto called = stun::parse_reach(*message)) return handle_connection_back(now, in, *called);
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
    received.is_same_unmasked =
        plain && plain == received.mapped && message->find(stun::AttributeType::xor_mapped_address);
    received.other = message->endpoint(stun::AttributeType::other_address);
    received.receipt = stun::receipt(*message);
    if (const auto report = stun::parse_reach_report(*message)) received.reach = report->state;
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

/// Somebody connected to where a socket of ours is outside, and knows what only the server was told.
void Probe::handle_connection_back(Instant now, const Datagram& in, const stun::ReachQuestion& called) {
  const auto request = std::ranges::find_if(requests_, [&](const auto& one) {
    const auto question = one.second.question;
    return (question == Question::tcp_call || question == Question::tcp_call_port) && one.second.socket == in.socket &&
           token_of(one.first) == called.token;
  });
  if (request == requests_.end() || in.remote == request->second.to) return;
  static constexpr std::size_t most_places = 2;  // the server's report, and this
  auto& places = request->second.answered_from;
  const std::pair place{in.socket, in.remote};
  if (places.size() >= most_places || std::ranges::find(places, place) != places.end()) return;
  places.push_back(place);
  record(Received{
      .at = since_start(now), .socket = in.socket, .from = in.remote, .local = in.local, .id = request->first});
}

void Probe::handle_send_failure(Instant now, const Datagram& lost, std::string_view why) {
  if (done_) return;
  const auto message = stun::parse_message(lost.payload);
  auto request = message ? requests_.find(message->transaction_id()) : requests_.end();
  if (request == requests_.end())  // a connection that ended: nothing of it may be left
    request = request_to(lost.socket, lost.remote);
  if (request == requests_.end()) return;
  const bool has_its_page = request->second.question == Question::web_page && !request->second.answered_from.empty();
  if (has_its_page) return;  // the connection ends with it
  record_failure(now, request->first, request->second, why);
  proceed(now);
}

/// What was to leave from there would leave from another kind of socket now.
void Probe::handle_socket_failure(Instant now, SocketId socket, std::string_view why) {
  if (done_) return;
  std::erase_if(outbox_, [&](const Datagram& out) { return out.socket == socket; });
  for (const auto& [id, request] : requests_)
    if (request.socket == socket) record_failure(now, id, request, why);
  proceed(now);
}

void Probe::record_failure(Instant now, const stun::TransactionId& id, const Request& request, std::string_view why) {
  record(SendFailed{.at = since_start(now),
                    .socket = request.socket,
                    .question = request.question,
                    .to = request.to,
                    .why = std::string{why},
                    .id = id});
}

void Probe::handle_path_error(Instant now, const PathError& error) {
  if (done_ || error.kind != PathError::Kind::hop_limit_exceeded) return;
  static constexpr std::size_t most_expired = std::size_t{4} * most_hops;  // anybody may send them without end
  if (expired_ >= most_expired) return;
  ++expired_;
  record(Expired{.at = since_start(now), .socket = error.socket, .to = error.remote, .router = error.offender});
  proceed(now);
}

std::optional<SocketChange> Probe::poll_socket() {
  if (wishes_.empty()) return std::nullopt;
  auto wish = std::move(wishes_.front());
  wishes_.pop_front();
  return wish;
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
  wish_for_socket(socket, step);
  requests_[id] = {.socket = socket, .question = step.question, .to = step.to};
  record(Sent{.at = at,
              .socket = socket,
              .question = step.question,
              .server = step.server,
              .to = step.to,
              .id = id,
              .size = step.size,
              .hop_limit = hop_limit_of(step)});
  outbox_.push_back({.socket = socket,
                     .protocol = is_over_tcp(step.question) ? Protocol::tcp : Protocol::udp,
                     .remote = step.to,
                     .hop_limit = step.question == Question::hop ? hop_limit_of(step) : Datagram{}.hop_limit,
                     .payload = write_request(step, id)});
}

/// Where a fresh one on any port will not do.
void Probe::wish_for_socket(SocketId socket, const Step& step) {
  if (!is_special(step.question) || !wished_.insert(socket).second) return;
  const auto family = step.to.address.family();
  SocketWish wish{.socket = socket, .local = {IpAddress::any(family), 0}};
  for (const auto& address : local_addresses_)
    if (address.family() == family) wish.local.address = address;
  if (step.question == Question::hop) wish.errors = PathErrors::heard;
  if (step.question == Question::path_mtu) wish.fragmentation = Fragmentation::forbidden;
  if (step.question == Question::fragments) wish.fragmentation = Fragmentation::allowed;
  if (is_over_tcp(step.question)) wish.protocol = Protocol::tcp;
  if (needs_one_port(step.question)) wish.role = TcpRole::meets;
  if (step.question == Question::way_out_tls)
    wish.tls = TlsWish{.server = host_of(trace_.servers[step.server].name), .authorities = {}};
  wishes_.emplace_back(std::move(wish));
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
