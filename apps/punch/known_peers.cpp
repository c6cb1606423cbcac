#include "known_peers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "natkit/base/printable.hpp"
#include "natkit/cli/state_folder.hpp"
#include "natkit/cli/surroundings.hpp"
#include "natkit/io/clock.hpp"
#include "natkit/report/relayed_peers_json.hpp"

namespace natkit {
KnownPeers::KnownPeers(const cli::Output& output, Use use, std::string name)
    : output_(output), use_(use), name_(std::move(name)) {
  if (const auto folder = cli::cache_folder()) file_.emplace(*folder, "peers.json");
}

Result<report::RelayedPeers> KnownPeers::read() const {
  const auto text = file_->read(report::most_relayed_peers_bytes);
  if (!text) return std::unexpected(text.error());
  if (!*text) return report::RelayedPeers{};
  auto peers = report::parse_relayed_peers(**text);
  if (!peers) peers.error().detail = fmt::format("{} {}", printable(file_->path()), peers.error().detail);
  return peers;
}

void KnownPeers::look_up() {
  if (!file_ || meeting_) return;
  const auto network = cli::whole_network();
  if (!network) return;
  meeting_ = report::meeting_id(*network, name_);
  if (use_ == Use::only_store) return;
  auto peers = read();
  if (!peers) return output_.explain(cli::Verbosity::steps, "nothing is remembered of peers: " + peers.error().detail);
  peers_ = std::move(*peers);
  report::forget_old(peers_, io::unix_now());
}

bool KnownPeers::is_relay_expected() const { return meeting_ && report::is_relay_expected(peers_, *meeting_); }

std::optional<Duration> KnownPeers::relayed_ago(const IpAddress& peer) const {
  if (!meeting_) return std::nullopt;
  return report::relayed_ago(peers_, report::peer_id(*meeting_, peer), io::unix_now());
}

void KnownPeers::learn(const Lesson& lesson) {
  if (!file_ || !meeting_) return;
  const auto now = io::unix_now();
  const auto peer = report::peer_id(*meeting_, lesson.peer);
  // Other runs may have written since this one has read. What cannot be read is replaced, but not for nothing.
  auto kept = read().value_or(report::RelayedPeers{});
  report::forget_old(kept, now);
  if (lesson.what == Lesson::What::only_relayed) {
    const auto since = std::chrono::floor<std::chrono::seconds>(std::max(io::now() - lesson.at, Duration{}));
    report::note_relayed(kept, {.meeting = *meeting_, .peer = peer, .at = now - since});
  } else if (report::note_direct(kept, peer) == report::Learned::nothing) {
    return;
  }
  if (const auto written = file_->write(report::to_json(kept)); !written)
    output_.explain(cli::Verbosity::steps, "what was found out is not remembered: " + written.error().detail);
}
}  // namespace natkit
