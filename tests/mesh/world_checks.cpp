// What must always hold (natkit/mesh/participant.hpp).
#include <fmt/format.h>

#include "world_state.hpp"

namespace natkit::test {
void World::fail(std::string what) {
  if (fault_.empty()) fault_ = fmt::format("at {:.3f} s: {}", to_ms(now_ - Instant{} - 1h) / 1000, what);
}

void World::check(unsigned member) {
  check_view(member);
  check_committed(member);
  check_acting();
}

/// What a majority has is never lost: whoever is elected later begins with it, or with more.
void World::check_committed(unsigned member) {
  const auto& machine = *nodes_[member]->machine;
  const auto& committed = machine.committed();
  if (!machine.view() || committed == mesh::Version{}) return;
  auto& seen = seen_[machine.view()->session];
  if (!seen.committed.insert(committed).second) return;
  for (const auto& [elected, base] : seen.bases) check_succession(elected, base, committed);
}

void World::check_succession(const mesh::Version& elected, const mesh::Version& base, const mesh::Version& committed) {
  if (committed.epoch >= elected.epoch || committed <= base) return;
  fail(fmt::format("a majority had {}.{}, and {}.{} was elected to follow {}.{}", committed.epoch, committed.sequence,
                   elected.epoch, elected.sequence, base.epoch, base.sequence));
}

void World::check_acting() {
  std::map<mesh::SessionId, unsigned> acting;
  for (unsigned member = 0; member < size(); ++member) {
    const auto& node = *nodes_[member];
    if (!node.is_alive || !node.machine->is_host() || !node.machine->acts(local(member))) continue;
    const auto& view = node.machine->view();
    const auto [other, is_only] = acting.try_emplace(view->session, member);
    if (!is_only) fail(fmt::format("m{} and m{} act at once", other->second, member));
    auto& seen = seen_[view->session];
    const auto epoch = view->version.epoch;
    const auto [known, is_new] = seen.led.try_emplace(epoch, node.id);
    if (known->second != node.id) fail(fmt::format("two hosts acted in epoch {}", epoch));
    if (!is_new) continue;
    std::size_t followers = 0;
    for (const auto* voter : view->electorate())
      if (seen.followed[epoch].contains(voter->self.id)) ++followers;
    if (followers < view->quorum())
      fail(fmt::format("m{} acts in epoch {} for {} of {} voters", member, epoch, followers, view->voters()));
  }
}

void World::check_view(unsigned member) {
  auto& node = *nodes_[member];
  const auto& view = node.machine->view();
  if (!view || view == node.seen) return;
  auto& latest = node.latest[view->session];
  if (latest && view->version < latest->version)
    fail(fmt::format("m{} went back from epoch {} sequence {} to {} {}", member, latest->version.epoch,
                     latest->version.sequence, view->version.epoch, view->version.sequence));
  node.seen = latest = view;
  note_follower(node.id, *view);
  std::set<mesh::MemberId> voters;
  for (const auto* each : view->electorate()) voters.insert(each->self.id);
  auto& seen = seen_[view->session];
  const auto is_new = seen.voters.try_emplace(view->version, voters).second;
  const auto hash = hash_of({}, body(*view));
  if (seen.bodies.try_emplace(view->version, hash).first->second != hash)
    fail(fmt::format("two views are version {}.{}", view->version.epoch, view->version.sequence));
  if (!is_new || !view->is_first_of_epoch() || !view->mandate) return;
  if (view->version.title == mesh::Title::elected) {
    seen.bases.emplace(view->version, view->mandate->base);
    for (const auto& committed : seen.committed) check_succession(view->version, view->mandate->base, committed);
  }
  const auto base = seen.voters.find(view->mandate->base);
  if (view->mandate->end) voters.insert(view->mandate->base_host);
  if (base != seen.voters.end() && base->second != voters) fail("an election changed the voters");
}

void World::note_follower(const mesh::MemberId& id, const mesh::View& view) {
  seen_[view.session].followed[view.version.epoch].insert(id);
}
}  // namespace natkit::test
