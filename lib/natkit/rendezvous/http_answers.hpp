#pragma once
// Private to the room: what both forms of the directory over HTTP answer with.
#include <string>
#include <string_view>

#include "natkit/base/http.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/rendezvous/directory.hpp"
#include "natkit/rendezvous/json_reader.hpp"

namespace natkit::rendezvous {
inline constexpr std::string_view http_schema = "natkit/rendezvousd/1";
[[nodiscard]] HttpResponse answer_json(unsigned status, const Json& body);
[[nodiscard]] HttpResponse answer_error(unsigned status, std::string_view reason, std::string_view detail,
                                        std::string_view advice = {});
[[nodiscard]] HttpResponse answer_refusal(DirectoryRefusal refusal);
/// 405
[[nodiscard]] HttpResponse answer_method_not_allowed(std::string_view allowed);
/// 32 hexadecimal digits.
[[nodiscard]] std::string draw_id(Rng& rng);
}  // namespace natkit::rendezvous
