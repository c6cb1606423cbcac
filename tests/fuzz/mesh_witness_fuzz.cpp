// Whatever is asked of a witness: it promises and votes for one candidate at a time, its view only grows, and what it
// answers can be read. What it is asked and what it answers is read and written as the same bytes.
#include <algorithm>
#include <chrono>
#include <map>

#include "fuzz/fuzz.hpp"
#include "fuzz/letters.hpp"
#include "natkit/mesh/witness.hpp"

using namespace natkit;
using namespace natkit::mesh;
using fuzz::id_of;
using fuzz::Letters;
using fuzz::must_hold;

namespace {
using namespace std::chrono_literals;

constexpr unsigned witness_number = 9;

/// Of two members, the first of whom leads.
View first_view() {
  View view{.host = id_of(0)};
  view.session.bytes[0] = 7;
  view.version = {.epoch = 1, .title = Title::elected, .sequence = 2};
  for (const auto number : {0U, 1U})
    view.members.push_back(
        {.self = {.id = id_of(number), .incarnation = Incarnation{1}}, .number = number + 1, .is_voter = true});
  view.witness = Member{.self = {.id = id_of(witness_number), .incarnation = Incarnation{1}}, .is_voter = true};
  view.signature = {0};
  return view;
}

Message message(std::uint8_t kind, std::uint8_t number, const View& view) {
  View next = view;
  switch (kind % 6) {
    case 0:
      return Heartbeat{.version = view.version, .number = number};
    case 1:
      return Claim{view.version.epoch + number % 4U, view.version};
    case 2:
      return Farewell{{view.host, Incarnation{1}, static_cast<Departure>(number % 5)}, {0}};
    case 3:
      next.version.sequence += number % 3U;
      if (number > 200) next.witness.reset();
      return Views{.foundings = {}, .latest = next};
    case 4:
      next.mandate = Mandate{.base = view.version, .base_host = view.host, .base_signature = {0}, .handover = {0}};
      for (const auto voter : {0U, 1U}) next.mandate->votes.push_back({id_of(voter), {0}});
      next.version = {.epoch = view.version.epoch + 1,
                      .title = static_cast<Title>(number % 2),
                      .sequence = view.version.sequence + 1};
      next.host = id_of(number / 2 % 2);
      return Views{.foundings = {next}, .latest = next};
    default:
      return Claim{number, Version{}};
  }
}
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView left{data, size};
  if (const auto question = parse_question(left)) must_hold(std::ranges::equal(write_question(*question), left));
  if (const auto answer = parse_answer(left)) must_hold(std::ranges::equal(write_answer(*answer), left));
  const Letters letters;
  Witness witness{{.self = {.id = id_of(witness_number), .incarnation = Incarnation{1}}}, letters};
  auto now = Instant{} + 1h;
  std::ignore = witness.answer(now, left);
  std::map<std::uint64_t, MemberId> votes;
  std::optional<Version> version;
  while (left.size() >= 4) {
    const auto kind = left[0], number = left[1], from = left[2], time = left[3];
    left = left.subspan(4);
    now += time * 20ms;
    const auto& view = witness.view() ? *witness.view() : first_view();
    const auto said = message(kind, number, view);
    auto question = write_question(
        {.from = id_of(from % 3), .message = write_message(view.session, said), .signature = Bytes(from / 128 + 1U)});
    if (kind >= 0xf0) question[number % question.size()] ^= from;
    const auto answer = witness.answer(now, question);
    if (witness.view()) {
      must_hold(!version || *version <= witness.view()->version);
      version = witness.view()->version;
    }
    if (!answer) continue;
    must_hold(parse_answer(write_answer(*answer)).has_value());
    const auto* bytes = std::get_if<Bytes>(&*answer);
    const auto envelope = bytes ? parse_message(*bytes) : std::unexpected(MessageError::malformed);
    must_hold(!bytes || envelope.has_value());
    const auto* granted = envelope ? std::get_if<Granted>(&envelope->message) : nullptr;
    if (granted) must_hold(votes.try_emplace(granted->epoch, id_of(from % 3)).first->second == id_of(from % 3));
  }
  return 0;
}
