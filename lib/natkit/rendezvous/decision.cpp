#include "natkit/rendezvous/decision.hpp"

#include "natkit/crypto/signature.hpp"
#include "natkit/rendezvous/match_json.hpp"

namespace natkit::rendezvous {
namespace {
constexpr std::size_t longest_certificate = 2048;  // ours has some 300 bytes

Bytes signed_bytes(std::string_view text) {
  const auto all = "natkit match\n" + std::string{text};
  return {all.begin(), all.end()};
}
}  // namespace

SignedMatch sign_match(const Match& match, std::optional<turn::UnixTime> decided, const crypto::Identity& server) {
  Json out;
  write_match(out, match);
  out["decided"] = decided ? Json(decided->time_since_epoch().count()) : Json(nullptr);
  SignedMatch made{.text = out.dump(-1, ' ', false, Json::error_handler_t::replace),
                   .certificate = crypto::certificate_of(server)};
  made.signature = crypto::sign(server, signed_bytes(made.text));
  return made;
}

std::expected<Decision, DecisionError> open_match(const SignedMatch& signed_match) {
  const auto& [text, certificate, signature] = signed_match;
  if (certificate.size() > longest_certificate || signature.size() > crypto::longest_signature)
    return std::unexpected(DecisionError::not_signed);
  Decision decision{.signer = {crypto::sha256(certificate)}};
  if (!crypto::is_signed_by(decision.signer, certificate, signed_bytes(text), signature))
    return std::unexpected(DecisionError::not_signed);
  const auto object = Json::parse(text, nullptr, false);
  if (!object.is_object()) return std::unexpected(DecisionError::malformed);
  Reader in{object};
  read_match(in, decision.match);
  std::optional<std::uint64_t> decided;
  in.read("decided", decided);
  if (!in.is_right()) return std::unexpected(DecisionError::malformed);
  constexpr std::uint64_t year_9999 = 253402300800;  // what follows fits into no calendar
  if (decided && *decided < year_9999)
    decision.decided = turn::UnixTime{std::chrono::seconds{static_cast<std::int64_t>(*decided)}};
  return decision;
}
}  // namespace natkit::rendezvous
