// Whatever members and strangers say to a member, at any time: messages of any kind that is there, changed at any
// place, and any bytes. The version of its view only grows, what it keeps is bounded, and it says nothing to itself.
#include <algorithm>
#include <array>
#include <chrono>
#include <map>

#include "fuzz/fuzz.hpp"
#include "fuzz/letters.hpp"
#include "natkit/base/rng.hpp"
#include "natkit/mesh/participant.hpp"

using namespace natkit;
using namespace natkit::mesh;
using fuzz::id_of;
using fuzz::Letters;
using fuzz::must_hold;

namespace {
using namespace std::chrono_literals;

constexpr unsigned peers = 6;  // 0 is the member itself, or a host; 5 no member of any view at first

/// The fuzzer's bytes, taken one after the other; then zeros.
class Source {
 public:
  explicit Source(ByteView bytes) : bytes_(bytes) {}
  [[nodiscard]] bool is_empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto first = bytes_[0];
    bytes_ = bytes_.subspan(1);
    return first;
  }
  Bytes take(std::size_t size) {
    const auto piece = bytes_.first(std::min(size, bytes_.size()));
    bytes_ = bytes_.subspan(piece.size());
    return {piece.begin(), piece.end()};
  }

 private:
  ByteView bytes_;
};

/// A view that follows from what the member has, or almost.
View made_up(Source& source, const Participant& member, const SessionId& session) {
  View view;
  if (member.view()) {
    view = *member.view();
  } else {
    view.session = session;
    view.host = id_of(1);
    for (const auto number : {1U, 0U})
      view.members.push_back({.self = {.id = id_of(number), .incarnation = Incarnation{1}}, .number = number + 1});
  }
  const auto base = view.version;
  const auto base_host = view.host;
  view.signature = {0};
  view.version.epoch += source.byte() % 3U;
  view.version.title = static_cast<Title>(source.byte() % 2);
  view.version.sequence += source.byte() % 3U;
  view.host = id_of(source.byte() % peers);
  const auto how = source.byte();
  if ((how & 1U) != 0) {
    view.mandate = Mandate{.base = base, .base_host = base_host, .base_signature = {0}, .handover = {0}};
    for (unsigned voter = 0; voter < peers; ++voter) view.mandate->votes.push_back({id_of(voter), {0}});
  }
  if ((how & 2U) != 0 && view.members.size() < most_members)
    view.members.push_back({.self = {.id = id_of(source.byte() % peers), .incarnation = Incarnation{1}},
                            .number = ++view.numbers_given,
                            .is_voter = (how & 4U) != 0});
  if ((how & 8U) != 0 && !view.members.empty())
    view.members.erase(view.members.begin() + static_cast<std::ptrdiff_t>(source.byte() % view.members.size()));
  if ((how & 16U) != 0) view.departed.push_back({id_of(source.byte() % peers), Incarnation{1}, Departure::banned});
  return view;
}

Message message(Source& source, const Participant& member, const SessionId& session) {
  const auto version = member.view() ? member.view()->version : Version{1, Title::elected, 1};
  const std::uint64_t number = source.byte();
  const auto who = id_of(source.byte() % peers);
  const Incarnation incarnation{source.byte() % 3U};
  const Introduction self{.id = who, .incarnation = incarnation};
  switch (source.byte() % 20) {
    case 0:
      return Heartbeat{.version = version,
                       .number = number,
                       .echo = Echo{version.epoch, number},
                       .committed = version,
                       .heard = source.byte(),
                       .rtts = source.take(source.byte() % 8),
                       .reached = {who},
                       .asks = true,
                       .round = static_cast<std::uint32_t>(number),
                       .condition = Condition{.reach = Reach::easy, .hearing = source.take(source.byte() % 8)}};
    case 1:
      return Views{.foundings = {made_up(source, member, session)}, .latest = made_up(source, member, session)};
    case 2:
      return Views{.foundings = {}, .latest = made_up(source, member, session)};
    case 3:
      return Claim{version.epoch + number, version};
    case 4:
      return Granted{version.epoch + number, version, {0}};
    case 5:
      return Farewell{{who, incarnation, static_cast<Departure>(number % 5)}, {0}};
    case 6:
      return JoinRequest{.self = self, .proof = {}};
    case 7:
      return JoinList{.version = version, .host = who, .shape = {}, .members = {self}, .joiners = {self}};
    case 8:
      return JoinReport{version, {id_of(0), id_of(1), who}, {}};
    case 9:
      return JoinRefused{static_cast<Refusal>(number % 9), {}, {}};
    case 10:
      return Joining{self};
    case 11:
      return Passed{who, id_of(source.byte() % peers), "x"};
    case 12:
      return HandoverOffer{version.epoch + 1, version, {}};
    case 13:
      return HandoverReady{version.epoch + 1, version, {0}};
    case 14:
      return Wish{static_cast<Wish::Kind>(number % 2)};
    case 15:
      return Struck{version, {who, incarnation, Departure::kicked}, {0}};
    case 16:
      return SessionEnded{version, {0}};
    case 17: {
      Whereabouts there{.origin = session, .session = session, .members = source.byte(), .is_led = number % 2 == 1};
      there.session.bytes[1] = source.byte();
      return there;
    }
    case 18:
      return StateCopy{version.epoch, number, source.take(4)};
    default:
      return Payload{version.epoch, true, source.take(4)};
  }
}

void drain(Participant& member, Instant now) {
  std::size_t said = 0;
  while (const auto out = member.poll_message()) {
    must_hold(out->to != member.id());
    must_hold(parse_message(out->bytes).has_value());
    must_hold(++said < 10'000);
  }
  while (member.poll_event()) {
  }
  must_hold(member.wanted().size() <= 4 * most_members);
  must_hold(!member.acts(now) || member.is_host());
}
}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Source source{{data, size}};
  SeededRng rng{1};
  const Letters letters;
  SessionId session;
  session.bytes[0] = 7;
  const auto hooks = source.byte();
  Participant member{{.self = {.id = id_of(0), .incarnation = Incarnation{1}},
                      .admission = static_cast<Participant::Hook>(hooks & 1U),
                      .takeover = static_cast<Participant::Hook>(hooks >> 1U & 1U)},
                     letters,
                     rng};
  auto now = Instant{} + 1h;
  if ((hooks & 4U) != 0)
    member.found(now, session, {.name = "den", .partition = (hooks & 8U) != 0 ? Partition::fork : Partition::pause});
  else
    member.join(now, {.session = session}, id_of(1));
  for (unsigned peer = 1; peer < peers; ++peer) member.handle_link(now, id_of(peer), LinkState::up, 50ms);
  std::map<SessionId, Version> versions;
  for (int step = 0; !source.is_empty() && step < 500; ++step) {
    const auto what = source.byte();
    const auto from = id_of(what % peers);
    switch (source.byte() % 14) {
      case 0:
        now += std::chrono::milliseconds{source.byte() * 20};
        member.handle_timeout(now);
        break;
      case 1:
        member.handle_link(now, from, static_cast<LinkState>(source.byte() % 3), 20ms);
        break;
      case 2:
        member.handle_message(now, from, source.take(source.byte()));
        break;
      case 3: {
        auto bytes = write_message(session, message(source, member, session));
        bytes[source.byte() % bytes.size()] ^= source.byte();
        member.handle_message(now, from, bytes);
        break;
      }
      case 4:
        std::ignore = member.hand_over(now, std::nullopt, {});
        break;
      case 5:
        member.admit(now, from);
        member.take_over(now);
        break;
      case 6:
        if (what > 250) member.leave(now);
        std::ignore = member.strike_out(now, from, static_cast<Departure>(what % 5));
        break;
      case 7:
        member.offer_witness(now, {.id = id_of(what % 2 + 8U), .incarnation = Incarnation{what / 64U}}, 20ms);
        break;
      case 8:
        member.lose_witness(now);
        break;
      default:
        member.handle_message(now, from, write_message(session, message(source, member, session)));
    }
    drain(member, now);
    // Who is struck out and joins again may be let in by less.
    if (!member.is_member()) versions.clear();
    if (member.is_member() && member.view()) {
      auto& version = versions[member.view()->session];
      must_hold(version <= member.view()->version);
      version = member.view()->version;
    }
    must_hold(!member.poll_timeout() || *member.poll_timeout() < now + 24h);
  }
  return 0;
}
