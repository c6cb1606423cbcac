#include "natkit/turn/gatekeeper.hpp"

#include <algorithm>
#include <utility>

#include "natkit/stun/integrity.hpp"

namespace natkit::turn {
namespace {
using stun::AttributeType;
using stun::Integrity;

constexpr std::uint16_t bad_request = 400;
constexpr std::uint16_t unauthenticated = 401;
constexpr std::uint16_t stale_nonce = 438;
}  // namespace

Gatekeeper::Gatekeeper(Config config, Rng& rng)
    : config_(std::move(config)),
      nonces_(rng, config_.nonce_epoch),
      accounts_({.most = config_.most_addresses,
                 .requests = config_.refusals_per_address,
                 .allowance = config_.allowance_per_address},
                rng),
      allowance_for_all_(config_.allowance_for_all, Instant{}) {}

void Gatekeeper::tell_time(Instant now, UnixTime unix_now) {
  told_at_ = now;
  told_ = unix_now;
}

std::expected<Gatekeeper::User, Gatekeeper::Refusal> Gatekeeper::let_in(Instant now, const Datagram& in,
                                                                        const stun::Message& request,
                                                                        const User* known) {
  if (!request.find(AttributeType::message_integrity)) return std::unexpected(Refusal{unauthenticated});
  const auto name = request.text(AttributeType::username);
  const auto nonce = request.text(AttributeType::nonce);
  if (!name || !nonce || !request.find(AttributeType::realm)) return std::unexpected(Refusal{bad_request});
  if (!is_fresh(now, in.remote.address, *nonce)) return std::unexpected(Refusal{stale_nonce});
  if (known != nullptr && known->name == *name &&
      stun::verify_message_integrity(request, known->key) == Integrity::right)
    return *known;
  // From here on every guess costs us a few hashes; an address has so many a second.
  auto& account = accounts_.of(in.remote.address, now);
  if (account.requests.level(config_.refusals_per_address, now) < 1) return std::unexpected(Refusal{});
  auto key = is_over(now, *name) ? std::nullopt : find_key(request, *name);
  if (key) return User{std::string{*name}, std::move(*key)};
  account.requests.take(1);
  return std::unexpected(Refusal{unauthenticated});
}

bool Gatekeeper::is_fresh(Instant now, const IpAddress& client, std::string_view nonce) const {
  const auto cookie = from_hex(nonce);
  return cookie && nonces_.is_right(*cookie, client, now);
}

bool Gatekeeper::is_over(Instant now, std::string_view name) const {
  const auto end = end_of_rest_username(name);
  return !end || !told_ || *told_ + (now - told_at_) >= *end;
}

std::optional<Bytes> Gatekeeper::find_key(const stun::Message& request, std::string_view name) const {
  for (const auto& secret : config_.secrets) {
    auto key = stun::long_term_key_md5(name, config_.realm, rest_password(secret, name));
    if (key && stun::verify_message_integrity(request, *key) == Integrity::right) return key;
  }
  return std::nullopt;
}

std::optional<Bytes> Gatekeeper::write_challenge(Instant now, const Datagram& in, const stun::Message& request,
                                                 std::uint16_t code) {
  // The reason phrase may be empty (RFC 8489 §14.8): the code says it all, and every byte counts here.
  stun::MessageWriter writer{stun::MessageClass::error, request.method(), request.transaction_id()};
  writer.add_error(code, {});
  if (code != bad_request) {  // RFC 8489 §9.2.4
    const auto [realm, nonce, algorithms] = challenge_for(now, in.remote.address);
    writer.add_text(AttributeType::realm, realm).add_text(AttributeType::nonce, nonce);
  }
  auto answer = writer.finish();
  auto& account = accounts_.of(in.remote.address, now);
  if (account.requests.level(config_.refusals_per_address, now) < 1) return std::nullopt;
  const auto excess = static_cast<double>(answer.size()) - static_cast<double>(in.payload.size());
  if (in.protocol == Protocol::udp && excess > 0) {
    if (account.allowance.level(config_.allowance_per_address, now) < excess ||
        allowance_for_all_.level(config_.allowance_for_all, now) < excess)
      return std::nullopt;
    account.allowance.take(excess);
    allowance_for_all_.take(excess);
  }
  account.requests.take(1);
  return answer;
}

Challenge Gatekeeper::challenge_for(Instant now, const IpAddress& client) const {
  return {.realm = config_.realm, .nonce = to_hex(nonces_.issue(client, now))};
}
}  // namespace natkit::turn
