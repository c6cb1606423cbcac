#include "natkit/stun/responder.hpp"

#include <algorithm>
#include <utility>

#include "natkit/stun/integrity.hpp"
#include "natkit/stun/receipt.hpp"

namespace natkit::stun {
namespace {
constexpr std::size_t unlimited = 60000;  // bytes; more than any answer has, less than a message can carry

// What a Binding server understands, be it to ignore it: this service is open, so credentials are not looked at, and
// attributes of answers mean nothing in a request (RFC 8489 §14, §9.1.3). The last three are for UDP only.
constexpr std::array known_types{
    AttributeType::mapped_address,
    AttributeType::username,
    AttributeType::message_integrity,
    AttributeType::error_code,
    AttributeType::unknown_attributes,
    AttributeType::realm,
    AttributeType::nonce,
    AttributeType::message_integrity_sha256,
    AttributeType::password_algorithm,
    AttributeType::userhash,
    AttributeType::xor_mapped_address,
    AttributeType::change_request,
    AttributeType::padding,
    AttributeType::response_port,
};
constexpr std::size_t known_over_tcp = known_types.size() - 3;

std::optional<std::size_t> find_endpoint(std::span<const Responder::Listener> all, const Responder::Listener& like,
                                         const Endpoint& endpoint) {
  const auto found = std::ranges::find_if(all, [&](const Responder::Listener& l) {
    return l.endpoint == endpoint && l.protocol == like.protocol && l.group == like.group;
  });
  if (found == all.end()) return std::nullopt;
  return static_cast<std::size_t>(found - all.begin());
}

// The first listener that completes the rectangle of the header's drawing; without one, any other port of the address.
Responder::Alternates find_alternates(std::span<const Responder::Listener> all, const Responder::Listener& asked) {
  const auto& [address, port] = asked.endpoint;
  for (const auto& far : all) {
    const auto& [far_address, far_port] = far.endpoint;
    if (far_address == address || far_address.family() != address.family() || far_port == port) continue;
    if (address.is_unspecified() || far_address.is_unspecified()) continue;
    const Responder::Alternates found{.port = find_endpoint(all, asked, {address, far_port}),
                                      .address = find_endpoint(all, asked, {far_address, port}),
                                      .both = find_endpoint(all, asked, far.endpoint)};
    if (found.port && found.address && found.both) return found;
  }
  for (const auto& near : all) {
    if (near.endpoint.address != address || near.endpoint.port == port) continue;
    if (const auto found = find_endpoint(all, asked, near.endpoint)) return {.port = found, .address = {}, .both = {}};
  }
  return {};
}

// Addresses that no single host has (RFC 6890): 0/8, 240/4 with the limited broadcast, multicast.
bool is_nobody(const IpAddress& address) {
  if (address.is_unspecified() || address.is_multicast()) return true;
  if (!address.is_v4()) return false;
  const auto first = address.bytes()[0];
  return first == 0 || first >= 240;
}
}  // namespace

/// One request, and what is known about who asked.
struct Responder::Question {
  Instant now;
  const Datagram& in;
  const Message& message;
  std::size_t listener = 0;
  AddressAccounts::Account& account;
  bool is_proven = false;
  bool wants_receipt = message.find(AttributeType::natkit_receipt).has_value();
  std::optional<ByteView> padding = message.find(AttributeType::padding);
  bool names_port = message.find(AttributeType::response_port).has_value();
  std::optional<std::uint16_t> response_port = message.u16(AttributeType::response_port);
  Change change = message.change_request().value_or(Change::nothing);

  [[nodiscard]] std::size_t size() const { return in.payload.size(); }
  [[nodiscard]] std::uint16_t port() const { return response_port.value_or(in.remote.port); }
  // Whether the answer comes back another way than the request went, so that a receipt must travel by itself.
  [[nodiscard]] bool is_detour() const { return change != Change::nothing || names_port; }
  [[nodiscard]] Budget own_budget() const { return is_proven ? Budget{unlimited, unlimited} : Budget{size(), size()}; }
};

Responder::Responder(Config config, Rng& rng)
    : config_(std::move(config)),
      accounts_({.most = config_.most_addresses,
                 .requests = config_.requests_per_address,
                 .allowance = config_.allowance_per_address},
                rng),
      cookies_(rng, config_.cookie_epoch),
      allowance_for_all_(config_.allowance_for_all, Instant{}) {
  alternates_.reserve(config_.listeners.size());
  for (const auto& listener : config_.listeners) alternates_.push_back(find_alternates(config_.listeners, listener));
}

std::optional<Datagram> Responder::poll_transmit() {
  if (out_.empty()) return std::nullopt;
  auto next = std::move(out_.front());
  out_.pop_front();
  return next;
}

void Responder::handle_datagram(Instant now, const Datagram& in) { ++(counters_.*serve(now, in)); }

Responder::Outcome Responder::serve(Instant now, const Datagram& in) {
  const auto listener = find_listener(in);
  if (!listener) return &ResponderCounters::unknown_socket;
  if (is_forbidden(in.remote, in)) return &ResponderCounters::forbidden_peer;
  const auto message = parse_message(in.payload);
  if (!message) return &ResponderCounters::not_stun;
  if (message->message_class() != MessageClass::request || message->method() != Method::binding) {
    return &ResponderCounters::not_a_request;
  }
  if (verify_fingerprint(*message) == Integrity::wrong) return &ResponderCounters::bad_fingerprint;
  // Only now an account is opened: junk shall not push out those who are served.
  auto& account = accounts_.of(in.remote.address, now);
  if (account.requests.level(config_.requests_per_address, now) < 1) return &ResponderCounters::rate_limited;
  account.requests.take(1);

  const auto echo = message->find(AttributeType::natkit_cookie);
  const bool is_proven = in.protocol == Protocol::tcp || (echo && cookies_.is_right(*echo, in.remote.address, now));
  const Question question{now, in, *message, *listener, account, is_proven};
  if (const auto problem = find_problem(question)) return refuse(question, *problem);
  if (is_forbidden({in.remote.address, question.port()}, in)) return &ResponderCounters::forbidden_peer;
  if (question.wants_receipt) return answer_with_receipt(question);
  return answer(question);
}

std::optional<std::size_t> Responder::find_listener(const Datagram& in) const {
  const auto found = std::ranges::find_if(config_.listeners, [&](const Listener& listener) {
    return listener.socket == in.socket && listener.protocol == in.protocol;
  });
  if (found == config_.listeners.end()) return std::nullopt;
  return static_cast<std::size_t>(found - config_.listeners.begin());
}

bool Responder::is_forbidden(const Endpoint& peer, const Datagram& in) const {
  if (peer.port == 0 || is_nobody(peer.address)) return true;
  for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
    if (config_.listeners[i].protocol == in.protocol && origin(i, in) == peer) return true;
  }
  return false;
}

Endpoint Responder::origin(std::size_t listener, const Datagram& in) const {
  const auto& endpoint = config_.listeners[listener].endpoint;
  return {endpoint.address.is_unspecified() ? in.local.address : endpoint.address, endpoint.port};
}

// RFC 5780 §6.1, table 1.
std::optional<std::size_t> Responder::answering(const Question& question) const {
  const auto& alternates = alternates_[question.listener];
  switch (question.change) {
    case Change::nothing:
      return question.listener;
    case Change::port:
      return alternates.port;
    case Change::address:
      return alternates.address;
    case Change::address_and_port:
      return alternates.both;
  }
  return std::nullopt;
}

std::optional<Responder::Problem> Responder::find_problem(const Question& question) const {
  const auto& message = question.message;
  const bool over_tcp = question.in.protocol == Protocol::tcp;
  const std::span known{known_types};
  auto unknown = message.unknown_to(over_tcp ? known.first(known_over_tcp) : known);
  if (!unknown.is_empty()) return Problem{420, unknown};

  const bool has_change = message.find(AttributeType::change_request).has_value();
  if (question.names_port && question.response_port.value_or(0) == 0) return Problem{400, {}};
  if (has_change && !message.change_request()) return Problem{400, {}};
  if (question.names_port && question.padding) return Problem{400, {}};  // RFC 5780 §6.1

  // An incomplete server must refuse every CHANGE-REQUEST (RFC 5780 §6), lest a client take one address for two. RFC
  // 3489 clients send it always, with no bit set when they mean nothing; ours know what to expect of one address.
  const bool is_served = alternates_[question.listener].is_complete() || question.wants_receipt ||
                         (message.is_classic() && question.change == Change::nothing);
  if (has_change && (!is_served || !answering(question))) {
    unknown.insert(AttributeType::change_request);
    return Problem{420, unknown};
  }
  return std::nullopt;
}

Budget Responder::plain_budget(const Question& question) {
  auto budget = question.own_budget();
  if (question.is_proven || question.padding || question.names_port) return budget;
  const double allowance = std::min(question.account.allowance.level(config_.allowance_per_address, question.now),
                                    allowance_for_all_.level(config_.allowance_for_all, question.now));
  budget.limit += static_cast<std::size_t>(std::max(allowance, 0.0));
  return budget;
}

Responder::Outcome Responder::answer(const Question& question) {
  auto payload = write_success(question, plain_budget(question));
  if (!payload) return &ResponderCounters::over_budget;
  pay(question, payload->size());
  send(question, *answering(question), question.port(), std::move(*payload));
  return &ResponderCounters::answered;
}

// The request pays for answer and receipt together; if it cannot, it gets a plain answer like anybody.
Responder::Outcome Responder::answer_with_receipt(const Question& question) {
  const auto budget = question.own_budget();
  if (!question.is_detour()) {
    auto payload = write_success(question, budget);
    if (!payload) return answer(question);
    send(question, question.listener, question.in.remote.port, std::move(*payload));
    return &ResponderCounters::answered;
  }
  const auto least = write_receipt(question, {.covered = 0, .limit = unlimited});
  const std::size_t room = budget.limit - std::min(budget.limit, least->size());
  auto payload = write_success(question, {.covered = room, .limit = room});
  if (!payload) return answer(question);
  const std::size_t rest = budget.limit - payload->size();
  auto receipt = write_receipt(question, {.covered = rest, .limit = rest});
  send(question, *answering(question), question.port(), std::move(*payload));
  send(question, question.listener, question.in.remote.port, std::move(*receipt));
  ++counters_.receipts;
  return &ResponderCounters::answered;
}

Responder::Outcome Responder::refuse(const Question& question, const Problem& problem) {
  AnswerWriter writer{MessageClass::error, question.message, plain_budget(question)};
  writer.must_error(problem.code, problem.unknown);
  auto payload = writer.finish();
  if (!payload) return &ResponderCounters::over_budget;
  pay(question, payload->size());
  send(question, question.listener, question.in.remote.port, std::move(*payload));
  return &ResponderCounters::refused;
}

std::optional<Bytes> Responder::write_success(const Question& question, const Budget& budget) const {
  using enum AttributeType;
  const auto& in = question.in;
  const auto& alternates = alternates_[question.listener];
  const bool classic = question.message.is_classic();
  const auto from = origin(*answering(question), in);

  AnswerWriter writer{MessageClass::success, question.message, budget};
  writer.must(classic ? mapped_address : xor_mapped_address, in.remote);
  if (question.padding) writer.expect_padding();
  if (question.wants_receipt && !question.is_detour()) {
    writer.welcome(natkit_receipt, from, Payment::covered);
    writer.welcome(natkit_cookie, cookies_.issue(in.remote.address, question.now), Payment::covered);
    if (alternates.port) {
      const auto port = config_.listeners[*alternates.port].endpoint.port;
      const std::array value{static_cast<std::uint8_t>(port >> 8U), static_cast<std::uint8_t>(port)};
      writer.welcome(natkit_second_port, value, Payment::covered);
    }
  }
  if (alternates.is_complete()) {
    const auto& other = config_.listeners[*alternates.both].endpoint;
    writer.welcome(classic ? changed_address_3489 : other_address, other, Payment::allowance);
  }
  if (!from.address.is_unspecified()) {
    writer.welcome(classic ? source_address_3489 : response_origin, from, Payment::allowance);
  }
  if (!classic) writer.welcome(mapped_address, in.remote, Payment::allowance);
  if (!config_.software.empty()) writer.welcome(software, as_bytes(config_.software), Payment::covered);
  if (question.padding) writer.must_padding(std::min(question.padding->size(), config_.most_padding));
  return writer.finish();
}

std::optional<Bytes> Responder::write_receipt(const Question& question, const Budget& budget) const {
  AnswerWriter writer{MessageClass::success, question.message, budget};
  writer.must(AttributeType::natkit_receipt, origin(*answering(question), question.in));
  writer.welcome(AttributeType::xor_mapped_address, question.in.remote, Payment::covered);
  return writer.finish();
}

void Responder::pay(const Question& question, std::size_t sent) {
  if (question.is_proven || sent <= question.size()) return;
  const std::size_t excess = sent - question.size();
  question.account.allowance.take(static_cast<double>(excess));
  allowance_for_all_.take(static_cast<double>(excess));
  counters_.allowance_bytes += excess;
}

void Responder::send(const Question& question, std::size_t listener, std::uint16_t port, Bytes payload) {
  out_.push_back({.socket = config_.listeners[listener].socket,
                  .protocol = question.in.protocol,
                  .local = origin(listener, question.in),
                  .remote = {question.in.remote.address, port},
                  .payload = std::move(payload)});
}
}  // namespace natkit::stun
