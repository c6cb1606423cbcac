#include "natkit/portmap/port_control.hpp"

#include <algorithm>
#include <utility>

#include "natkit/portmap/refusal.hpp"

namespace natkit::portmap {
namespace {
using std::chrono::seconds;

constexpr Duration address_age = seconds{1};  // many mappings are renewed with one question for the address

/// Unspecified where it cannot be what it is said to be.
IpAddress credible(const IpAddress& external) {
  return may_be_external(external) ? external : IpAddress::any(external.family());
}

bool is_any(const Endpoint& endpoint) { return endpoint.address.is_unspecified(); }

/// RFC 6887 §11.1: no suggestion is all zeros, in the family that is wished.
Endpoint suggestion(const Endpoint& external, Family family) {
  return is_any(external) ? Endpoint{IpAddress::any(family), external.port} : external;
}
}  // namespace

PortControl::Repeat PortControl::begin(Instant now) const {
  return {now + config_.timing.first_repeat, now + config_.timing.patience, config_.timing.first_repeat};
}

bool PortControl::is_by_nat_pmp(const Ask& ask) const { return ask.only ? ask.only == Method::nat_pmp : is_certain(); }

void PortControl::send(Bytes payload) {
  outgoing_.push_back({.socket = config_.socket, .remote = config_.server, .payload = std::move(payload)});
}

void PortControl::send(const Question& question) {
  const auto& ask = question.ask;
  if (is_by_nat_pmp(ask)) {
    // RouterOS refuses external port 0 (tailscale#13785), so the internal one is suggested. A deletion must say 0.
    const auto suggested = ask.external.port == 0 ? ask.internal_port : ask.external.port;
    const auto external = ask.lifetime == seconds{0} ? std::uint16_t{0} : suggested;
    send(natpmp::write_request(natpmp::MappingRequest{ask.protocol, ask.internal_port, external, ask.lifetime}));
    return;
  }
  send(pcp::write_request({.lifetime = ask.lifetime,
                           .client = config_.client,
                           .operation = pcp::Map{ask.nonce, pcp::number_of(ask.protocol), ask.internal_port,
                                                 suggestion(ask.external, config_.client.family())}}));
}

void PortControl::send_state_question() {
  const bool is_v4 = config_.server.address.is_v4();
  if (speaks_ != Method::nat_pmp && config_.speak != Speak::nat_pmp_only)
    send(pcp::write_request({.client = config_.client, .operation = pcp::Announce{}}));
  if (is_v4 && speaks_ != Method::pcp && config_.speak != Speak::pcp_only)
    send(natpmp::write_request(natpmp::AddressRequest{}));
}

void PortControl::ask(Instant now, const Ask& ask) {
  const auto place = questions_.insert_or_assign(ask.id, Question{.ask = ask, .repeat = begin(now)}).first;
  send(place->second);
  const bool may_be_nat_pmp = config_.server.address.is_v4() && config_.speak != Speak::pcp_only;
  // It may have changed since, and a renewal is how we would notice.
  const bool is_renewal = is_by_nat_pmp(ask) && ask.lifetime != seconds{0};
  if (is_renewal && now - external_at_ > address_age) external_.reset();
  const bool wants_address = is_by_nat_pmp(ask) && !external_;
  if (may_be_nat_pmp && ask.only != Method::pcp && (!speaks_ || wants_address))
    send(natpmp::write_request(natpmp::AddressRequest{}));
}

void PortControl::ask_state(Instant now) {
  state_question_ = begin(now);
  send_state_question();
}

bool PortControl::handle_datagram(Instant now, const Datagram& in) {
  if (in.socket != config_.socket || in.remote != config_.server) return false;
  if (const auto response = pcp::parse_response(in.payload))
    handle_pcp(now, *response);
  else if (const auto older = natpmp::parse_response(in.payload))
    handle_nat_pmp(now, *older);
  return true;
}

void PortControl::hear_epoch(Instant now, seconds epoch, Epoch::Rule rule) {
  last_epoch_ = epoch;
  if (epoch_.hear(now, epoch, rule) == Epoch::Verdict::state_lost) events_.emplace_back(StateLost{});
}

/// Whatever was asked in the other language is asked again in this one.
void PortControl::settle_on(Instant now, Method method) {
  if (speaks_ == method) return;
  speaks_ = method;
  give_pcp_up_.reset();
  if (method != Method::nat_pmp) return;
  for (auto& [id, question] : questions_) {
    if (question.ask.only) continue;
    question.repeat = begin(now);
    send(question);
  }
}

void PortControl::handle_refused_version(Instant now) {
  if (speaks_ == Method::pcp || config_.speak == Speak::nat_pmp_only) return;
  const bool may_be_nat_pmp = config_.speak == Speak::either && config_.server.address.is_v4();
  if (may_be_nat_pmp) settle_on(now, Method::nat_pmp);
  for (auto place = questions_.begin(); place != questions_.end();) {
    const auto& [id, question] = *place;
    if (may_be_nat_pmp && question.ask.only != Method::pcp) {
      ++place;
      continue;
    }
    if (question.refused)
      events_.emplace_back(*question.refused);
    else
      refuse(id, refusal_of(pcp::ResultCode::unsupported_version), seconds{0}, std::nullopt);
    place = questions_.erase(place);
  }
}

void PortControl::handle_pcp(Instant now, const pcp::Response& response) {
  if (config_.speak == Speak::nat_pmp_only) return;
  if (response.result == pcp::ResultCode::unsupported_version) return handle_refused_version(now);
  hear_epoch(now, response.epoch, Epoch::Rule::pcp);
  if (const auto* map = std::get_if<pcp::Map>(&response.operation)) {
    handle_map(now, response, *map);
  } else if (std::holds_alternative<pcp::Announce>(response.operation)) {
    State state{.speaks = Method::pcp, .epoch = response.epoch};
    // ANNOUNCE is optional for servers, mapping is not: only a refusal that speaks of rights says that it is off.
    if (response.result == pcp::ResultCode::not_authorized) state.refusal = refusal_of(response.result);
    answer_state(state);
  }
  if (!speaks_) settle_on(now, Method::pcp);
}

void PortControl::handle_map(Instant now, const pcp::Response& response, const pcp::Map& map) {
  const auto found = std::ranges::find_if(questions_, [&](const auto& pair) {
    const auto& ask = pair.second.ask;
    return ask.only != Method::nat_pmp && ask.nonce == map.nonce && ask.internal_port == map.internal_port &&
           pcp::number_of(ask.protocol) == map.protocol;
  });
  if (found == questions_.end()) return;
  const auto ask = found->second.ask;
  // NAT-PMP maps to whom it sees, so where the address is what PCP objects to, that may still work.
  const bool may_be_nat_pmp = config_.speak == Speak::either && config_.server.address.is_v4();
  if (response.result == pcp::ResultCode::address_mismatch && may_be_nat_pmp && !ask.only)
    return settle_on(now, Method::nat_pmp);
  const bool is_deletion = ask.lifetime == seconds{0};
  // A deletion needs no resources: this is how miniupnpd 2.3.1 says that there is nothing to delete.
  const bool was_absent = is_deletion && response.result == pcp::ResultCode::no_resources;
  if (response.result != pcp::ResultCode::success && !was_absent) {
    questions_.erase(found);
    const auto& address = map.external.address;
    return refuse(ask.id, refusal_of(response.result), response.lifetime,
                  may_be_external(address) ? std::optional{address} : std::nullopt);
  }
  // An answer to an earlier question of ours; a refusal's lifetime is something else.
  if (!was_absent && is_deletion != (response.lifetime == seconds{0})) return;
  questions_.erase(found);
  if (is_deletion) {
    events_.emplace_back(Gone{ask.id});
    return;
  }
  external_ = credible(map.external.address);
  events_.emplace_back(Granted{ask.id, Method::pcp, {*external_, map.external.port}, response.lifetime});
}

void PortControl::handle_nat_pmp(Instant now, const natpmp::Response& response) {
  if (response.result == natpmp::ResultCode::unsupported_version) return handle_refused_version(now);
  const bool is_asked =
      std::ranges::any_of(questions_, [&](const auto& pair) { return pair.second.ask.only == Method::nat_pmp; });
  if (config_.speak == Speak::pcp_only || (speaks_ == Method::pcp && !is_asked)) return;
  if (speaks_ != Method::pcp) hear_epoch(now, response.epoch, Epoch::Rule::nat_pmp);
  const bool is_open = !speaks_ && config_.speak == Speak::either;
  if (is_open && !give_pcp_up_) give_pcp_up_ = now + config_.timing.grace;
  if (const auto* mapping = std::get_if<natpmp::MappingResponse>(&response.body)) {
    handle_nat_pmp_mapping(now, response.result, *mapping);
  } else if (const auto* address = std::get_if<natpmp::AddressResponse>(&response.body)) {
    if (response.result == natpmp::ResultCode::success) return handle_address(now, address->external);
    if (is_certain())
      answer_state({.speaks = Method::nat_pmp, .refusal = refusal_of(response.result), .epoch = last_epoch_});
  } else if (is_certain() && state_question_) {
    answer_state({.speaks = Method::nat_pmp, .refusal = refusal_of(response.result), .epoch = last_epoch_});
  }
}

void PortControl::handle_address(Instant now, const IpAddress& told) {
  const auto external = credible(told);
  external_ = external;
  external_at_ = now;
  for (auto place = questions_.begin(); place != questions_.end();) {
    auto& granted = place->second.granted;
    if (!granted) {
      ++place;
      continue;
    }
    granted->external.address = external;
    events_.emplace_back(*granted);
    place = questions_.erase(place);
  }
  if (is_certain()) answer_state({.speaks = Method::nat_pmp, .epoch = last_epoch_});
}

std::optional<IpAddress> PortControl::external() const {
  return external_ && !external_->is_unspecified() ? external_ : std::nullopt;
}

void PortControl::handle_nat_pmp_mapping(Instant now, natpmp::ResultCode result,
                                         const natpmp::MappingResponse& mapping) {
  const auto found = std::ranges::find_if(questions_, [&](const auto& pair) {
    const auto& ask = pair.second.ask;
    return is_by_nat_pmp(ask) && ask.protocol == mapping.protocol && ask.internal_port == mapping.internal_port;
  });
  if (found == questions_.end()) return;
  auto& question = found->second;
  const auto ask = question.ask;
  if (result != natpmp::ResultCode::success) {
    Refused refused{.id = ask.id, .refusal = refusal_of(result), .external = std::nullopt};
    if (question.is_pcp_open) return ask_pcp_again(now, question, std::move(refused));
    questions_.erase(found);
    events_.emplace_back(std::move(refused));
    return;
  }
  const bool is_deletion = ask.lifetime == seconds{0};
  if (is_deletion != (mapping.lifetime == seconds{0})) return;
  if (is_deletion) {
    questions_.erase(found);
    events_.emplace_back(Gone{ask.id});
    return;
  }
  const Granted granted{
      ask.id, Method::nat_pmp, {external_.value_or(IpAddress{}), mapping.external_port}, mapping.lifetime};
  if (external_) {
    questions_.erase(found);
    events_.emplace_back(granted);
    return;
  }
  question.granted = granted;  // it stands; the address is asked for once more
  question.repeat = begin(now);
  send(natpmp::write_request(natpmp::AddressRequest{}));
}

void PortControl::ask_pcp_again(Instant now, Question& question, Refused refused) {
  question.refused = std::move(refused);
  question.is_pcp_open = false;
  question.ask.only = Method::pcp;
  question.repeat = begin(now);
  send(question);
}

void PortControl::answer_state(State state) {
  if (!std::exchange(state_question_, std::nullopt)) return;
  state.external = external();
  events_.emplace_back(std::move(state));
}

void PortControl::refuse(MappingId id, Refusal refusal, seconds wait, std::optional<IpAddress> external) {
  events_.emplace_back(Refused{id, std::move(refusal), wait, external});
}

void PortControl::give_pcp_up(Instant now) {
  for (auto& [id, question] : questions_) question.is_pcp_open = !is_by_nat_pmp(question.ask);
  settle_on(now, Method::nat_pmp);
  if (external_) answer_state({.speaks = Method::nat_pmp, .epoch = last_epoch_});
}

void PortControl::handle_timeout(Instant now) {
  if (give_pcp_up_ && *give_pcp_up_ <= now && !speaks_) give_pcp_up(now);
  for (auto place = questions_.begin(); place != questions_.end();) {
    auto& [id, question] = *place;
    if (question.repeat.deadline <= now) {
      if (question.granted)
        events_.emplace_back(*question.granted);
      else if (question.refused)
        events_.emplace_back(*question.refused);
      else
        events_.emplace_back(Silent{id});
      place = questions_.erase(place);
      continue;
    }
    if (question.repeat.next <= now) {
      question.granted ? send(natpmp::write_request(natpmp::AddressRequest{})) : send(question);
      question.repeat.step *= 2;
      question.repeat.next = now + question.repeat.step;
    }
    ++place;
  }
  if (!state_question_) return;
  if (state_question_->deadline <= now) return answer_state({});
  if (state_question_->next > now) return;
  send_state_question();
  state_question_->step *= 2;
  state_question_->next = now + state_question_->step;
}

std::optional<Datagram> PortControl::poll_transmit() {
  if (outgoing_.empty()) return std::nullopt;
  auto out = std::move(outgoing_.front());
  outgoing_.pop_front();
  return out;
}

std::optional<PortControl::Event> PortControl::poll_event() {
  if (events_.empty()) return std::nullopt;
  auto event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<Instant> PortControl::poll_timeout() const {
  std::optional<Instant> due;
  const auto note = [&](Instant at) { due = due ? std::min(*due, at) : at; };
  for (const auto& [id, question] : questions_) note(std::min(question.repeat.next, question.repeat.deadline));
  if (state_question_) note(std::min(state_question_->next, state_question_->deadline));
  if (give_pcp_up_ && !speaks_) note(*give_pcp_up_);
  return due;
}
}  // namespace natkit::portmap
