#include "natkit/mesh/view.hpp"

#include <algorithm>
#include <set>
#include <string_view>

#include "natkit/mesh/view_fields.hpp"

namespace natkit::mesh {
namespace {
/// What is signed says first what it is: so a vote can never be shown as a view.
Bytes begin(std::string_view what, const SessionId& session) {
  Bytes out;
  ByteWriter writer{out};
  writer.write_bytes(as_bytes(what));
  writer.write_u8(0);
  writer.write_bytes(session.bytes);
  return out;
}

Bytes lead_text(std::string_view what, const SessionId& session, std::uint64_t epoch, const MemberId& leader,
                const Version& base) {
  auto out = begin(what, session);
  WireWriter wire{out};
  wire.number(epoch);
  wire.array(leader.bytes);
  fields(wire, base);
  return out;
}

bool is_signed(const View& view, const Member& by, ByteView signature, const Signatures& signatures) {
  return signatures.verify(by.self.id, by.self.certificate, body(view), signature);
}

bool is_wanted_by_majority(const View& first, const Signatures& signatures) {
  const auto text = vote_text(first.session, first.version.epoch, first.host, first.mandate->base);
  std::set<MemberId> voters;
  for (const auto& vote : first.mandate->votes) {
    const auto* voter = first.find_voter(vote.voter);
    if (voter && signatures.verify(vote.voter, voter->self.certificate, text, vote.signature))
      voters.insert(vote.voter);
  }
  return voters.size() >= first.quorum();
}

bool is_wanted_by_old_host(const View& first, const Member& old_host, const Signatures& signatures) {
  if (first.version.epoch != first.mandate->base.epoch + 1) return false;
  const auto text = handover_text(first.session, first.version.epoch, first.host, first.mandate->base);
  return signatures.verify(old_host.self.id, old_host.self.certificate, text, first.mandate->handover);
}
}  // namespace

const Member* View::find(const MemberId& id) const {
  const auto found = std::ranges::find_if(members, [&](const Member& member) { return member.self.id == id; });
  return found == members.end() ? nullptr : &*found;
}

bool View::is_home_of(const MemberId& id) const {
  const auto gone = std::ranges::find(departed, id, &Departed::id);
  return has(id) || (gone != departed.end() && (gone->cause == Departure::lost || gone->cause == Departure::crashed));
}

std::optional<std::size_t> View::index_of(const MemberId& id) const {
  const auto* found = find(id);
  return found ? std::optional{static_cast<std::size_t>(found - members.data())} : std::nullopt;
}

std::vector<const Member*> View::electorate() const {
  std::vector<const Member*> voters;
  for (const auto& member : members)
    if (member.is_voter) voters.push_back(&member);
  if (witness && witness->is_voter) voters.push_back(&*witness);
  return voters;
}

const Member* View::find_voter(const MemberId& id) const {
  const auto voters = electorate();
  const auto found = std::ranges::find_if(voters, [&](const Member* voter) { return voter->self.id == id; });
  return found == voters.end() ? nullptr : *found;
}

Bytes body(const View& view) {
  auto out = begin("view", view.session);
  WireWriter wire{out};
  body_fields(wire, view);
  return out;
}

Bytes vote_text(const SessionId& session, std::uint64_t epoch, const MemberId& candidate, const Version& base) {
  return lead_text("vote", session, epoch, candidate, base);
}

Bytes handover_text(const SessionId& session, std::uint64_t epoch, const MemberId& heir, const Version& base) {
  return lead_text("handover", session, epoch, heir, base);
}

Bytes departure_text(const SessionId& session, const Departed& who, const Version& last) {
  auto out = begin("departure", session);
  WireWriter wire{out};
  fields(wire, who);
  fields(wire, last);
  return out;
}

Bytes struck_text(const SessionId& session, const Version& version, const Departed& who) {
  auto out = begin("struck", session);
  WireWriter wire{out};
  fields(wire, version);
  fields(wire, who);
  return out;
}

Bytes end_text(const SessionId& session, const Version& version) {
  auto out = begin("end", session);
  WireWriter wire{out};
  fields(wire, version);
  return out;
}

View base_of(const View& first) {
  auto base = first;
  base.version = first.mandate->base;
  base.host = first.mandate->base_host;
  if (first.mandate->end)
    for (auto& member : base.members)
      if (member.self.id == base.host) member.is_voter = true;
  return base;
}

bool is_signed_by_host(const View& view, const Signatures& signatures) {
  const auto* host = view.find(view.host);
  return host && is_signed(view, *host, view.signature, signatures);
}

bool follows(const View& known, const View& next, const Signatures& signatures) {
  if (!next.mandate || next.session != known.session) return false;
  const auto& mandate = *next.mandate;
  const auto* old_host = known.find(known.host);
  const auto* new_host = next.find(next.host);
  if (!old_host || !new_host || !new_host->is_voter) return false;
  // The base may be older than what is known: what no majority had by then is void.
  if (mandate.base.epoch != known.version.epoch || mandate.base_host != known.host) return false;
  if (next.version.epoch <= mandate.base.epoch || next.version.sequence != mandate.base.sequence + 1) return false;
  if (!is_signed(base_of(next), *old_host, mandate.base_signature, signatures)) return false;
  if (!is_signed_by_host(next, signatures)) return false;
  if (mandate.end) {
    const Departed who{old_host->self.id, old_host->self.incarnation, *mandate.end};
    if (!signatures.verify(who.id, old_host->self.certificate, departure_text(next.session, who, mandate.base),
                           mandate.end_signature))
      return false;
  }
  return next.version.title == Title::elected ? is_wanted_by_majority(next, signatures)
                                              : is_wanted_by_old_host(next, *old_host, signatures);
}

bool supersedes(const View& next, const View& known, const ViewRef& before, const Signatures& signatures) {
  if (next.session != known.session || next.version <= known.version) return false;
  const bool is_same_epoch = next.version.epoch == known.version.epoch && next.version.title == known.version.title;
  if (is_same_epoch) {
    const auto* host = known.find(known.host);
    return next.host == known.host && host && next.has(next.host) && is_signed(next, *host, next.signature, signatures);
  }
  // Beside what is known only votes count: the host of the epoch before may hand over nothing any more.
  const bool is_elected_beside = before && next.version.title == Title::elected && follows(*before, next, signatures);
  return is_elected_beside || follows(known, next, signatures);
}
}  // namespace natkit::mesh
