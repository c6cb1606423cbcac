// Any questions over HTTP into the directory, in both its forms: every answer is one of ours, in JSON that can be read,
// and the directory stays bounded.
//
// An input is a row of records:
//   | how (1) | token (1) | target's length (1) | body's length (2) | target … | body … |
//   how: bits 0-2 the method, 3 from which of two addresses, 4-7 time since the record before, in steps of 4 s
//   token: 0 none, else one of four
#include <array>
#include <set>

#include "fuzz/fuzz.hpp"
#include "natkit/rendezvous/directory_http.hpp"
#include "natkit/rendezvous/message.hpp"

using namespace natkit;
using namespace natkit::rendezvous;
using fuzz::must_hold;

namespace {
constexpr std::size_t most_rows = 5;
constexpr std::size_t most_bytes = 16000;
constexpr std::array methods{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "", "POST"};
const std::set<unsigned> statuses{200, 201, 204, 400, 401, 404, 405, 409, 413, 429, 503};

/// That is JSON, or nothing: any object with a type that is not known is read as far as that.
bool is_json(const std::string& body) {
  const auto parsed = parse_message(body);
  return !parsed && parsed.error() != MessageError::not_json;
}
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SeededRng rng{1};
  Directory directory{
      {.limits = {.rows = most_rows, .rows_per_address = 3, .bytes = most_bytes, .hosts_remembered = 2}}};
  DirectoryHttp http{{.requests = {.burst = 40, .per_second = 5}}, directory, rng};
  Instant now{std::chrono::hours{1}};
  ByteReader reader{ByteView{data, size}};
  while (const auto how = reader.read_u8()) {
    const auto token = reader.read_u8().value_or(0);
    const auto target_size = reader.read_u8().value_or(0);
    const auto body_size = reader.read_u16().value_or(0);
    const auto take = [&](std::size_t count) {
      return std::string{as_text(*reader.read_bytes(std::min(count, reader.remaining())))};
    };
    HttpRequest request{.method = methods[*how & 7U], .target = take(target_size), .body = take(body_size)};
    request.from = IpAddress::v4(0xC6336401U + (*how >> 3U & 1U));
    if (token != 0) request.authorization = "Bearer " + std::string(1, static_cast<char>('a' + token % 4));
    now += std::chrono::seconds{4} * (*how >> 4U);
    const auto answer = http.handle(now, request);
    must_hold(statuses.contains(answer.status));
    must_hold((answer.status == 204) == answer.body.empty());
    must_hold(answer.body.empty() || is_json(answer.body));
    must_hold(answer.body.size() < 8 * most_bytes);
    must_hold(directory.size() <= most_rows && directory.bytes() <= most_bytes);
    must_hold(directory.hosts_remembered() <= 2);
  }
  directory.expire(now + std::chrono::minutes{5});
  must_hold(directory.size() == 0 && directory.bytes() == 0 && !directory.next_expiry());
  return 0;
}
