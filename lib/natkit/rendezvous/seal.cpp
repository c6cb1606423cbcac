#include "natkit/rendezvous/seal.hpp"

#include <algorithm>
#include <utility>

#include "natkit/base/base64.hpp"

namespace natkit::rendezvous {
namespace {
constexpr std::string_view protocol_word = "natkit rendezvous 1";
constexpr std::string_view sealed_mark = "sealed:";
constexpr std::string_view plain_mark = "plain:";
// Each takes a round trip of the server's to be played back; a peer sends some tens.
constexpr std::size_t most_remembered = 4096;

/// Length first, so that no two rows of parts give the same bytes.
void append_part(Bytes& out, std::string_view part) {
  ByteWriter writer{out};
  writer.write_u32(static_cast<std::uint32_t>(part.size()));
  writer.write_bytes(as_bytes(part));
}
}  // namespace

std::string_view to_text(SealError error) {
  switch (error) {
    case SealError::wrong_secret:
      return "the other side has another secret, or its message was changed on the way";
    case SealError::damaged:
      return "what came as the other side's message is none";
    case SealError::not_sealed:
      return "the other side uses no secret, and this one does";
    case SealError::unexpected:
      return "the other side uses a secret, and this one has none";
    case SealError::played_back:
      return "an old message of the other side was played back";
    case SealError::our_own:
      return "our own message came back as if it were the other side's";
  }
  return {};
}

Seal::Seal(std::string own_id, ByteView secret, std::string_view name) : own_id_(std::move(own_id)) {
  Bytes salt;
  append_part(salt, protocol_word);
  append_part(salt, name);
  master_ = crypto::stretch_secret(secret, salt);
}

crypto::SecretKey Seal::key_for(const TextContext& context) const {
  Bytes purpose;
  ByteWriter writer{purpose};
  writer.write_u8(static_cast<std::uint8_t>(context.kind));
  writer.write_u8(static_cast<std::uint8_t>(context.sender_purpose));
  writer.write_u8(context.attempt ? 1 : 0);
  writer.write_u64(context.attempt ? static_cast<std::uint64_t>(*context.attempt) : 0);
  append_part(purpose, context.sender);
  return crypto::derive_key(*master_, purpose);
}

std::string Seal::close(std::string_view text, const TextContext& context, Rng& rng) const {
  if (!master_) return std::string{plain_mark}.append(text);
  crypto::BoxNonce nonce{};
  rng.fill(nonce);
  Bytes box(nonce.begin(), nonce.end());
  const auto sealed = crypto::seal(key_for(context), nonce, as_bytes(text), {});
  box.insert(box.end(), sealed.begin(), sealed.end());
  return std::string{sealed_mark} + to_base64(box);
}

std::expected<std::string, SealError> Seal::open(std::string_view text, const TextContext& context) {
  if (context.sender == own_id_) return std::unexpected(SealError::our_own);
  if (text.starts_with(plain_mark)) {
    if (master_) return std::unexpected(SealError::not_sealed);
    return std::string{text.substr(plain_mark.size())};
  }
  if (!text.starts_with(sealed_mark)) return std::unexpected(SealError::damaged);
  if (!master_) return std::unexpected(SealError::unexpected);
  const auto box = from_base64(text.substr(sealed_mark.size()));
  crypto::BoxNonce nonce{};
  if (!box || box->size() < nonce.size()) return std::unexpected(SealError::damaged);
  std::copy_n(box->begin(), nonce.size(), nonce.begin());
  const auto plain = crypto::unseal(key_for(context), nonce, ByteView{*box}.subspan(nonce.size()), {});
  if (!plain) return std::unexpected(SealError::wrong_secret);
  if (!remember(nonce)) return std::unexpected(SealError::played_back);
  return std::string{as_text(*plain)};
}

bool Seal::remember(const crypto::BoxNonce& nonce) {
  if (!seen_.insert(nonce).second) return false;
  by_age_.push_back(nonce);
  if (by_age_.size() > most_remembered) {
    seen_.erase(by_age_.front());
    by_age_.pop_front();
  }
  return true;
}
}  // namespace natkit::rendezvous
