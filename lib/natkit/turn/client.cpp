#include "natkit/turn/client.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/turn/channel_data.hpp"

namespace natkit::turn {
namespace {
using namespace std::chrono_literals;
using stun::AttributeType;
using stun::Method;

constexpr std::uint32_t udp_transport = 17U << 24U;  // REQUESTED-TRANSPORT: the IP protocol number, 24 reserved bits
constexpr std::uint32_t family_ipv6 = 2U << 24U;     // REQUESTED-ADDRESS-FAMILY (RFC 8656 §18.6), in the same form
constexpr std::size_t peers_in_one_request = 16;     // 28 bytes each at most, so that the request stays below 700
constexpr unsigned most_attempts = 3;                // 401, 438 because that was long ago, and one more for bad luck
constexpr unsigned most_redirections = 3;
constexpr Duration close_patience = 1500ms;  // who does not hear us lets the allocation end when its time is over
constexpr unsigned most_requests_to_close = 3;
constexpr Duration shortest_rto =
    50ms;  // our own choice: a relay in the same building answers in 1 ms, but may be busy
constexpr Duration longest_rto = 3s;
/// Between a request that was not answered and the next one: a relay that is gone for a while should not come back to a
/// crowd that shouts. What is renewed is asked for a minute before its end, so this costs nothing.
constexpr Duration pause_after_silence = 2s;
constexpr std::size_t most_received = 4096;  // an owner that does not drain; then the newest are lost
constexpr std::chrono::seconds shortest_lifetime = 10s;
constexpr std::chrono::seconds longest_lifetime = 24h;

Method method_of(std::size_t purpose) {
  constexpr std::array methods{Method::allocate, Method::refresh, Method::create_permission, Method::channel_bind};
  return methods.at(purpose);  // in the order of Client::Purpose
}

bool is_turn(Method method) {
  return method == Method::allocate || method == Method::refresh || method == Method::create_permission ||
         method == Method::channel_bind || method == Method::data;
}
}  // namespace

Client::Client(Config config, Rng& rng)
    : config_(std::move(config)),
      rng_(rng),
      authenticator_(config_.credentials, config_.challenge),
      book_(config_.peers) {}

void Client::start(Instant now) {
  if (state_ != State::idle) return;
  state_ = State::allocating;
  give_up_ = now + config_.patience;
  ask(now, Allocate{});
  ask_for_what_is_due(now);
}

void Client::send(Instant now, const Endpoint& peer, ByteView payload) {
  if (state_ != State::allocating && state_ != State::ready) return;
  if (!reaches(peer.address) || payload.size() > 0xFFFF) return;
  if (const auto channel = book_.use(now, peer))
    transmit(write_channel_data(*channel, payload, config_.server.protocol));
  else if (state_ == State::ready && book_.was_asked_for(peer.address))
    send_indication(peer, payload);
  else {
    if (early_.size() >= std::max<std::size_t>(config_.most_early, 1)) early_.pop_front();
    early_.push_back({peer, Bytes(payload.begin(), payload.end())});
  }
  const auto due = book_.next_due();
  if ((due && *due <= now) || !early_.empty()) ask_for_what_is_due(now);
}

void Client::permit(Instant now, const IpAddress& peer) {
  book_.permit(now, peer, PeerBook::Wish::until_forgotten);
  ask_for_what_is_due(now);
}

void Client::bind_channel(Instant now, const Endpoint& peer) {
  book_.want_channel(now, peer);
  ask_for_what_is_due(now);
}

void Client::close(Instant now) {
  if (!may_ask_about_peers()) {  // the server knows of nothing
    if (state_ != State::failed) end(State::closed);
    return;
  }
  state_ = State::closing;
  requests_.clear();
  early_.clear();
  renew_at_.reset();
  give_up_ = now + close_patience;
  ask(now, Refresh{0s});
}

// ---- requests

bool Client::is_allocate_signed() const {
  return std::ranges::any_of(requests_,
                             [](const auto& r) { return r.is_signed && std::holds_alternative<Allocate>(r.purpose); });
}

bool Client::may_ask_about_peers() const {
  return state_ == State::ready || (state_ == State::allocating && is_allocate_signed());
}

bool Client::reaches(const IpAddress& peer) const {
  if (state_ == State::ready) return relayed(peer.family()).has_value();
  return config_.families == RelayedFamilies::both ||
         (config_.families == RelayedFamilies::ipv4 ? peer.is_v4() : peer.is_v6());
}

stun::ClientTransaction::Config Client::timing() const {
  if (config_.server.protocol == Protocol::tcp) return stun::ClientTransaction::over_stream();
  auto timing = config_.request;
  if (rtt_) timing.rto = std::clamp(3 * *rtt_, shortest_rto, longest_rto);  // RFC 6298 §2.2
  if (state_ == State::closing) timing.most_requests = std::min(timing.most_requests, most_requests_to_close);
  return timing;
}

void Client::ask(Instant now, Purpose purpose, unsigned attempt) {
  const auto id = stun::make_transaction_id(rng_);
  stun::MessageWriter writer{stun::MessageClass::request, method_of(purpose.index()), id};
  if (std::holds_alternative<Allocate>(purpose)) {
    writer.add_u32(AttributeType::requested_transport, udp_transport);
    // IPv4 is what nobody needs to ask for, so it works with servers that know no families (RFC 8656 §7.1).
    if (config_.families == RelayedFamilies::ipv6) writer.add_u32(AttributeType::requested_address_family, family_ipv6);
    if (config_.families == RelayedFamilies::both)
      writer.add_u32(AttributeType::additional_address_family, family_ipv6);
    writer.add_u32(AttributeType::lifetime, static_cast<std::uint32_t>(config_.lifetime.count()));
  } else if (const auto* refresh = std::get_if<Refresh>(&purpose)) {
    writer.add_u32(AttributeType::lifetime, static_cast<std::uint32_t>(refresh->lifetime.count()));
  } else if (const auto* permissions = std::get_if<Permissions>(&purpose)) {
    for (const auto& peer : permissions->peers) writer.add_endpoint(AttributeType::xor_peer_address, {peer, 0});
  } else if (const auto* bind = std::get_if<Bind>(&purpose)) {
    writer.add_u16(AttributeType::channel_number, bind->binding.channel);
    writer.add_endpoint(AttributeType::xor_peer_address, bind->binding.peer);
  }
  const bool is_signed = authenticator_.can_sign();
  if (is_signed) authenticator_.sign(writer);
  requests_.push_back({.purpose = std::move(purpose),
                       .id = id,
                       .transaction = {timing(), writer.finish()},
                       .attempt = attempt,
                       .is_signed = is_signed,
                       .is_early = state_ == State::allocating});
  requests_.back().transaction.start(now);
  collect_transmits();
}

void Client::ask_for_what_is_due(Instant now) {
  if (!may_ask_about_peers()) return;
  for (auto peers = book_.take_due_permissions(now, peers_in_one_request); !peers.empty();
       peers = book_.take_due_permissions(now, peers_in_one_request)) {
    const auto unreachable = std::ranges::partition(peers, [this](const IpAddress& peer) { return reaches(peer); });
    for (const auto& peer : unreachable) book_.refused(now, peer);
    peers.erase(unreachable.begin(), unreachable.end());
    if (!peers.empty()) ask(now, Permissions{std::move(peers)});
  }
  send_early();
  if (state_ != State::ready) return;
  while (const auto binding = book_.take_due_channel(now)) {
    if (reaches(binding->peer.address)) ask(now, Bind{*binding});
  }
}

void Client::send_early() {
  std::deque<Early> waiting;
  for (auto& early : early_) {
    if (book_.was_asked_for(early.peer.address)) {
      send_indication(early.peer, early.payload);
      if (state_ == State::allocating) sent_early_.push_back(std::move(early));
    } else if (book_.is_expected(early.peer.address)) {
      waiting.push_back(std::move(early));
    }
  }
  while (sent_early_.size() > config_.most_early) sent_early_.pop_front();
  early_ = std::move(waiting);
}

void Client::send_indication(const Endpoint& peer, ByteView payload) {
  stun::MessageWriter writer{stun::MessageClass::indication, Method::send, stun::make_transaction_id(rng_)};
  constexpr std::size_t room_for_attributes = 64;
  if (payload.size() + room_for_attributes > 0xFFFF) return;  // the header could not say how long it is
  writer.add_endpoint(AttributeType::xor_peer_address, peer);
  writer.add(AttributeType::data, payload);
  transmit(writer.finish());
}

void Client::transmit(Bytes payload) {
  out_.push_back({.socket = config_.socket,
                  .protocol = config_.server.protocol,
                  .remote = config_.server.endpoint,
                  .payload = std::move(payload)});
}

void Client::collect_transmits() {
  for (auto& request : requests_)
    while (const auto bytes = request.transaction.poll_transmit()) transmit(Bytes(bytes->begin(), bytes->end()));
}

// ---- what comes in

bool Client::owns(const Datagram& in) const {
  const bool is_from_server =
      in.socket == config_.socket && in.protocol == config_.server.protocol && in.remote == config_.server.endpoint;
  if (!is_from_server || in.protocol == Protocol::tcp) return is_from_server;
  if (in.payload.size() >= 2 && is_channel(static_cast<std::uint16_t>(in.payload[0] << 8U | in.payload[1])))
    return true;
  const auto message = stun::parse_message(in.payload);
  return message && is_turn(message->method());
}

void Client::handle_datagram(Instant now, const Datagram& in) {
  const bool is_over = state_ == State::idle || state_ == State::closed || state_ == State::failed;
  if (is_over || in.remote != config_.server.endpoint || in.protocol != config_.server.protocol) return;
  if (in.protocol == Protocol::udp) return handle_message(now, in.payload);
  framer_.append(in.payload);
  while (const auto message = framer_.next()) {
    handle_message(now, *message);
    if (state_ == State::closed || state_ == State::failed) return;
  }
  if (framer_.is_broken())
    fail(Failure::Kind::not_a_relay, 0, "what came over the connection is neither STUN nor data");
}

void Client::handle_message(Instant now, ByteView bytes) {
  if (const auto data = parse_channel_data(bytes)) {
    // The channel of a peer that was forgotten since stays bound for ten minutes.
    const auto peer = book_.peer_of(data->channel);
    if (peer && book_.is_expected(peer->address)) deliver(*peer, data->payload);
    return;
  }
  const auto message = stun::parse_message(bytes);
  if (!message) return;
  if (message->message_class() == stun::MessageClass::indication) return handle_data(*message);
  if (message->message_class() != stun::MessageClass::request) handle_answer(now, *message);
}

void Client::handle_data(const stun::Message& indication) {
  if (indication.method() != Method::data) return;
  const auto peer = indication.endpoint(AttributeType::xor_peer_address);
  const auto data = indication.find(AttributeType::data);
  // Whoever forges the server's address gets no further than a peer that we let in would.
  if (peer && data && book_.is_expected(peer->address)) deliver(*peer, *data);
}

void Client::deliver(const Endpoint& peer, ByteView payload) {
  if (received_.size() < most_received) received_.push_back({peer, Bytes(payload.begin(), payload.end())});
}

void Client::handle_answer(Instant now, const stun::Message& answer) {
  const auto found = std::ranges::find(requests_, answer.transaction_id(), &Request::id);
  if (found == requests_.end() || !is_genuine(*found, answer)) return;
  if (found->transaction.handle_message(now, answer) != stun::ClientTransaction::Match::first) return;
  if (const auto rtt = found->transaction.rtt()) rtt_ = rtt;
  const auto request = std::move(*found);
  requests_.erase(found);
  if (answer.message_class() == stun::MessageClass::success)
    succeeded(now, request, answer);
  else
    refused(now, request, answer);
  if (state_ == State::ready && std::ranges::none_of(requests_, &Request::is_early)) sent_early_.clear();
  if (state_ == State::ready || state_ == State::allocating) ask_for_what_is_due(now);
}

bool Client::is_genuine(const Request& request, const stun::Message& answer) const {
  if (!request.is_signed) return true;
  const auto integrity = authenticator_.verify(answer);
  if (answer.message_class() == stun::MessageClass::success) return integrity == stun::Integrity::right;
  // 401 and 438 cannot be signed (RFC 8489 §9.2.4), and servers in the field sign few of the other errors. Who forges
  // one must have seen the request's id, and who sees our packets can stop them as well.
  return integrity != stun::Integrity::wrong;
}

// ---- granted

void Client::succeeded(Instant now, const Request& request, const stun::Message& answer) {
  if (std::holds_alternative<Allocate>(request.purpose)) return allocated(now, answer);
  if (const auto* refresh = std::get_if<Refresh>(&request.purpose)) return refreshed(now, *refresh, answer);
  if (const auto* permissions = std::get_if<Permissions>(&request.purpose))
    return book_.granted(now, permissions->peers);
  book_.bound(now, std::get<Bind>(request.purpose).binding);
}

void Client::allocated(Instant now, const stun::Message& answer) {
  if (state_ != State::allocating) return;
  const auto xor_key = answer.datagram().subspan(4, 16);
  for (auto cursor = answer.attributes(); const auto attribute = cursor.next();) {
    if (attribute->type != AttributeType::xor_relayed_address) continue;
    const auto address = stun::parse_address_value(attribute->value, xor_key);
    if (address && !relayed(address->address.family())) relayed_.push_back(*address);
  }
  if (relayed_.empty()) return fail(Failure::Kind::not_a_relay, 0, "it granted an address without naming it");
  mapped_ = answer.mapped_endpoint();
  state_ = State::ready;
  give_up_.reset();
  renew_before(now, std::chrono::seconds{answer.u32(AttributeType::lifetime).value_or(600)});
  book_.postpone(std::exchange(too_early_, {}), now);
}

void Client::refreshed(Instant now, const Refresh& refresh, const stun::Message& answer) {
  if (refresh.lifetime == 0s) return removed(now);
  if (state_ == State::ready)
    renew_before(now, std::chrono::seconds{answer.u32(AttributeType::lifetime).value_or(600)});
}

/// Our allocation, or the one that an earlier run left behind.
void Client::removed(Instant now) {
  if (state_ == State::closing) return end(State::closed);
  if (state_ == State::allocating) ask(now, Allocate{});
}

void Client::renew_before(Instant now, std::chrono::seconds lifetime) {
  const auto granted = std::clamp(lifetime, shortest_lifetime, longest_lifetime);
  expires_ = now + granted;
  renew_at_ = now + std::max<Duration>(granted - 60s, granted / 2);  // RFC 8656 §8: about a minute before the end
}

// ---- refused

void Client::refused(Instant now, const Request& request, const stun::Message& answer) {
  const auto error = answer.error().value_or(stun::ErrorCode{});
  const bool is_challenge = error.code == 401 || error.code == 438;
  if (is_challenge && ask_again_signed(now, request, answer)) return;
  if (std::holds_alternative<Allocate>(request.purpose))
    return error.code == 300 ? redirect(now, answer) : allocate_refused(now, request, error);
  if (const auto* refresh = std::get_if<Refresh>(&request.purpose)) return refresh_refused(now, *refresh, error);
  if (std::holds_alternative<Permissions>(request.purpose)) return permissions_refused(now, request, error.code);
  bind_refused(now, request, error.code);
}

bool Client::ask_again_signed(Instant now, const Request& request, const stun::Message& answer) {
  const auto before = authenticator_.challenge();
  if (authenticator_.learn(answer) != Authenticator::Lesson::learned || request.attempt + 1 >= most_attempts)
    return false;
  // A stale nonce is told as 438. The same realm with 401 means that the proof was wrong, and would be again.
  if (request.is_signed && answer.error_code() == 401 && before && before->realm == authenticator_.challenge()->realm)
    return false;
  ask(now, request.purpose, request.attempt + 1);
  return true;
}

void Client::allocate_refused(Instant now, const Request& request, const stun::ErrorCode& error) {
  if (state_ != State::allocating) return;
  if (error.code == 440 && config_.families == RelayedFamilies::both) {  // no IPv4 there; IPv6 will do
    config_.families = RelayedFamilies::ipv6;
    return ask(now, Allocate{});
  }
  if (error.code == 437 && !has_cleared_) {  // an earlier run of ours on this very port did not end in order
    has_cleared_ = true;
    return ask(now, Refresh{0s});  // and then once more; at once, a repetition of this could remove the new one
  }
  const bool is_no_relay = !request.is_signed && (error.code < 401 || error.code == 420);
  if (error.code == 401 && !authenticator_.has_credentials())
    return fail(Failure::Kind::authentication_failed, 401, "it wants a name and a password, and none was given");
  fail(is_no_relay ? Failure::Kind::not_a_relay : failure_kind_of(error.code), error.code, error.reason);
}

void Client::refresh_refused(Instant now, const Refresh& refresh, const stun::ErrorCode& error) {
  if (refresh.lifetime == 0s) return removed(now);
  const auto kind = failure_kind_of(error.code);
  const bool is_final = kind == Failure::Kind::allocation_lost || kind == Failure::Kind::authentication_failed ||
                        kind == Failure::Kind::forbidden;
  if (is_final) return fail(kind, error.code, error.reason);
  renew_at_ = now + 5s;  // whatever it is may pass before our time is over
}

void Client::permissions_refused(Instant now, const Request& request, std::uint16_t code) {
  const auto& peers = std::get<Permissions>(request.purpose).peers;
  // A server that is still busy with the allocation says 437, or 400 or 401 (coturn 4.6, whose threads overtake one
  // another). Whom it forbids, and whom it cannot reach, it forbids for good.
  if (request.is_early && code != 403 && code != 443) return permissions_too_early(now, peers);
  if (code == 437) return fail(Failure::Kind::allocation_lost, code);
  if (peers.size() > 1) {  // all were refused because of one (§10.2): who is it?
    for (const auto& peer : peers) ask(now, Permissions{{peer}});
    return;
  }
  book_.refused(now, peers.front());
  refusals_.push_back({peers.front(), code});
}

/// The data that followed them was too early as well.
void Client::permissions_too_early(Instant now, const std::vector<IpAddress>& peers) {
  for (auto& early : std::exchange(sent_early_, {})) {
    const bool is_lost = std::ranges::find(peers, early.peer.address) != peers.end();
    (is_lost ? early_ : sent_early_).push_back(std::move(early));
  }
  book_.postpone(peers, state_ == State::ready ? now : Instant::max());
  if (state_ != State::ready) too_early_.insert(too_early_.end(), peers.begin(), peers.end());
}

void Client::bind_refused(Instant now, const Request& request, std::uint16_t code) {
  if (code == 437) return fail(Failure::Kind::allocation_lost, code);
  const auto& binding = std::get<Bind>(request.purpose).binding;
  book_.channel_refused(now, binding);
  if (code == 403) refusals_.push_back({binding.peer.address, code});
}

void Client::redirect(Instant now, const stun::Message& answer) {
  const auto next = answer.endpoint(AttributeType::alternate_server);
  if (state_ != State::allocating) return;
  if (!next || next->port == 0) return fail(Failure::Kind::not_a_relay, 300, "it sends us to another server unnamed");
  if (++redirections_ > most_redirections || *next == config_.server.endpoint)
    return fail(Failure::Kind::too_many_redirections, 300);
  config_.server.endpoint = *next;
  for (const auto& request : std::exchange(requests_, {}))  // what followed the Allocate is to follow the next one
    if (const auto* asked = std::get_if<Permissions>(&request.purpose)) permissions_too_early(now, asked->peers);
  book_.postpone(std::exchange(too_early_, {}), now);
  framer_ = StreamFramer{};
  authenticator_.forget_challenge();
  rtt_.reset();
  ask(now, Allocate{});
}

// ---- time

void Client::handle_timeout(Instant now) {
  std::vector<Request> ended;
  for (auto& request : requests_) request.transaction.handle_timeout(now);
  for (auto i = requests_.begin(); i != requests_.end();) {
    const bool is_over = i->transaction.state() == stun::ClientTransaction::State::timed_out;
    if (is_over) ended.push_back(std::move(*i));
    i = is_over ? requests_.erase(i) : i + 1;
  }
  for (const auto& request : ended) timed_out(now, request);
  collect_transmits();
  if (give_up_ && now >= *give_up_) return state_ == State::closing ? end(State::closed) : fail(Failure::Kind::silent);
  if (state_ != State::ready) return;
  if (now >= expires_) return fail(Failure::Kind::silent, 0, "our time ran out while it did not answer");
  if (renew_at_ && now >= *renew_at_) {
    renew_at_.reset();
    ask(now, Refresh{config_.lifetime});
  }
  ask_for_what_is_due(now);
}

void Client::timed_out(Instant now, const Request& request) {
  if (std::holds_alternative<Allocate>(request.purpose)) return fail(Failure::Kind::silent);
  if (std::holds_alternative<Refresh>(request.purpose)) {
    if (state_ == State::closing) return end(State::closed);
    if (state_ == State::ready) renew_at_ = now + pause_after_silence;  // again, until our time is over
    if (state_ == State::allocating) fail(Failure::Kind::silent);
    return;
  }
  if (const auto* bind = std::get_if<Bind>(&request.purpose))
    return book_.postpone_channel(bind->binding, now + pause_after_silence);
  book_.postpone(std::get<Permissions>(request.purpose).peers, now + pause_after_silence);
}

std::optional<Instant> Client::poll_timeout() const {
  std::optional<Instant> next = give_up_;
  const auto consider = [&next](std::optional<Instant> due) {
    if (due) next = next ? std::min(*next, *due) : due;
  };
  for (const auto& request : requests_) consider(request.transaction.poll_timeout());
  if (state_ != State::ready) return next;
  consider(renew_at_);
  consider(expires_);
  consider(book_.next_due());
  return next;
}

void Client::handle_send_failure(Instant, const Datagram& lost, std::string_view why) {
  const bool is_ours = lost.socket == config_.socket && lost.remote == config_.server.endpoint;
  if (!is_ours || lost.protocol != config_.server.protocol) return;
  if (state_ == State::closing) return end(State::closed);
  // Over UDP a refusal later on may pass (an interface that is down for a moment); a connection does not come back.
  const bool is_fatal = state_ == State::allocating || (state_ == State::ready && lost.protocol == Protocol::tcp);
  if (is_fatal) fail(Failure::Kind::unreachable, 0, why);
}

// ---- ends and outputs

void Client::fail(Failure::Kind kind, std::uint16_t code, std::string_view detail) {
  detail = detail.substr(0, detail.find('\0'));  // coturn counts the filler of its reason phrases as theirs
  failure_ = Failure{.kind = kind, .code = code, .server = config_.server, .detail = printable(detail)};
  end(State::failed);
}

void Client::end(State state) {
  state_ = state;
  sent_early_.clear();
  requests_.clear();
  early_.clear();
  give_up_.reset();
  renew_at_.reset();
  if (state == State::closed) relayed_.clear();
}

std::optional<Endpoint> Client::relayed(Family family) const {
  const auto found = std::ranges::find_if(relayed_, [&](const auto& e) { return e.address.family() == family; });
  if (found == relayed_.end()) return std::nullopt;
  return *found;
}

std::optional<Datagram> Client::poll_transmit() {
  if (out_.empty()) return std::nullopt;
  auto next = std::move(out_.front());
  out_.pop_front();
  return next;
}

std::optional<Client::Received> Client::poll_received() {
  if (received_.empty()) return std::nullopt;
  auto next = std::move(received_.front());
  received_.pop_front();
  return next;
}

std::optional<Client::PeerRefusal> Client::poll_refusal() {
  if (refusals_.empty()) return std::nullopt;
  const auto next = refusals_.front();
  refusals_.pop_front();
  return next;
}
}  // namespace natkit::turn
