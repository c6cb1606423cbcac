#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "natkit/ice/description.hpp"
#include "natkit/mesh/node.hpp"

/// Links by the help of members. What is passed on is a line and a body:
///
///   offer NUMBER RTT_US \n description        to the member with the greater id
///   answer NUMBER \n description
///   candidate NUMBER \n candidate             either way, later
///   places 0 \n places                        to the other end of a link: where its sender can be reached (place.hpp)
namespace natkit::mesh {
namespace {
struct Words {
  std::string_view verb{};
  std::uint32_t number = 0;
  std::uint32_t rtt_us = 0;
  std::string_view body{};
};

std::optional<std::uint32_t> number_in(std::string_view& line) {
  if (!line.starts_with(' ')) return std::nullopt;
  line.remove_prefix(1);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (error != std::errc{}) return std::nullopt;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  return value;
}

std::optional<Words> parse(std::string_view text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  auto line = text.substr(0, end);
  Words words{.verb = line.substr(0, line.find(' ')), .body = text.substr(end + 1)};
  line.remove_prefix(words.verb.size());
  const auto number = number_in(line);
  if (!number) return std::nullopt;
  words.number = *number;
  words.rtt_us = number_in(line).value_or(0);
  return words;
}

Way way_of(const ice::Path& path) {
  return path.is_routed() ? Way::routed : path.is_relayed() ? Way::relayed : Way::direct;
}

/// The server answers in a round trip, or after one more where somebody's door was just taken.
constexpr Duration patience_at_entrance = std::chrono::milliseconds{750};

std::uint32_t microseconds(Duration duration) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(duration / std::chrono::microseconds{1}, 0, 10'000'000));
}
}  // namespace

/// Whoever is wanted gets a contact; whoever is not, and never was, loses the link after a while.
void Node::keep_contacts(Instant now) {
  if (is_closing_) return;
  constexpr Duration grace = std::chrono::seconds{10};
  wanted_ = member_.wanted();
  for (const auto& peer : wanted_) contacts_.try_emplace(peer);
  for (auto each = contacts_.begin(); each != contacts_.end();) {
    auto& [peer, contact] = *each;
    if (wanted_.contains(peer)) {
      if (std::exchange(contact.unwanted_since, std::nullopt)) begin_anew(now, contact);
      if (contact.deadline && *contact.deadline <= now) {
        ++contact.tries;
        // An offer that nobody answers may never have been passed on: it says nothing of the way to that member.
        if (const auto* link = hub_.find(*contact.link); link && link->has_begun()) count_failure(now, peer, contact);
        drop_link(now, peer, contact);
        close_entrance(now, peer);
      }
      if (is_vain_knock(now, contact) && introducer_for(peer, 0)) {
        drop_link(now, peer, contact);
        contact.next_try = now;
      }
      if (contact.stage == Contact::Stage::idle && contact.next_try <= now) try_to_link(now, peer, contact);
      search_forsaken(now, peer, contact);
      if (contact.stage == Contact::Stage::up)
        if (const auto* link = hub_.find(*contact.link); link && link->path()) {
          if (link->path()->rtt) member_.handle_link(now, peer, LinkState::up, link->path()->rtt);
          member_.set_way(peer, way_of(*link->path()));
        }
      ++each;
      continue;
    }
    if (!contact.unwanted_since) contact.unwanted_since = now;
    if (now - *contact.unwanted_since < grace) {
      ++each;
      continue;
    }
    if (auto* link = contact.link ? hub_.find(*contact.link) : nullptr) link->close(now);
    hub_.flush(now);
    drop_link(now, peer, contact);
    with_others_ += contact.past;
    each = contacts_.erase(each);
  }
}

/// The member with the lesser id offers; the other one waits, and would hear of the offer. Whom the server is about to
/// bring here needs no other help, for a while.
void Node::try_to_link(Instant now, const MemberId& peer, Contact& contact) {
  contact.next_try = now + contact.pause;
  if (const auto entrance = entrances_.find(peer); entrance != entrances_.end()) {
    if (now < entrance->second.since + patience_at_entrance) return;
    close_entrance(now, peer);
  }
  if (!(member_.id() < peer)) return;
  const auto by = introducer_for(peer, contact.tries);
  if (!by || contact.forsaken_since) return;
  const auto link = hub_.open(now, link::RelayUse::last);
  if (!link) return;
  contact.link = link;
  contact.by = by;
  contact.enter(now, Contact::Stage::connecting);
  contact.number = ++offers_made_;
  // An answer that does not come costs a second; a path has its time once there is one.
  contact.deadline = now + std::chrono::seconds{1};
  const auto rtt = member_.peers().find(*by)->rtt.value_or(Duration{});
  member_.pass(
      now, *by, peer,
      fmt::format("offer {} {}\n{}", contact.number, microseconds(rtt), link::write_description(hub_.describe(*link))));
}

/// A second try fails for the reasons of the first, but for what was lost or late.
void Node::count_failure(Instant now, const MemberId& peer, Contact& contact) {
  if (++contact.failures >= 2) member_.handle_link(now, peer, LinkState::failed, {});
}

/// What was in vain before is no measure any more.
void Node::begin_anew(Instant now, Contact& contact) {
  contact.tries = contact.failures = 0;
  contact.pause = Contact{}.pause;
  contact.next_try = std::min(contact.next_try, now);
}

/// Somebody who says that it hears the other one; every second time, as that may be false, the host or anybody.
std::optional<MemberId> Node::introducer_for(const MemberId& peer, unsigned tries) const {
  std::vector<MemberId> likely, others;
  const auto& view = member_.view();
  const auto index = view ? view->index_of(peer) : std::nullopt;
  // Who was struck out cannot tell who hears whom, only who is in the session: those with the latest view.
  Version latest;
  for (const auto& [other, contact] : contacts_)
    if (const auto* known = member_.peers().find(other); known && known->beat && contact.stage == Contact::Stage::up)
      latest = std::max(latest, known->beat->version);
  for (const auto& [other, contact] : contacts_) {
    if (other == peer || contact.stage != Contact::Stage::up) continue;
    const auto* known = member_.peers().find(other);
    const bool hears = known && known->beat &&
                       ((index && view->version == known->beat->version && (known->beat->heard >> *index & 1U) == 1) ||
                        std::ranges::find(known->beat->reached, peer) != known->beat->reached.end());
    const bool is_in = !view && known && known->beat && known->beat->version == latest;
    if (hears || is_in)
      likely.push_back(other);
    else
      others.insert(other == member_.leader() ? others.begin() : others.end(), other);
  }
  if (likely.empty() && others.empty()) return std::nullopt;
  if (likely.empty()) return others[tries % others.size()];
  if (others.empty()) return likely[tries % likely.size()];
  const auto& asked = tries % 2 == 0 ? likely : others;
  return asked[tries / 2 % asked.size()];
}

void Node::hear_passed(Instant now, const PassedOn& passed) {
  const auto words = parse(passed.text);
  if (!words) return;
  if (words->verb == "offer")
    hear_offer(now, passed, words->number, std::chrono::microseconds{words->rtt_us}, words->body);
  else if (words->verb == "answer")
    hear_answer(now, passed, words->number, words->body);
  else if (words->verb == "places")
    hear_places(passed, words->body);
  else if (const auto contact = contacts_.find(passed.from);
           contact != contacts_.end() && contact->second.link && contact->second.number == words->number)
    if (const auto candidate = ice::parse_candidate(words->body))
      hub_.add_remote(now, *contact->second.link, *candidate);
}

/// Whoever passes it on vouches for it: only members' and joiners' words get so far.
void Node::hear_offer(Instant now, const PassedOn& passed, std::uint32_t number, Duration rtt, std::string_view text) {
  const auto parsed = link::parse_description(text);
  if (!parsed || !wanted_.contains(passed.by)) return;
  const auto strangers =
      std::ranges::count_if(contacts_, [&](const auto& each) { return !wanted_.contains(each.first); });
  if (!wanted_.contains(passed.from) && static_cast<std::size_t>(strangers) >= config_.most_strangers) return;
  auto& contact = contacts_[passed.from];
  // The server has brought the two together meanwhile, as its maker hears, too.
  if (contact.attempt && contact.stage == Contact::Stage::connecting && now < contact.stage_since + crossing) return;
  // It would not offer if it knew of a link that stands.
  if (contact.link) drop_link(now, passed.from, contact);
  const auto link = hub_.open(now, link::RelayUse::last);
  if (!link) return;
  contact.link = link;
  contact.by = passed.by;
  contact.number = number;
  member_.pass(now, passed.by, passed.from,
               fmt::format("answer {}\n{}", number, link::write_description(hub_.describe(*link))));
  const auto* by = member_.peers().find(passed.by);
  const auto there = (rtt + (by ? by->rtt.value_or(Duration{}) : Duration{})) / 2;
  begin_link(now, passed.from, contact, parsed->description, ice::Role::controlled, now + there);
}

void Node::hear_answer(Instant now, const PassedOn& passed, std::uint32_t number, std::string_view text) {
  const auto found = contacts_.find(passed.from);
  if (found == contacts_.end() || found->second.number != number || !found->second.link ||
      found->second.stage != Contact::Stage::connecting)
    return;
  const auto* link = hub_.find(*found->second.link);
  const auto parsed = link::parse_description(text);
  if (!parsed || !link || link->has_begun()) return;
  begin_link(now, passed.from, found->second, parsed->description, ice::Role::controlling, now);
}

/// Whatever was passed on, the one at the other end has to be who it is said to be.
void Node::begin_link(Instant now, const MemberId& peer, Contact& contact, link::Description description,
                      ice::Role role, Instant start) {
  description.fingerprint = crypto::Fingerprint{peer.bytes};
  contact.enter(now, Contact::Stage::connecting);
  contact.deadline = now + config_.attempt;
  hub_.begin(now, *contact.link, {.description = std::move(description), .role = role, .start_at = start});
  add_routes(now, peer, contact);
}

void Node::tell_candidate(Instant now, const ice::Candidate& candidate, std::optional<link::LinkId> only) {
  for (const auto& [peer, contact] : contacts_) {
    if (!contact.link || (only && contact.link != only)) continue;
    if (contact.attempt)
      client_->send_candidate(now, *contact.attempt, ice::write_candidate(candidate));
    else if (contact.by)
      member_.pass(now, *contact.by, peer,
                   fmt::format("candidate {}\n{}", contact.number, ice::write_candidate(candidate)));
  }
}
}  // namespace natkit::mesh
