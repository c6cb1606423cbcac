#include "natkit/probe/digest.hpp"

#include <algorithm>
#include <utility>

namespace natkit::probe {
namespace {
using namespace std::chrono_literals;

void add_round_trip(ServerFacts& server, Duration rtt) {
  server.answered = true;
  server.rtt_min = std::min(server.rtt_min.value_or(rtt), rtt);
  server.rtt_max = std::max(server.rtt_max.value_or(rtt), rtt);
}

bool asks_for_change(Question question) {
  return question == Question::filtering || question == Question::filtering_port;
}

bool asks_for_connection(Question question) {
  return question == Question::tcp_call || question == Question::tcp_call_port;
}

/// Large packets take their time, connections begin with a handshake, and what passes at another port says nothing of
/// the server's own.
bool tells_round_trip(Question question) {
  return !is_over_tcp(question) && question != Question::path_mtu && question != Question::fragments &&
         question != Question::way_out;
}

void note_mapped(Asked& asked, const Received& in) {
  if (!in.mapped) return;
  if (!asked.mapped) {
    asked.mapped = in.mapped;
    asked.local = in.local;
  } else if (*asked.mapped != *in.mapped) {
    asked.remapped = in.mapped;
  }
}

/// OTHER-ADDRESS is relative to the endpoint that was asked (RFC 5780 §7.4), so only the first one counts.
void learn_alternates(ServerFacts& server, const Received& in) {
  if (!server.other) server.other = in.other;
  if (!server.second_port) server.second_port = in.second_port;
}

void note_report(Asked& asked, const Received& in) {
  using enum stun::ReachState;
  if (!in.reach)
    asked.unchanged = in.from;
  else if (in.reach == busy || in.reach == forbidden || in.reach == unsent)
    asked.reach_refusal = in.reach;
}

/// An answer from the very endpoint that was asked.
void note_answer(ServerFacts& server, Asked& asked, Copy& copy, const Received& in) {
  if (!copy.answered_at) {
    copy.answered_at = in.at;
    if (tells_round_trip(asked.question)) add_round_trip(server, in.at - copy.sent_at);
  }
  if (in.error_code) {
    asked.error_code = in.error_code;
    return;
  }
  note_mapped(asked, in);
  if (!asked.page) asked.page = in.page;
  if (in.receipt) {
    copy.receipt = in.receipt;
    server.gives_receipts = true;
  }
  const bool is_plain = asked.question == Question::mapping || asked.question == Question::tcp_mapping;
  if (is_plain && asked.to == server.address) learn_alternates(server, in);
  if (asked.question == Question::mapping && in.is_same_unmasked) server.is_same_unmasked = true;
  if (asks_for_connection(asked.question)) note_report(asked, in);
  if (asks_for_change(asked.question) && (!in.receipt || *in.receipt == asked.to)) asked.unchanged = in.from;
}
}  // namespace

Ledger::Ledger(const std::vector<Server>& servers) {
  for (const auto& server : servers) digest_.servers.push_back({.address = server.address});
}

void Ledger::enter(const Event& event) {
  digest_.last_event = at(event);
  std::visit([this](const auto& e) { file(e); }, event);
}

void Ledger::file(const Sent& sent) {
  if (sent.server >= digest_.servers.size()) return;  // a trace from outside may say anything
  if (sent.question == Question::allocation) return file_sample(sent);
  if (sent.question == Question::hairpin) return file_mirrored(sent);
  if (sent.question == Question::hop) return file_hop(sent);
  if (sent.question == Question::lifetime) return file_rested(sent);
  if (sent.question == Question::lifetime_call) return file_call(sent);
  const auto known = std::ranges::find_if(digest_.asked, [&](const Asked& asked) {
    return asked.question == sent.question && asked.server == sent.server && asked.to == sent.to &&
           asked.size == sent.size;
  });
  const auto index = static_cast<std::size_t>(known - digest_.asked.begin());
  if (known == digest_.asked.end())
    digest_.asked.push_back({.question = sent.question, .server = sent.server, .to = sent.to, .size = sent.size});
  auto& copies = digest_.asked[index].copies;
  places_[sent.id] = {.asked = index, .copy = copies.size()};
  copies.push_back({.sent_at = sent.at, .id = sent.id});
}

void Ledger::note_rewritten(const Received& in) {
  if (!in.rewritten) return;
  for (auto& server : digest_.servers)
    if (server.address == in.from) server.rewritten = in.rewritten;
}

void Ledger::file_sample(const Sent& sent) {
  auto& samples = digest_.samples;
  const auto known = std::ranges::find(samples, sent.socket, &Sample::socket);
  samples_[sent.id] = static_cast<std::size_t>(known - samples.begin());
  if (known == samples.end())
    samples.push_back({.socket = sent.socket, .server = sent.server, .sent_at = sent.at, .copies = 1});
  else
    known->sent_at = sent.at, ++known->copies;
}

void Ledger::file_mirrored(const Sent& sent) {
  auto& all = digest_.mirrored;
  const auto known = std::ranges::find(all, sent.socket, [](const Mirrored& each) { return each.own.socket; });
  mirrored_[sent.id] = static_cast<std::size_t>(known - all.begin());
  auto& mirrored = known == all.end() ? all.emplace_back() : *known;
  if (sent.to == digest_.servers[sent.server].address) {
    mirrored.own.socket = sent.socket;
    mirrored.own.server = sent.server;
    mirrored.own.sent_at = sent.at;
    ++mirrored.own.copies;
  } else {
    mirrored.own.socket = sent.socket;
    mirrored.sent_at = sent.at;
    ++mirrored.sent;
  }
}

void Ledger::hear_mirrored(Mirrored& mirrored, const Received& in) {
  if (in.from == digest_.servers[mirrored.own.server].address) {
    if (!in.mapped || mirrored.own.mapped) return;
    mirrored.own.mapped = in.mapped;
    mirrored.own.local = in.local;
  } else if (!mirrored.heard_from) {
    mirrored.heard_from = in.from;
  }
}

void Ledger::file_hop(const Sent& sent) {
  auto& hops = digest_.hops;
  const auto known = std::ranges::find(hops, sent.socket, [](const Hop& hop) { return hop.own.socket; });
  auto& hop = known == hops.end() ? hops.emplace_back() : *known;
  hop.own.socket = sent.socket;
  hop.own.server = sent.server;
  hop.own.sent_at = sent.at;
  ++hop.own.copies;
  hop.limit = sent.hop_limit;
}

void Ledger::file(const Expired& expired) {
  const auto hop = std::ranges::find(digest_.hops, expired.socket, [](const Hop& one) { return one.own.socket; });
  if (hop != digest_.hops.end() && !hop->router && !hop->has_arrived) hop->router = expired.router;
}

void Ledger::file_rested(const Sent& sent) {
  auto& all = digest_.rested;
  const auto known = std::ranges::find(all, sent.socket, [](const Rested& each) { return each.own.socket; });
  rested_[sent.id] = static_cast<std::size_t>(known - all.begin());
  if (known == all.end()) {
    all.push_back({.own = {.socket = sent.socket, .server = sent.server, .sent_at = sent.at, .copies = 1}});
  } else if (!known->calls.empty()) {
    ++known->asked_again;
  } else {
    known->own.sent_at = sent.at;
    ++known->own.copies;
  }
}

void Ledger::file_call(const Sent& sent) {
  auto& all = digest_.rested;
  const auto called = std::ranges::find(all, sent.socket, [](const Rested& each) {
    return SocketId{std::to_underlying(each.own.socket) + socket_of_call};
  });
  if (called == all.end()) return;
  rested_[sent.id] = static_cast<std::size_t>(called - all.begin());
  called->calls.push_back({.sent_at = sent.at, .id = sent.id});
}

void Ledger::hear_rested(Rested& rested, const Received& in) {
  const auto call = std::ranges::find(rested.calls, in.id, &Copy::id);
  if (call == rested.calls.end()) {
    if (!in.mapped || in.from != digest_.servers[rested.own.server].address) return;
    if (rested.asked_again > 0) {
      rested.mapped_again = in.mapped;
    } else if (!rested.own.mapped) {
      rested.own.mapped = in.mapped;
      rested.own.local = in.local;
    }
  } else if (in.local == rested.own.local) {
    if (!call->answered_at) call->answered_at = in.at;
  } else if (in.receipt) {
    call->receipt = in.receipt;
    if (in.mapped && rested.own.mapped && in.mapped->address != rested.own.mapped->address)
      rested.is_called_from_elsewhere = true;
  } else {
    rested.is_misled = true;
  }
}

void Ledger::file(const Received& in) {
  note_rewritten(in);
  if (const auto found = rested_.find(in.id); found != rested_.end())
    return hear_rested(digest_.rested[found->second], in);
  if (const auto found = mirrored_.find(in.id); found != mirrored_.end())
    return hear_mirrored(digest_.mirrored[found->second], in);
  if (const auto found = samples_.find(in.id); found != samples_.end()) {
    auto& sample = digest_.samples[found->second];
    if (!in.mapped || sample.mapped || in.from != digest_.servers[sample.server].address) return;
    sample.mapped = in.mapped;
    sample.local = in.local;
    return;
  }
  if (const auto hop = std::ranges::find(digest_.hops, in.socket, [](const Hop& one) { return one.own.socket; });
      hop != digest_.hops.end()) {
    hop->has_arrived = true;
    return;
  }
  const auto place = places_.find(in.id);
  if (place == places_.end()) return;
  auto& asked = digest_.asked[place->second.asked];
  if (in.from == asked.to) {
    note_answer(digest_.servers[asked.server], asked, asked.copies[place->second.copy], in);
  } else if ((asks_for_change(asked.question) || asks_for_connection(asked.question)) && !in.error_code &&
             !asked.heard_from) {
    asked.heard_from = in.from;
  }  // else: an answer to a plain request from elsewhere proves nothing
}

void Ledger::file(const SendFailed& failed) {
  if (const auto sample = std::ranges::find(digest_.samples, failed.socket, &Sample::socket);
      failed.question == Question::allocation && sample != digest_.samples.end())
    sample->was_refused = true;
  const auto note = [&](Asked& asked) {
    ++asked.send_failures;
    asked.why_not_sent = failed.why;
  };
  if (failed.id) {
    if (const auto place = places_.find(*failed.id); place != places_.end()) note(digest_.asked[place->second.asked]);
    return;
  }
  for (auto& asked : digest_.asked)
    if (asked.to == failed.to && asked.question == failed.question) note(asked);
}

void Ledger::file(const Ended& ended) { digest_.ended = ended.at; }

Digest digest(const Trace& trace) {
  Ledger ledger{trace.servers};
  for (const auto& event : trace.events) ledger.enter(event);
  return ledger.digest();
}

bool have_one_address(const Digest& digest, std::uint32_t server) {
  std::optional<IpAddress> address;
  for (const auto& rested : digest.rested) {
    if (rested.own.server != server || !rested.own.mapped) continue;
    if (rested.is_called_from_elsewhere || (address && *address != rested.own.mapped->address)) return false;
    address = rested.own.mapped->address;
  }
  return true;
}

bool Asked::is_answered() const {
  return std::ranges::any_of(copies, [](const Copy& copy) { return copy.answered_at.has_value(); });
}

std::optional<Endpoint> ServerFacts::alternate() const {
  if (!other || other->address.family() != address.address.family() || other->address == address.address ||
      other->address.is_unspecified() || other->address.is_multicast() || other->port == 0)
    return std::nullopt;
  return other;
}

std::optional<Endpoint> ServerFacts::same_address_other_port() const {
  std::optional<std::uint16_t> port = second_port;
  if (!port && other && other->address.family() == address.address.family()) port = other->port;
  if (!port || *port == 0 || *port == address.port) return std::nullopt;
  return Endpoint{address.address, *port};
}

Duration ServerFacts::guard() const {
  static constexpr Duration floor = 40ms;  // scheduling noise of busy hosts and Wi-Fi power saving
  if (!rtt_min || !rtt_max) return floor;
  return std::max({floor, *rtt_min * 3 / 5, (*rtt_max - *rtt_min) * 4});
}

const Asked* Digest::find(Question question, std::uint32_t server, const Endpoint& to, std::uint16_t size) const {
  const auto found = std::ranges::find_if(asked, [&](const Asked& candidate) {
    return candidate.question == question && candidate.server == server && candidate.to == to && candidate.size == size;
  });
  return found == asked.end() ? nullptr : &*found;
}

const Asked* Digest::find(Question question, std::uint32_t server) const {
  return find(question, server, servers.at(server).address);
}

double Digest::loss(Family family, Duration now) const {
  double lost = 0;
  double due = 0;
  for (const auto& question : asked) {
    const auto& server = servers[question.server];
    if (question.to.address.family() != family || is_over_tcp(question.question)) continue;
    // A question that is answered by silence says nothing of loss, and neither does an endpoint that never answers.
    if (!question.is_answered()) continue;
    if (question.question != Question::mapping && !server.gives_receipts) continue;
    for (const auto& copy : question.copies) {
      const bool overdue = now >= copy.sent_at + server.time_of_answer();
      if (copy.answered_at || overdue) due += 1;
      if (!copy.answered_at && overdue) lost += 1;
    }
  }
  return (lost + 0.5) / (due + 1);
}

std::optional<double> Digest::loss_of(std::uint32_t server, Duration now) const {
  const auto* own = find(Question::mapping, server);
  if (own == nullptr) return std::nullopt;
  double due = 0;
  double lost = 0;
  for (const auto& copy : own->copies) {
    const bool is_overdue = now >= copy.sent_at + servers.at(server).time_of_answer();
    if (copy.answered_at || is_overdue) due += 1;
    if (!copy.answered_at && is_overdue) lost += 1;
  }
  return due > 0 ? std::optional{lost / due} : std::nullopt;
}
}  // namespace natkit::probe
