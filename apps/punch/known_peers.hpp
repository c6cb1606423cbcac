#pragma once
// What earlier runs have found out about the peers of one room or listener, from the network that this host is in now.
#include <cstdint>
#include <optional>
#include <string>

#include "natkit/base/ip_address.hpp"
#include "natkit/base/time.hpp"
#include "natkit/cli/cache_file.hpp"
#include "natkit/cli/output.hpp"
#include "natkit/report/relayed_peers.hpp"

namespace natkit {
/// What a run has found out about its peer.
struct Lesson {
  enum class What : std::uint8_t { has_direct_path, only_relayed } what{};
  IpAddress peer{};  ///< as the server sees it
  Instant at{};      ///< until then a direct path had been looked for
};

/// Nothing here ever fails a run: whoever asks hears under -v why something could not be read or kept.
class KnownPeers {
 public:
  enum class Use : std::uint8_t { all, only_store };  ///< the latter: --fresh

  /// `name`: the word under which both meet.
  KnownPeers(const cli::Output& output, Use use, std::string name);

  /// Looks up what is known, once. Best called when something has come by the router: only then does the system surely
  /// know its link-layer address, by which the network is known again.
  void look_up();
  /// Whether any peer that was met under this name was reached by a relay only.
  [[nodiscard]] bool is_relay_expected() const;
  /// How long ago this one was.
  [[nodiscard]] std::optional<Duration> relayed_ago(const IpAddress& peer) const;

  void learn(const Lesson& lesson);

 private:
  [[nodiscard]] Result<report::RelayedPeers> read() const;

  const cli::Output& output_;
  Use use_;
  std::string name_;
  std::optional<cli::CacheFile> file_{};        ///< none: there is no cache folder
  std::optional<report::MeetingId> meeting_{};  ///< none: not looked up, or nothing tells this network from others
  report::RelayedPeers peers_{};
};
}  // namespace natkit
