#include "natkit/rendezvous/http_answers.hpp"

#include <array>

#include "natkit/base/bytes.hpp"

namespace natkit::rendezvous {
HttpResponse answer_json(unsigned status, const Json& body) {
  return {.status = status, .body = body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

HttpResponse answer_error(unsigned status, std::string_view reason, std::string_view detail, std::string_view advice) {
  Json error{{"reason", reason}, {"detail", detail}};
  if (!advice.empty()) error["advice"] = advice;
  return answer_json(status, Json{{"schema", http_schema}, {"error", std::move(error)}});
}

HttpResponse answer_refusal(DirectoryRefusal refusal) {
  const auto name = to_text(refusal);
  switch (refusal) {
    case DirectoryRefusal::malformed:
      return answer_error(400, name, "a field is missing, of the wrong kind, or too long",
                          "rendezvousd(1) lists the fields and their bounds");
    case DirectoryRefusal::wrong_token:
      return answer_error(401, name, "that row belongs to whoever knows its token",
                          "send the token by which it was made, or take another id");
    case DirectoryRefusal::stale_epoch:
      return answer_error(409, name, "another host has that epoch or a later one",
                          "stop writing this row: the session has a new host");
    case DirectoryRefusal::full:
      return answer_error(503, name, "there is no room, or none for more rows of your address", "try again later");
    case DirectoryRefusal::not_found:
      return answer_error(404, name, "there is no such row; it may have run out");
    case DirectoryRefusal::too_fast: {
      auto answer = answer_error(429, name, "too many questions of your address in too short a time");
      answer.headers.emplace_back("Retry-After", "1");
      return answer;
    }
    case DirectoryRefusal::banned:
      return answer_error(403, name, "the operator of this server has banned that member");
    case DirectoryRefusal::not_signed:
    case DirectoryRefusal::unanswered:
      break;
  }
  return answer_error(500, name, "no answer");
}

HttpResponse answer_method_not_allowed(std::string_view allowed) {
  auto answer = answer_error(405, "method-not-allowed", "that is not done here");
  answer.headers.emplace_back("Allow", allowed);
  return answer;
}

std::string draw_id(Rng& rng) {
  std::array<std::uint8_t, 16> bytes{};
  rng.fill(bytes);
  return to_hex(bytes);
}
}  // namespace natkit::rendezvous
