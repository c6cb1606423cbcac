#pragma once
// What this host knows of itself, looked up beside the probe.
#include <vector>

#include "natkit/io/own_addresses.hpp"
#include "natkit/probe/host_facts.hpp"
#include "natkit/probe/trace.hpp"

namespace natkit {
class OwnSide {
 public:
  /// Reads which addresses are temporary: after a long run they may be gone.
  OwnSide();

  /// What matters of it for this run; of the addresses only those that it has sent from.
  [[nodiscard]] probe::HostFacts facts(const probe::Trace& trace) const;

 private:
  std::vector<io::OwnAddress> addresses_;
};
}  // namespace natkit
