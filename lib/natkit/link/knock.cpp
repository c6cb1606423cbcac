#include "natkit/link/knock.hpp"

#include <algorithm>
#include <array>

#include "natkit/base/base64.hpp"
#include "natkit/stun/message.hpp"

namespace natkit::link {
namespace {
// 96 bits: nobody meets a door by chance, and what it is derived from cannot be found by it.
constexpr std::size_t host_fragment_characters = 16;
constexpr std::size_t key_characters = 43;  // 32 bytes in base64, without the padding
constexpr std::size_t drawn_bytes = 6;
constexpr std::size_t drawn_characters = 8;  // of these 6 bytes

/// Characters that ICE allows (RFC 8839 §5.4): base64 has just those.
std::string derived(const KnockSecret& secret, std::string_view purpose, std::string_view what,
                    std::size_t characters) {
  Bytes label(purpose.begin(), purpose.end());
  label.push_back('|');
  label.insert(label.end(), what.begin(), what.end());
  return to_base64(crypto::derive_key(secret, label)).substr(0, characters);
}

std::string knock_password(const KnockSecret& secret, std::string_view fragment) {
  return derived(secret, "natkit knock", fragment, key_characters);
}
}  // namespace

ice::Credentials host_credentials(const KnockSecret& secret) {
  return {.ufrag = derived(secret, "natkit knock host", "fragment", host_fragment_characters),
          .password = derived(secret, "natkit knock host", "password", key_characters)};
}

ice::Credentials make_knock(const KnockSecret& secret, const crypto::Fingerprint& own, Rng& rng) {
  std::array<std::uint8_t, drawn_bytes> drawn{};
  rng.fill(drawn);
  auto fragment = to_base64(own.digest).substr(0, key_characters) + to_base64(drawn);
  auto password = knock_password(secret, fragment);
  return {.ufrag = std::move(fragment), .password = std::move(password)};
}

std::optional<crypto::Fingerprint> parse_knock_fragment(std::string_view fragment) {
  if (fragment.size() != key_characters + drawn_characters || !from_base64(fragment.substr(key_characters)))
    return std::nullopt;
  const auto digest = from_base64(std::string{fragment.substr(0, key_characters)} + '=');
  crypto::Fingerprint found;
  if (!digest || digest->size() != found.digest.size()) return std::nullopt;
  std::ranges::copy(*digest, found.digest.begin());
  return found;
}

std::optional<Knocker> read_knock(ByteView payload, const ice::Credentials& host, const KnockSecret& secret) {
  const auto message = stun::parse_message(payload);
  if (!message || message->method() != stun::Method::binding || message->message_class() != stun::MessageClass::request)
    return std::nullopt;
  const auto names = ice::fragments(*message);
  if (!names || names->receiver != host.ufrag) return std::nullopt;
  const auto fingerprint = parse_knock_fragment(names->sender);
  if (!fingerprint || !ice::is_authentic(*message, host.password) || !ice::read_check(*message)) return std::nullopt;
  return Knocker{
      .credentials = {.ufrag = std::string{names->sender}, .password = knock_password(secret, names->sender)},
      .fingerprint = *fingerprint};
}
}  // namespace natkit::link
