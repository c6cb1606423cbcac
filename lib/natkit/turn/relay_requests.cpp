// The relay's answers to requests (RFC 8656 §7–§12).
#include <algorithm>
#include <utility>

#include "natkit/stun/integrity.hpp"
#include "natkit/turn/channel_data.hpp"
#include "natkit/turn/relay_question.hpp"

namespace natkit::turn {
namespace {
using namespace std::chrono_literals;
using stun::AttributeType;
using stun::MessageClass;
using stun::MessageWriter;
using stun::Method;

constexpr std::uint8_t udp_protocol = 17;       // IANA's number, in REQUESTED-TRANSPORT
constexpr std::size_t most_peers_at_once = 64;  // XOR-PEER-ADDRESS in one request

// Attributes that we understand; DONT-FRAGMENT is not among them, so it is answered with 420 (§7.2, step 4).
constexpr std::array known_attributes{AttributeType::username,
                                      AttributeType::message_integrity,
                                      AttributeType::realm,
                                      AttributeType::nonce,
                                      AttributeType::channel_number,
                                      AttributeType::lifetime,
                                      AttributeType::xor_peer_address,
                                      AttributeType::requested_address_family,
                                      AttributeType::even_port,
                                      AttributeType::requested_transport,
                                      AttributeType::reservation_token,
                                      AttributeType::message_integrity_sha256};

struct ErrorWords {
  std::uint16_t code;
  std::string_view words;
};
// RFC 8489 §14.8, RFC 8656 §19.
constexpr std::array error_words{ErrorWords{400, "Bad Request"},
                                 ErrorWords{403, "Forbidden"},
                                 ErrorWords{420, "Unknown Attribute"},
                                 ErrorWords{437, "Allocation Mismatch"},
                                 ErrorWords{440, "Family not Supported"},
                                 ErrorWords{441, "Wrong Credentials"},
                                 ErrorWords{442, "Transport not Supported"},
                                 ErrorWords{443, "Peer Family Mismatch"},
                                 ErrorWords{486, "Quota Reached"},
                                 ErrorWords{508, "Insufficient Capacity"}};

std::string_view words_of(std::uint16_t code) {
  const auto* found = std::ranges::find(error_words, code, &ErrorWords::code);
  return found == error_words.end() ? std::string_view{} : found->words;
}

/// The part of a name that stays when it is renewed: "<end>:<id>" counts as id.
std::string_view account_of(std::string_view name) {
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

/// REQUESTED- and ADDITIONAL-ADDRESS-FAMILY (§18.6, §18.11): the first of four bytes.
std::optional<Family> family_of(std::uint32_t value) {
  if (value >> 24U == 1) return Family::ipv4;
  if (value >> 24U == 2) return Family::ipv6;
  return std::nullopt;
}

/// The peers that a request names, as many as are looked at; `nullopt` when one of them is broken or there is none.
std::optional<std::vector<Endpoint>> peers_of(const stun::Message& message) {
  std::vector<Endpoint> peers;
  const auto xor_key = message.datagram().subspan(4, 16);
  for (auto cursor = message.attributes(); const auto attribute = cursor.next();) {
    if (attribute->type != AttributeType::xor_peer_address) continue;
    const auto peer = stun::parse_address_value(attribute->value, xor_key);
    if (!peer || peers.size() == most_peers_at_once) return std::nullopt;
    peers.push_back(*peer);
  }
  if (peers.empty()) return std::nullopt;
  return peers;
}
}  // namespace

void Relay::handle_request(Instant now, const Datagram& in, const stun::Message& message) {
  if (stun::verify_fingerprint(message) == stun::Integrity::wrong) {
    ++counters_.unanswered;
    return;
  }
  auto* allocation = find(in);
  auto user = gate_.let_in(now, in, message, allocation != nullptr ? &allocation->user : nullptr);
  const ClientPath path{in.socket, in.protocol, in.local, in.remote};
  if (!user) {
    const auto code = user.error().code;
    auto answer = code == 0 ? std::nullopt : gate_.write_challenge(now, in, message, code);
    ++(answer ? counters_.challenged : counters_.unanswered);
    if (answer) transmit(path, std::move(*answer));
    return;
  }
  const Question question{
      .now = now, .path = path, .message = message, .user = std::move(*user), .allocation = allocation};
  if (const auto unknown = message.unknown_to(known_attributes); !unknown.is_empty())
    return refuse(question, 420, unknown);
  if (allocation != nullptr && allocation->user.name != question.user.name) return refuse(question, 441);
  switch (message.method()) {
    case Method::allocate:
      return allocate(question);
    case Method::refresh:
      return refresh(question);
    case Method::create_permission:
      return create_permission(question);
    case Method::channel_bind:
      return bind_channel(question);
    default:
      return refuse(question, 400);
  }
}

// ---- Allocate (§7)

void Relay::allocate(const Question& question) {
  if (auto* there = question.allocation) {
    if (there->made_by != question.message.transaction_id()) return refuse(question, 437);
    return answer_allocate(*there);  // its answer was lost, or is still to come
  }
  FamilyWish wish;
  const auto requested = question.message.u32(AttributeType::requested_address_family);
  const auto additional = question.message.u32(AttributeType::additional_address_family);
  const auto family = family_of(requested.value_or(1U << 24U));
  wish.is_wrong = requested && additional;
  wish.has_foreign =
      !family || (additional && family_of(*additional) != Family::ipv6);  // §18.11: IPv6 is all it may say
  wish.is_additional = additional.has_value();
  if (family) wish.wanted.at(static_cast<std::size_t>(*family)) = true;
  if (additional) wish.wanted.at(static_cast<std::size_t>(Family::ipv6)) = true;
  if (const auto problem = find_problem(question, wish); problem != 0) return refuse(question, problem);
  if (const auto shortage = find_shortage(question); shortage != 0) return refuse(question, shortage);

  auto made = std::make_unique<Allocation>();
  auto& allocation = *made;
  allocation.client = question.path;
  allocation.user = question.user;
  allocation.account = account_of(question.user.name);
  allocation.made_by = question.message.transaction_id();
  allocation.bytes = {config_.bytes, question.now};
  allocation.serial = counters_.allocations;
  allocation.lifetime = granted_lifetime(question);
  ++counters_.allocations;
  ++per_account_[allocation.account];
  ++per_household_[household(question.path.remote.address)];
  by_client_[question.path] = std::move(made);
  set_end(allocation, question.now + allocation.lifetime);
  if (question.message.find(AttributeType::even_port))
    for (auto& socket : allocation.sockets) socket.port = RelayedSocket::Port::even;
  for (const auto wanted : {Family::ipv4, Family::ipv6})
    if (wish.wanted.at(static_cast<std::size_t>(wanted))) open_socket(allocation, wanted);
  answer_allocate(allocation);
}

std::uint16_t Relay::find_problem(const Question& question, const FamilyWish& wish) const {
  const auto transport = question.message.u32(AttributeType::requested_transport);
  if (!transport || wish.is_wrong) return 400;
  if (*transport >> 24U != udp_protocol) return 442;
  if (wish.has_foreign) return 440;
  // Pairs of ports for RTP and RTCP are a thing of the past (RFC 8843); who insists is told that there is none.
  const auto even_port = question.message.find(AttributeType::even_port);
  if (even_port && even_port->size() != 1) return 400;
  if (question.message.find(AttributeType::reservation_token) || (even_port && (even_port->front() & 0x80U) != 0))
    return 508;
  const bool is_any = std::ranges::any_of(std::array{Family::ipv4, Family::ipv6}, [&](Family family) {
    return wish.wanted.at(static_cast<std::size_t>(family)) && address_of(family) != nullptr;
  });
  return is_any ? 0 : 440;
}

std::uint16_t Relay::find_shortage(const Question& question) const {
  const auto of_account = per_account_.find(account_of(question.user.name));
  if (of_account != per_account_.end() && of_account->second >= config_.most_per_user) return 486;
  const auto of_household = per_household_.find(household(question.path.remote.address));
  if (of_household != per_household_.end() && of_household->second >= config_.most_per_address) return 486;
  return by_client_.size() >= config_.most_allocations ? 508 : 0;
}

std::chrono::seconds Relay::granted_lifetime(const Question& question) const {
  const std::chrono::seconds asked{question.message.u32(AttributeType::lifetime).value_or(0)};
  return std::clamp(asked, config_.lifetime, std::max(config_.lifetime, config_.longest_lifetime));
}

/// Says what became of it, once every socket is open or not to be had.
void Relay::answer_allocate(Allocation& allocation) {
  if (allocation.is_opening()) return;
  const bool is_any_open = std::ranges::any_of(
      allocation.sockets, [](const auto& socket) { return socket.state == RelayedSocket::State::open; });
  MessageWriter writer{is_any_open ? MessageClass::success : MessageClass::error, Method::allocate, allocation.made_by};
  if (!is_any_open) {
    writer.add_error(508, words_of(508));
    ++counters_.refused;
    send_signed(allocation.client, std::move(writer), allocation.user.key);
    return remove(allocation);
  }
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto& socket = allocation.socket_of(family);
    if (socket.state == RelayedSocket::State::open)
      writer.add_endpoint(AttributeType::xor_relayed_address, socket.announced);
    if (socket.state != RelayedSocket::State::failed) continue;
    // ADDRESS-ERROR-CODE (§18.12): the family, and the error as ERROR-CODE has it; 440 or 508.
    const auto number = static_cast<std::uint8_t>(address_of(family) == nullptr ? 40 : 8);
    const auto hundreds = static_cast<std::uint8_t>(address_of(family) == nullptr ? 4 : 5);
    const auto name = static_cast<std::uint8_t>(family == Family::ipv4 ? 1 : 2);
    writer.add(AttributeType::address_error_code, std::array<std::uint8_t, 4>{name, 0, hundreds, number});
  }
  writer.add_u32(AttributeType::lifetime, static_cast<std::uint32_t>(allocation.lifetime.count()))
      .add_endpoint(AttributeType::xor_mapped_address, allocation.client.remote);
  send_signed(allocation.client, std::move(writer), allocation.user.key);
}

// ---- Refresh (§8)

void Relay::refresh(const Question& question) {
  auto* allocation = question.allocation;
  if (allocation == nullptr) return refuse(question, 437);
  const auto asked = question.message.u32(AttributeType::lifetime);
  const auto wanted = question.message.u32(AttributeType::requested_address_family);
  const auto family = wanted ? family_of(*wanted) : std::nullopt;
  if (wanted && (!family || !allocation->has(*family))) return refuse(question, 443);
  const auto lifetime = asked == 0U ? 0s : granted_lifetime(question);
  MessageWriter writer{MessageClass::success, Method::refresh, question.message.transaction_id()};
  writer.add_u32(AttributeType::lifetime, static_cast<std::uint32_t>(lifetime.count()));
  send_signed(question.path, std::move(writer), question.user.key);
  if (lifetime > 0s) return set_end(*allocation, question.now + lifetime);
  if (family) close_socket(allocation->socket_of(*family), *family);
  const bool is_any_left = allocation->has(Family::ipv4) || allocation->has(Family::ipv6);
  if (!family || !is_any_left) remove(*allocation);
}

// ---- CreatePermission (§10), ChannelBind (§12)

std::uint16_t Relay::judge_peer(const Allocation& allocation, const IpAddress& peer) const {
  if (!allocation.has(peer.family())) return 443;
  const auto is_relayed = [&](const Address& address) { return address.announced == peer; };
  if (std::ranges::any_of(config_.addresses, is_relayed)) return 0;  // only other allocations can be met there
  return config_.peers.admits(peer) && !is_own(peer) ? 0 : 403;
}

void Relay::create_permission(const Question& question) {
  auto* allocation = question.allocation;
  if (allocation == nullptr) return refuse(question, 437);
  const auto peers = peers_of(question.message);
  if (!peers) return refuse(question, 400);
  for (const auto& peer : *peers)
    if (const auto problem = judge_peer(*allocation, peer.address); problem != 0) return refuse(question, problem);
  for (const auto& peer : *peers) {
    if (allocation->permit(question.now, peer.address, config_.most_permissions) == Allocation::Outcome::full)
      return refuse(question, 508);
  }
  send_signed(question.path, {MessageClass::success, Method::create_permission, question.message.transaction_id()},
              question.user.key);
}

void Relay::bind_channel(const Question& question) {
  auto* allocation = question.allocation;
  if (allocation == nullptr) return refuse(question, 437);
  const auto number = question.message.u16(AttributeType::channel_number);
  const auto peer = question.message.endpoint(AttributeType::xor_peer_address);
  if (!number || !is_channel_of_any_time(*number) || !peer || peer->port == 0) return refuse(question, 400);
  if (const auto problem = judge_peer(*allocation, peer->address); problem != 0) return refuse(question, problem);
  auto outcome = allocation->bind(question.now, *number, *peer, config_.most_channels);
  if (outcome == Allocation::Outcome::conflict) return refuse(question, 400);
  if (outcome == Allocation::Outcome::done)
    outcome = allocation->permit(question.now, peer->address, config_.most_permissions);
  if (outcome == Allocation::Outcome::full) return refuse(question, 508);
  send_signed(question.path, {MessageClass::success, Method::channel_bind, question.message.transaction_id()},
              question.user.key);
}

// ---- answers

void Relay::refuse(const Question& question, std::uint16_t code, const stun::AttributeTypes& unknown) {
  ++counters_.refused;
  MessageWriter writer{MessageClass::error, question.message.method(), question.message.transaction_id()};
  writer.add_error(code, words_of(code));
  if (!unknown.is_empty()) writer.add_unknown_attributes(unknown);
  send_signed(question.path, std::move(writer), question.user.key);
}

void Relay::send_signed(const ClientPath& path, MessageWriter writer, ByteView key) {
  transmit(path, writer.add_message_integrity(key).finish());
}
}  // namespace natkit::turn
