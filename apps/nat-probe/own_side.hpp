#pragma once
// What this host knows of itself, looked up beside the probe and never longer than it.
#include <optional>
#include <vector>

#include "natkit/io/look_up_beside.hpp"
#include "natkit/io/own_addresses.hpp"
#include "natkit/probe/host_facts.hpp"
#include "natkit/probe/trace.hpp"

namespace natkit {
/// Whether the network's resolver is asked how it translates names (RFC 7050).
enum class Nat64Question : std::uint8_t { none, ask };

class OwnSide {
 public:
  /// Reads which addresses are temporary, since after a long run they may be gone, and begins to ask.
  explicit OwnSide(Nat64Question question);

  /// What matters of it for this run, as far as it is known by now; of the addresses only those that it has sent from.
  [[nodiscard]] probe::HostFacts facts(const probe::Trace& trace) const;

 private:
  std::vector<io::OwnAddress> addresses_;
  std::optional<io::LookUpBeside> ipv4only_;
};
}  // namespace natkit
